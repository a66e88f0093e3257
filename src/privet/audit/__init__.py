"""The log: what a leaf is, how leaves make a tree, and how anyone checks it offline.

Everything here is pure: bytes in, bytes out, no clock, no randomness, no database.
"""
