"""What a data subject may ask for: access, correction, restriction, objection, portability, erasure; and retention."""
