"""How a report becomes a page: filters, chart, table with totals, drilling down, downloads."""
