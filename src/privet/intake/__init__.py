"""The way of a write: decide, seal, store, audit."""
