"""What a client needs, and nothing of the vault itself."""
