"""The DuckLake lakehouse: connecting, the one writer, raw tables, publication. The only place in warehouse that knows DuckDB."""
