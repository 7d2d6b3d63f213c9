"""The warehouse: stores, security, services and reports. Imports nothing from ingest, pipelines or dashboards."""
