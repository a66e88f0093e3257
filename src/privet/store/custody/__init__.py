"""Custody of keys and copies: control journal, keypack, rotation, anchors, backup and restore."""
