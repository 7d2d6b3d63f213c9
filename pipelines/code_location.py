"""Joins assets, checks and automation of one instance; kept apart from ``definitions``, which acts when imported."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.analysts import analysts_file
from pipelines.assets.marts import dbt_marts
from pipelines.assets.publication import publication
from pipelines.assets.raw import raw_landing
from pipelines.automation import automation
from pipelines.checks import lot_checks
from pipelines.resources import dbt_resource, prepare_manifest
from warehouse.settings import Settings


def definitions(settings: Settings) -> dg.Definitions:
    """Everything Dagster knows about the instance of ``settings``; parses the dbt project when it changed.

    Raises:
        ParkError: the dbt project cannot be parsed.
    """
    raw = raw_landing(settings)
    marts = dbt_marts(settings, prepare_manifest(settings))
    automatic = automation(settings, raw, marts)
    return dg.Definitions(
        assets=[raw, marts, publication(settings, marts), analysts_file(settings)],
        asset_checks=lot_checks(settings),
        jobs=automatic.jobs,
        schedules=automatic.schedules,
        sensors=automatic.sensors,
        resources={"dbt": dbt_resource(settings)},
    )
