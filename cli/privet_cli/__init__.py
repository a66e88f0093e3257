"""The privet command."""
