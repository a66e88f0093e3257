"""Sealing, wrapping, the keyring and the blind index. The only package that imports cryptography."""
