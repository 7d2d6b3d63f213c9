"""File ingest: source profiles, reading files into relations, the contract's rules in SQL, watched folder, rejects."""
