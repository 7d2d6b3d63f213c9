"""Reports as objects: named, parameterised, scoped questions to the published snapshot. SQL for people lives here."""
