"""What the vault says in codes, in words for the person it is about. Pure: no request, no key, no store."""
