"""The DuckLake lakehouse: connecting, the one writer, raw tables, publication. Only here warehouse knows DuckDB."""
