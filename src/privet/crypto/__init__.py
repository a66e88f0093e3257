"""Sealing, wrapping, derivation, the keyring, blind and pairwise ids. The only package that imports cryptography."""
