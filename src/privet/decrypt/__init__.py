"""Stage 3: the only place that holds the plaintext capability."""
