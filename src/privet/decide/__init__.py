"""Stage 2: facts in, decision out. A pure function of (bundle revision, input)."""
