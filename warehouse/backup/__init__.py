"""Backup: one consistent point over everything an instance holds, kept elsewhere, proved by restoring it.

Belongs here: taking, listing, verifying, restoring and forgetting backups. Does not belong here: when that happens
(``pipelines.backups``, ``warehouse.services.backups``) and SQL on the lake and its catalog (``warehouse.lake``).
"""
