"""Simulated lots: seeded, deterministic records for demonstrations, tests and load.

Everything that happens in a lot follows from (seed, lot, day). Bulk history and the live simulator read the same
days, so the live simulator goes on exactly where history ended and a restart repeats nothing new.
"""
