"""The vault of the invariants, shared by the tests of one file: each makes its own people."""

from tests.invariants.conftest import (
    backend,
    make_place,
    maker,
    place,
    postgres_template,
    shared,
    sqlite_template,
    world,
)

__all__ = [
    "backend",
    "make_place",
    "maker",
    "place",
    "postgres_template",
    "shared",
    "sqlite_template",
    "world",
]
