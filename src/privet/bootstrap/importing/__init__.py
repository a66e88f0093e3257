"""Import of files: streamed, resumable, and idempotent by what identifies a row."""
