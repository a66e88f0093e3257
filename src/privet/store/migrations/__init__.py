"""Alembic's history of the schema, one for both backends, shipped in the wheel and run by the program."""
