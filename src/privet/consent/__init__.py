"""Consent: the append-only ledger of what a subject was shown and said, its folding into her facts, and receipts."""
