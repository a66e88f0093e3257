"""Stage 1: who asks, and who is asked about."""
