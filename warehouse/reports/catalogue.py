"""Every report by name, in the order of the menu."""

from __future__ import annotations

from typing import Final

from warehouse.errors import ParkError
from warehouse.reports.alarm import ALARM_STATISTICS, ALARMS
from warehouse.reports.base import Report
from warehouse.reports.device import CAMERAS, DISPLAYS, GATE_CONTROLLERS, OF_ONE_DEVICE, PAY_STATIONS, TERMINALS
from warehouse.reports.fee import CHARGES_LIST, DAILY_REPORT, TEMPORARY_FEE_ANALYSIS, TEMPORARY_FEE_STATISTICS
from warehouse.reports.forecast import FORECAST, FORECAST_COURSE
from warehouse.reports.home import HOME_REPORTS
from warehouse.reports.invoice import INVOICES
from warehouse.reports.occupancy import OCCUPANCY
from warehouse.reports.quality import (
    COMPLETENESS,
    COMPLETENESS_COURSE,
    MISSING_HOURS,
    QUALITY,
    QUALITY_COURSE,
    REJECTS,
    WATERMARK,
)
from warehouse.reports.renewal import RENEWAL_ANALYSIS, RENEWAL_STATISTICS, RENEWALS
from warehouse.reports.stays import ENTRY_RECORDS, EXIT_RECORDS, INNER_ENTRY_RECORDS, INNER_EXIT_RECORDS, STAYS
from warehouse.reports.timeline import STAY_TIMELINE
from warehouse.reports.traffic import TRAFFIC_ANALYSIS, TRAFFIC_STATISTICS

_ALL: Final[tuple[Report, ...]] = (
    TRAFFIC_STATISTICS,
    TRAFFIC_ANALYSIS,
    ENTRY_RECORDS,
    EXIT_RECORDS,
    INNER_ENTRY_RECORDS,
    INNER_EXIT_RECORDS,
    STAYS,
    STAY_TIMELINE,
    OCCUPANCY,
    ALARMS,
    ALARM_STATISTICS,
    FORECAST,
    FORECAST_COURSE,
    TEMPORARY_FEE_ANALYSIS,
    RENEWAL_ANALYSIS,
    TEMPORARY_FEE_STATISTICS,
    RENEWAL_STATISTICS,
    CHARGES_LIST,
    RENEWALS,
    INVOICES,
    DAILY_REPORT,
    GATE_CONTROLLERS,
    CAMERAS,
    TERMINALS,
    PAY_STATIONS,
    DISPLAYS,
    *OF_ONE_DEVICE,
    QUALITY,
    WATERMARK,
    COMPLETENESS,
    COMPLETENESS_COURSE,
    QUALITY_COURSE,
    MISSING_HOURS,
    REJECTS,
    *HOME_REPORTS,
)
REPORTS: Final[dict[str, Report]] = {report.name: report for report in _ALL}
LISTED: Final = tuple(report for report in _ALL if report.listed)


def find(name: str) -> Report:
    """The report called ``name``.

    Raises:
        ParkError: there is none; the sentence lists those there are.
    """
    report = REPORTS.get(name)
    if report is None:
        names = [listed.name for listed in LISTED]
        raise ParkError(
            zh=f"没有报表 {name}:可用 {'、'.join(names)}",
            en=f"there is no report {name!r}: use {', '.join(names)}",
            code="unknown_report",
        )
    return report
