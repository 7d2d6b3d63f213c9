"""What can be permitted: menu items, the actions on each, and the roles that every instance has.

Belongs here: the list of menu items and the rights of the built-in roles. Does not belong here: who holds a role
(``actor.py``), roles that people make (``warehouse.services.roles``), labels (the locale catalogs, ``menu.<code>``).
A permission is written ``menu.action``, for example ``lots.edit``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VIEW, EDIT, EXPORT, DELETE = "view", "edit", "export", "delete"
ACTIONS: Final = (VIEW, EDIT, EXPORT, DELETE)


@dataclass(frozen=True)
class MenuItem:
    """One entry of the menu; ``section`` groups entries, ``actions`` are those that make sense here."""

    code: str
    section: str
    actions: tuple[str, ...]

    def permissions(self) -> tuple[str, ...]:
        """Its permissions, in the order of the actions."""
        return tuple(f"{self.code}.{action}" for action in self.actions)


_SEEN: Final = (VIEW,)
_REPORT: Final = (VIEW, EXPORT)
_ADMINISTERED: Final = ACTIONS
_SET: Final = (VIEW, EDIT)

MENU: Final = tuple(
    MenuItem(code, section, actions)
    for section, actions, names in (
        ("overview", _SEEN, "home cloud_map"),
        ("tree", _ADMINISTERED, "agents customers lots"),
        ("parkers", _ADMINISTERED, "long_term_owners owner_wallets long_term_vehicles"),
        (
            "traffic",
            _REPORT,
            "traffic_statistics traffic_analysis entry_records exit_records inner_entry_records inner_exit_records",
        ),
        ("traffic", (VIEW, EDIT, EXPORT), "alarms"),
        ("traffic", _REPORT, "forecast"),
        ("traffic", _SEEN, "plate_search"),
        (
            "finance",
            _REPORT,
            "temporary_fee_analysis renewal_analysis temporary_fee_statistics renewal_statistics charges renewals "
            "invoices daily_report",
        ),
        ("devices", _REPORT, "gate_controllers cameras terminals pay_stations displays"),
        ("devices", (VIEW, EDIT, EXPORT), "downlink"),
        ("devices", _SET, "region_linkage"),
        ("settings", _ADMINISTERED, "operators roles"),
        ("settings", _REPORT, "operator_log data_quality restatement sql"),
        ("settings", (VIEW, EDIT, DELETE), "deliveries"),
        ("settings", _SET, "invoice_settings backup"),
        ("settings", (VIEW, DELETE), "maintenance"),
        ("settings", _SEEN, "status"),
        # Plates are shown whole to those who may; to others with stars.
        ("settings", _SEEN, "plates"),
    )
    for code in names.split()
)
BY_CODE: Final = {item.code: item for item in MENU}
ALL_PERMISSIONS: Final = frozenset(permission for item in MENU for permission in item.permissions())

# Menu items whose name is not that of the report with underscores.
_REPORT_MENU: Final = {
    "stays": "exit_records",
    "stay-timeline": "exit_records",
    "occupancy": "traffic_statistics",
    "alarm-statistics": "alarms",
    "quality": "data_quality",
    "quality-course": "data_quality",
    "completeness-course": "data_quality",
    "watermark": "data_quality",
    "completeness": "data_quality",
    "missing-hours": "data_quality",
    "rejects": "data_quality",
    "forecast-course": "forecast",
    **{
        f"{name.replace('_', '-')}-{part}": name
        for name in ("gate_controllers", "cameras", "terminals", "pay_stations", "displays")
        for part in ("days", "states")
    },
}


def menu_of_report(report: str) -> str:
    """The menu item under which a report is permitted.

    Raises:
        KeyError: the report belongs to no menu item.
    """
    code = "home" if report.startswith("home-") else _REPORT_MENU.get(report, report.replace("-", "_"))
    return BY_CODE[code].code


def _of(*patterns: str) -> frozenset[str]:
    """Permissions by ``section:action,action`` or ``code:action,action``; actions that an item lacks are left out."""
    found: set[str] = set()
    for pattern in patterns:
        names, _, actions = pattern.partition(":")
        wanted = actions.split(",")
        for item in MENU:
            if names in (item.code, item.section):
                found |= {f"{item.code}.{action}" for action in item.actions if action in wanted}
    return frozenset(found)


_ALL_REPORTS: Final = _of(
    "overview:view", "traffic:view,export", "finance:view,export", "devices:view,export", "deliveries:view,edit,delete"
) | _of("restatement:view,export")
_RUNS_LOTS: Final = (
    _ALL_REPORTS
    | _of("alarms:edit", "parkers:view,edit,export,delete", "operators:view,edit,export,delete", "roles:view")
    | _of("operator_log:view,export", "data_quality:view,export", "invoice_settings:view,edit", "plates:view")
    | _of("downlink:edit", "region_linkage:edit", "sql:view,export")
)

BUILT_IN: Final = {
    "admin": ALL_PERMISSIONS,
    "agent": _RUNS_LOTS | _of("customers:view,edit,export,delete", "lots:view,edit,export,delete", "roles:edit,delete"),
    "customer": _RUNS_LOTS | _of("lots:view,edit,export", "roles:edit,delete"),
    "lot": _RUNS_LOTS - _of("operators:edit,export,delete", "invoice_settings:edit", "region_linkage:edit")
    | _of("lots:view"),
    "finance": _of("overview:view", "finance:view,export", "parkers:view,export", "plates:view")
    | _of("invoice_settings:view,edit", "data_quality:view,export", "deliveries:view,edit,delete")
    | _of("restatement:view,export"),
    "duty_manager": _ALL_REPORTS | _of("alarms:edit", "parkers:view", "lots:view", "plates:view"),
    "engineer": _of("overview:view", "devices:view,export", "downlink:edit", "alarms:view,edit,export", "lots:view")
    | _of("data_quality:view,export"),
    "booth_supervisor": _of("overview:view", "traffic:view", "charges:view", "renewals:view", "parkers:view,edit")
    | _of("plates:view"),
    "analyst": _ALL_REPORTS | _of("data_quality:view,export", "sql:view,export"),
}
"""Rights of the built-in roles by code; fixed in the program so that they grow with it. To change one, copy it."""
