"""`privet demo`: a hotel group's guests, from the first import to the last erasure, each line a real call."""
