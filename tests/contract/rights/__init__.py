"""Rights and consents through a whole vault, on each real database."""
