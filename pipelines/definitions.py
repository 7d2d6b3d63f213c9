"""What Dagster loads: ``dagster … -m pipelines.definitions``.

Belongs here: joining assets, checks and automation of the instance that the environment names.
"""

from __future__ import annotations

from pipelines.code_location import definitions
from warehouse.settings import load_settings

defs = definitions(load_settings())
