"""The rights of a data subject: access, rectification, restriction, objection, portability, erasure."""
