"""Stage 4: minimise what was opened: mask, generalise, pseudonymise, derive."""
