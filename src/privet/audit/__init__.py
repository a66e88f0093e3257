"""Stage 5: leaf, log, checkpoint, proof, tiles, fsck, query."""
