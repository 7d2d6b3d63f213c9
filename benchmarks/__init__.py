"""Benchmarks: speed and memory beside peers in one run; results and how to read them in README.md."""
