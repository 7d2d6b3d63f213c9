"""A demonstration instance: lots, logins, history through the real way in, marts, publication.

Belongs here: the order of the steps and what makes them repeatable. Does not belong here: what the lots send
(``ingest.simulator``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ingest.simulator.demo_downlink import prepare_downlink
from ingest.simulator.demo_lots import DEMO_LOTS
from ingest.simulator.history import write_history
from ingest.simulator.loading import LoadSummary, load_history, load_manual
from ingest.simulator.manual.records import LOT_FILE
from ingest.simulator.state import DemoState, demo_folder, read_state, write_state
from ingest.simulator.tariff import tariff_document
from pipelines.build import RefreshResult, refresh
from warehouse.errors import ParkError
from warehouse.lake.schema import create_lake
from warehouse.ops.models import Lot, Node, Operator
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.lot_file import read_lot_file
from warehouse.services.lot_tariffs import TariffForm, add_tariff, list_tariffs
from warehouse.services.lots import LotDefinition, save_lot
from warehouse.services.operators import ADMIN_LOGIN, create_operator, ensure_admin
from warehouse.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Login:
    """A login made for the demonstration; its password is known only now."""

    login: str
    password: str
    role: str
    sees: str


@dataclass(frozen=True)
class DemoResult:
    """What was done; ``was_there`` when the demonstration had been loaded before and nothing was."""

    was_there: bool
    lots: int
    logins: list[Login]
    load: LoadSummary | None
    refresh: RefreshResult | None


def load_demo(
    settings: Settings,
    *,
    manual: bool = False,
    days: int = 35,
    seed: int = 1,
    scale: float = 1.0,
    progress: Progress = lambda _text: None,
) -> DemoResult:
    """Make this instance a demonstration; run again it finishes what was broken off, or says that all is there.

    Args:
        settings: names the instance.
        manual: the eight lots of the manual with the records behind its tables, instead of the invented lots.
        days: days of history before today.
        seed: of the history; the live simulator goes on with it.
        scale: factor of the traffic.
        progress: told about each step.

    Raises:
        ParkError: the instance holds another demonstration, or for ``manual`` any lot at all.
    """
    progress("stores")
    migrate(settings)
    create_lake(settings)
    state = _state(settings, manual=manual, days=days, seed=seed, scale=scale)
    lots = _definitions(manual)
    if state.is_loaded:
        return DemoResult(was_there=True, lots=len(lots), logins=[], load=None, refresh=None)
    progress(f"lots: {len(lots)}")
    with ops_session(settings) as session:
        for lot in lots:
            save_lot(session, lot)
        if not manual:
            prepare_downlink(session, DEMO_LOTS, state.until)
    if not manual:
        _give_tariffs(settings, state)
    load = _load(settings, state, progress)
    progress("marts")
    result = refresh(settings, progress=progress)
    with ops_session(settings) as session:
        logins = _logins(session, settings, [lot.code for lot in lots])
    write_state(settings, replace(state, is_loaded=True))
    return DemoResult(was_there=False, lots=len(lots), logins=logins, load=load, refresh=result)


def _state(settings: Settings, *, manual: bool, days: int, seed: int, scale: float) -> DemoState:
    found = read_state(settings)
    if found is None:
        if manual:
            _require_no_lots(settings)
        until = datetime.now(UTC).replace(microsecond=0)
        found = DemoState(is_manual=manual, seed=seed, scale=scale, days=days, until=until)
        write_state(settings, found)
    elif found.is_manual != manual:
        there, asked = ("--manual", "") if found.is_manual else ("", "--manual")
        raise ParkError(
            zh=f"{settings.home} 已是另一种演示（park demo {there}）；请为 park demo {asked} 设置新的 PARK_HOME",
            en=f"{settings.home} holds another demonstration (park demo {there}); set a new PARK_HOME for "
            f"park demo {asked}",
            code="other_demo",
        )
    return found


def _require_no_lots(settings: Settings) -> None:
    with ops_session(settings) as session:
        count = session.scalar(select(func.count()).select_from(Lot))
    if count:
        raise ParkError(
            zh=f"{settings.home} 已有 {count} 个停车场；park demo --manual 需要新的 PARK_HOME",
            en=f"{settings.home} has {count} lots already; park demo --manual needs a fresh PARK_HOME",
            code="home_not_fresh",
        )


def _definitions(manual: bool) -> list[LotDefinition]:
    if not manual:
        return [lot.definition for lot in DEMO_LOTS]
    parsed = read_lot_file(LOT_FILE)
    assert not parsed.errors, parsed.errors
    return parsed.lots


def _give_tariffs(settings: Settings, state: DemoState) -> None:
    """The rules that the history was charged by, for lots that have none."""
    with ops_session(settings) as session:
        ids = {code: lot_id for lot_id, code in session.execute(select(Lot.lot_id, Lot.code))}
    for lot in DEMO_LOTS:
        if not list_tariffs(settings, LOCAL, ids[lot.code]):
            begins = (state.until - timedelta(days=state.days + 1)).date()
            form = TariffForm("临时车收费", begins, tariff_document(lot.tariff))
            add_tariff(settings, LOCAL, ids[lot.code], form, now=state.until)


def _load(settings: Settings, state: DemoState, progress: Progress) -> LoadSummary:
    folder: Path = demo_folder(settings) / "history"
    if state.is_manual:
        progress("records of the manual")
        summary = load_manual(settings, folder)
    else:
        progress(f"history: {state.days} days")
        files = write_history(
            DEMO_LOTS, state.seed, days=state.days, until=state.until, folder=folder, scale=state.scale
        )
        summary = load_history(settings, files, now=state.until, progress=progress)
    shutil.rmtree(folder)  # the archive keeps every file that was taken in
    return summary


def _logins(session: Session, settings: Settings, lot_codes: list[str]) -> list[Login]:
    """A login for the platform, each agent, customer and lot of the demonstration; those that exist are left alone."""
    made: list[Login] = []
    # Whoever tries the demonstration signs in as many people: none of them is asked for a new password.
    password = ensure_admin(session, settings, must_change_password=False)
    if password is not None:
        made.append(Login(ADMIN_LOGIN, password, "admin", "平台"))
    lots = list(session.scalars(select(Lot).where(Lot.code.in_(lot_codes)).order_by(Lot.code)))
    customers = {lot.customer.node_id: lot.customer for lot in lots}
    agents = {customer.parent_id: session.get_one(Node, customer.parent_id) for customer in customers.values()}
    for node in (*agents.values(), *customers.values()):
        made += _login(session, node.code, node.name, node.level, node.node_id, None)
    for lot in lots:
        made += _login(session, lot.code, lot.name, "lot", lot.customer_id, lot.lot_id)
    return made


def _login(session: Session, code: str, name: str, role: str, node_id: int, lot_id: int | None) -> list[Login]:
    login = code.casefold()
    if session.scalar(select(Operator.operator_id).where(Operator.login == login)) is not None:
        return []
    password = create_operator(
        session, login=login, name=name, role=role, node_id=node_id, lot_id=lot_id, must_change_password=False
    )
    return [Login(login, password, role, name)]
