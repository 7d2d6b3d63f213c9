"""What starts backups and other work on the instance itself.

Belongs here: the sensor that asks and the job that carries it out. Does not belong here: what is due
(``warehouse.services.operation_runs``) and how it is done (``warehouse.operating``).
"""

# No postponed annotations here: Dagster looks at the types of step parameters when a step is defined.

from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from warehouse.operating import run_waiting
from warehouse.services.operation_runs import count_waiting
from warehouse.settings import Settings

OPERATIONS: Final = "operations"
ASKED_EVERY_SECONDS: Final = 30


def operations_automation(settings: Settings, unfinished: list[dg.DagsterRunStatus]) -> tuple[Any, dg.SensorDefinition]:
    """The job and its sensor; ``unfinished`` are the states of runs that keep a second one from starting."""

    @dg.op
    def carry_out(context: dg.OpExecutionContext) -> None:
        """Take, prove and forget backups, remove records: whatever waits or is due."""
        outcomes = run_waiting(settings)
        for outcome in outcomes:
            said = outcome.error.en if outcome.error else str(outcome.result)
            context.log.info(f"{outcome.claimed.kind} {outcome.claimed.subject or ''}: {said}")
        failed = [outcome.error.en for outcome in outcomes if outcome.error is not None]
        context.add_output_metadata({"done": len(outcomes) - len(failed), "failed": len(failed)})
        if failed:
            raise dg.Failure("; ".join(failed))

    @dg.job(name=OPERATIONS, executor_def=dg.in_process_executor)
    def operations() -> None:
        """Backups, their proof, clean-ups of lots."""
        carry_out()

    @dg.sensor(
        name="waiting_operations",
        job=operations,
        minimum_interval_seconds=ASKED_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the backup that is due, and what somebody asked for on the pages.",
    )
    def waiting_operations(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Ask whether something waits."""
        if context.instance.get_run_records(dg.RunsFilter(job_name=OPERATIONS, statuses=unfinished), limit=1):
            return dg.SkipReason("operations are on their way")
        waiting = count_waiting(settings, datetime.now(UTC))
        if not waiting:
            return dg.SkipReason("nothing waits")
        return dg.RunRequest(tags={"parkcloud/waiting": str(waiting)})

    return operations, waiting_operations
