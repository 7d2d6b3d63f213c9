"""Assets, checks and the sensor, run inside this process on a real lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.automation import MAINTENANCE, NIGHTLY, REFRESH, waits_until
from pipelines.build import build_due, open_build, refresh
from pipelines.checks import missing_hours, stale_lots
from tests.integration.pipelines.conftest import bad_charge, land, land_uploads, void
from tests.stores import Stores
from warehouse.errors import ParkError
from warehouse.lake.analysts import WHOLE, file_path
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import builds_since_green, end_build, landed_up_to, last_green, published, start_build
from warehouse.settings import Settings


def run_job(code: dg.Definitions, instance: dg.DagsterInstance, name: str) -> dg.ExecuteInProcessResult:
    return code.resolve_job_def(name).execute_in_process(instance=instance, raise_on_error=False)


def ask_sensor(code: dg.Definitions, instance: dg.DagsterInstance) -> object:
    context = dg.build_sensor_context(instance=instance, definitions=code)
    return code.resolve_sensor_def("landed_data")(context)


def test_assets_jobs_schedules_and_sensors_are_these(code: dg.Definitions) -> None:
    graph = code.resolve_asset_graph()
    groups: dict[str, set[str]] = {}
    for key in graph.executable_asset_keys:
        groups.setdefault(str(graph.get(key).group_name), set()).add(key.path[-1])
    assert groups["publication"] == {"publication", "analysts_file"}
    assert groups["raw"] >= {"entry", "exit", "charge", "heartbeat", "batch", "rejected_record"}
    assert groups["traffic"] >= {"rpt_traffic_hour", "rpt_occupancy_hour", "rpt_stay_day"}
    assert groups["fee"] >= {"fct_charge", "rpt_fee_day"}
    repository = code.get_repository_def()
    assert {REFRESH, NIGHTLY, MAINTENANCE} <= {job.name for job in repository.get_all_jobs()}
    assert {s.name: s.cron_schedule for s in repository.schedule_defs} == {
        "hourly_refresh": "7 * * * *",
        "nightly": "30 3 * * *",
        "hourly_maintenance": "37 * * * *",
    }
    assert sorted(s.name for s in repository.sensor_defs) == ["due_deliveries", "landed_data", "waiting_operations"]


def test_every_mart_has_its_grain_as_a_check(code: dg.Definitions) -> None:
    graph = code.resolve_asset_graph()
    checked = {check.asset_key.path[-1] for check in graph.asset_check_keys if "unique_grain" in check.name}
    marts = {key.path[-1] for key in graph.executable_asset_keys if key.path[0] == "marts"} - {"code_label"}
    assert marts <= checked


def test_a_refresh_lands_builds_and_publishes(
    code: dg.Definitions, instance: dg.DagsterInstance, built: Settings
) -> None:
    land_uploads(built, "second", seed=2)
    before = published(built)
    assert isinstance(ask_sensor(code, instance), dg.SkipReason | dg.RunRequest)
    result = run_job(code, instance, REFRESH)
    assert result.success
    standing = published(built)
    assert standing.snapshot_id > before.snapshot_id
    assert standing.last_build_state == "green"
    assert build_due(built).reason is None
    materialized = {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}
    assert {"publication", "analysts_file", "fct_stay", "batch"} <= materialized
    assert file_path(built, standing, WHOLE).exists()
    checks = result.get_asset_check_evaluations()
    assert {"every_lot_is_heard_of", "no_expected_hour_is_missing"} <= {check.check_name for check in checks}
    assert all(check.passed for check in checks if check.asset_key.path[0] == "marts")

    again = run_job(code, instance, REFRESH)
    assert again.success
    assert published(built) == standing
    assert "fct_stay" not in {
        event.asset_key.path[-1] for event in again.get_asset_materialization_events() if event.asset_key
    }


def test_a_red_build_publishes_nothing_and_says_so_until_the_cause_is_gone(
    code: dg.Definitions, instance: dg.DagsterInstance, built: Settings
) -> None:
    before = published(built)
    land(built, "bad", [bad_charge("shells")])
    result = run_job(code, instance, REFRESH)
    assert not result.success
    standing = published(built)
    assert standing.snapshot_id == before.snapshot_id
    assert standing.last_build_state == "red"
    assert "every_charge_adds_up" in (standing.last_build_message or "")
    connection = open_lake(built, read_only=True)
    green = last_green(connection)
    assert green is not None
    assert green.raw_to < landed_up_to(connection)
    connection.close()
    due = build_due(built)
    assert due.failures == 1
    # Tried again, but later than a build that went well would be.
    patient, usual = waits_until(built, due.failures), waits_until(built, 0)
    assert patient is not None
    assert usual is not None
    assert patient - usual == timedelta(seconds=built.refresh_interval_seconds)
    if datetime.now(UTC) < patient - timedelta(seconds=5):  # unless the build itself took as long as the pause
        assert isinstance(ask_sensor(code, instance), dg.SkipReason)

    land(built, "mended", [void("shells")])
    assert run_job(code, instance, REFRESH).success
    assert published(built).last_build_state == "green"
    assert published(built).snapshot_id > before.snapshot_id


def test_a_part_of_the_marts_alone_is_refused(
    code: dg.Definitions, instance: dg.DagsterInstance, built: Settings
) -> None:
    before = published(built)
    result = code.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(["marts", "fct_stay"])], raise_on_error=False
    )
    assert not result.success
    assert published(built) == before


def test_the_nightly_verification_tests_all_days_of_what_is_published(
    code: dg.Definitions, instance: dg.DagsterInstance, built: Settings
) -> None:
    connection = open_lake(built)
    # Behind the publication: readers do not see it and the verification must not either.
    connection.execute("update lake.marts.fct_charge set received = received + 1")
    connection.close()
    try:
        good = run_job(code, instance, NIGHTLY)
        assert good.success
        checks = good.get_asset_check_evaluations()
        assert len(checks) > 30
        assert all(check.passed for check in checks if check.asset_key.path[0] == "marts")
    finally:
        connection = open_lake(built)
        connection.execute("update lake.marts.fct_charge set received = received - 1")
        connection.close()


def test_a_build_whose_process_died_ends_red_and_is_made_up_for(built: Settings) -> None:
    start_build(built, "died", is_full=True)
    with open_build(built) as plan:
        assert plan.is_needed
        assert plan.is_full, "what a full build left half done, only a full build makes whole"
        assert [build.build_id for build in builds_since_green(built)] == ["died"]
        assert "interrupted" in (builds_since_green(built)[0].message or "")
        from pipelines.build import DbtBuilder

        DbtBuilder(built).run(["build", "--full-refresh"])
    assert builds_since_green(built) == []
    assert build_due(built).reason == "a green build is not published"
    assert refresh(built).built is False
    assert build_due(built).reason is None


def test_an_older_build_never_replaces_a_newer_publication(built: Settings) -> None:
    from warehouse.lake.publish import publish

    start_build(built, "slow", is_full=False)
    end_build(built, "slow", state="green")
    start_build(built, "fast", is_full=False)
    end_build(built, "fast", state="green")
    standing = published(built)
    publish(built, "fast", standing.snapshot_id, standing.data_as_of)
    publish(built, "slow", 1, None)
    assert published(built).build_id == "fast"
    assert published(built).snapshot_id == standing.snapshot_id


def test_lots_never_heard_of_are_stale_and_named(built: Settings) -> None:
    assert stale_lots(built, datetime.now(UTC)) == {"L1": "never", "L2": "never", "L3": "never"}
    assert missing_hours(built).keys() <= {"L1", "L2", "L3"}


def test_nothing_is_published_by_an_instance_without_a_green_build(tmp_path: Path, stores: Stores) -> None:
    from pipelines.build import publish_newest_green
    from tests.dbt.conftest import create_instance

    empty = create_instance(tmp_path / "home", 1, **stores.empty())
    with pytest.raises(ParkError, match="nothing has been published"):
        publish_newest_green(empty)
    assert build_due(empty).reason == "nothing was built yet"
