"""What starts the deliveries that are due.

Belongs here: the sensor that asks and the job that carries them out. Does not belong here: what a delivery is and does
(``warehouse.services.deliveries``, ``warehouse.delivering``).
"""

# No postponed annotations here: Dagster looks at the types of step parameters when a step is defined.

from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from warehouse.delivering import run_due
from warehouse.services.delivery_runs import count_due
from warehouse.settings import Settings

DELIVER: Final = "deliver"
ASKED_EVERY_SECONDS: Final = 120


def delivery_automation(settings: Settings, unfinished: list[dg.DagsterRunStatus]) -> tuple[Any, dg.SensorDefinition]:
    """The job and its sensor; ``unfinished`` are the states of runs that keep a second one from starting."""

    @dg.op
    def deliver_reports(context: dg.OpExecutionContext) -> None:
        """Make and send every report that is due."""
        outcomes = run_due(settings)
        for outcome in outcomes:
            said = outcome.target if outcome.is_done else outcome.sentence.en if outcome.sentence else ""
            context.log.info(f"delivery {outcome.claimed.delivery_id} {outcome.claimed.name}: {said}")
        sent = sum(outcome.is_done for outcome in outcomes)
        context.add_output_metadata({"delivered": sent, "failed": len(outcomes) - sent})

    @dg.job(name=DELIVER, executor_def=dg.in_process_executor)
    def deliver() -> None:
        """Send the reports that are due."""
        deliver_reports()

    @dg.sensor(
        name="due_deliveries",
        job=deliver,
        minimum_interval_seconds=ASKED_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the deliveries when one is due or has to be tried again.",
    )
    def due_deliveries(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Ask whether a delivery is due."""
        if context.instance.get_run_records(dg.RunsFilter(job_name=DELIVER, statuses=unfinished), limit=1):
            return dg.SkipReason("deliveries are on their way")
        due = count_due(settings, datetime.now(UTC))
        if not due:
            return dg.SkipReason("nothing due")
        return dg.RunRequest(tags={"parkcloud/due": str(due)})

    return deliver, due_deliveries
