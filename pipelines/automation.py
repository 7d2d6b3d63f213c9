"""When things run: jobs, the sensor on landed data, schedules.

Belongs here: what starts a run and what keeps it from starting. Does not belong here: what a run does (assets).
A dbt start costs many CPU seconds, so nothing is started that has nothing to do.
"""

# No postponed annotations here: Dagster looks at the types of step parameters when a step is defined.

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from pipelines.assets.analysts import KEY as ANALYSTS_FILE
from pipelines.assets.publication import KEY
from pipelines.build import build_due
from pipelines.deliveries import delivery_automation
from pipelines.operations import operations_automation
from pipelines.resources import WRITER_POOL
from warehouse.lake.maintain import maintain
from warehouse.lake.publish import newest_build_started_at
from warehouse.settings import Settings

# A build that fails again and again is tried at most this many doublings of the refresh interval apart.
_LONGEST_BACKOFF: Final = 6
UNFINISHED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_RUNS_KEPT_FOR: Final = timedelta(days=3)
_RUNS_FORGOTTEN_AT_ONCE: Final = 500
REFRESH: Final = "refresh"
NIGHTLY: Final = "nightly_verification"
MAINTENANCE: Final = "maintenance"


@dataclass(frozen=True)
class Automation:
    """Everything that starts by itself, and the jobs it starts."""

    jobs: Sequence[Any]
    schedules: Sequence[dg.ScheduleDefinition]
    sensors: Sequence[dg.SensorDefinition]


def waits_until(settings: Settings, failures: int) -> datetime | None:
    """Earliest moment of the next refresh: one interval after the last began, doubled for each failure since."""
    started_at = newest_build_started_at(settings)
    if started_at is None:
        return None
    doublings: int = min(failures, _LONGEST_BACKOFF)
    return started_at + timedelta(seconds=settings.refresh_interval_seconds << doublings)


def automation(settings: Settings, raw: dg.AssetsDefinition, marts: dg.AssetsDefinition) -> Automation:
    """Jobs, sensor and schedules on ``settings``' instance."""
    # In process: a process for each of four steps would cost more than the steps themselves.
    refresh = dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.assets(raw, marts) | dg.AssetSelection.assets(KEY, ANALYSTS_FILE),
        executor_def=dg.in_process_executor,
        description="Land what waits, build what is new, test it, publish it, make the analysts' file.",
    )
    nightly = dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.checks_for_assets(marts, KEY),
        executor_def=dg.in_process_executor,
        description="Every test of the models over every day of what is published.",
    )

    @dg.op(pool=WRITER_POOL)
    def tidy_lake(context: dg.OpExecutionContext) -> None:
        """Merge small files, expire snapshots, delete what nothing refers to."""
        done = maintain(settings)
        context.log.info(f"maintenance: {done.as_dict()}")
        context.add_output_metadata(done.as_dict())

    @dg.op
    def forget_old_runs(context: dg.OpExecutionContext) -> None:
        """Delete what Dagster keeps of runs that ended days ago; a refresh a minute leaves a file each."""
        before = datetime.now(UTC) - _RUNS_KEPT_FOR
        done = [status for status in dg.DagsterRunStatus if status not in UNFINISHED]
        records = context.instance.get_run_records(
            dg.RunsFilter(statuses=done, created_before=before), limit=_RUNS_FORGOTTEN_AT_ONCE
        )
        for record in records:
            context.instance.delete_run(record.dagster_run.run_id)
            shutil.rmtree(settings.dagster_home / "storage" / record.dagster_run.run_id, ignore_errors=True)
        context.log.info(f"{len(records)} old runs deleted")

    @dg.job(name=MAINTENANCE, executor_def=dg.in_process_executor)
    def maintenance() -> None:
        """Keep the lake small and fast."""
        tidy_lake()
        forget_old_runs()

    def refresh_request(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
        if instance.get_run_records(dg.RunsFilter(job_name=REFRESH, statuses=list(UNFINISHED)), limit=1):
            return dg.SkipReason("a refresh is on its way")
        due = build_due(settings)
        if due.reason is None:
            return dg.SkipReason("nothing new")
        earliest = waits_until(settings, due.failures)
        if earliest is not None and datetime.now(UTC) < earliest:
            return dg.SkipReason(f"{due.reason}; waits until {earliest.isoformat(timespec='seconds')}")
        return dg.RunRequest(tags={"parkcloud/reason": due.reason})

    @dg.sensor(
        name="landed_data",
        job_name=REFRESH,
        minimum_interval_seconds=max(5, settings.refresh_interval_seconds // 4),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a refresh when something landed, was edited or has to be tried again.",
    )
    def landed_data(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Ask whether a refresh is due."""
        return refresh_request(context.instance)

    @dg.schedule(
        name="hourly_refresh",
        job_name=REFRESH,
        cron_schedule="7 * * * *",
        execution_timezone=settings.schedule_time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The same question once an hour, for when the sensor is switched off.",
    )
    def hourly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Ask whether a refresh is due."""
        return refresh_request(context.instance)

    def schedule(name: str, job: Any, cron: str) -> dg.ScheduleDefinition:
        return dg.ScheduleDefinition(
            name=name,
            job=job,
            cron_schedule=cron,
            execution_timezone=settings.schedule_time_zone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )

    deliver, due_deliveries = delivery_automation(settings, list(UNFINISHED))
    operations, waiting_operations = operations_automation(settings, list(UNFINISHED))
    return Automation(
        jobs=[refresh, nightly, maintenance, deliver, operations],
        schedules=[
            hourly_refresh,
            schedule("nightly", nightly, "30 3 * * *"),
            schedule("hourly_maintenance", maintenance, "37 * * * *"),
        ],
        sensors=[landed_data, due_deliveries, waiting_operations],
    )
