"""Rights without a store."""
