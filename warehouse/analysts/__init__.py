"""Analysts' SQL: who may ask what of which file, with which limits, and the record of it."""
