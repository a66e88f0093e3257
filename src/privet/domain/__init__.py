"""Frozen types and ports: the words of the vault. No I/O, no clock, no randomness."""
