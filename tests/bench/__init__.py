"""Benchmarks: `python -m tests.bench [NAME ...] [--quick]`. How and what they measure: docs/performance.md."""
