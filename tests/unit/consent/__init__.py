"""Consent without a store."""
