"""The consent ledger, notices and receipts."""
