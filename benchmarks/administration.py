"""Rerun of the owners' page or the lots' page with 10,000 owners, 1,000 lots and 50 open sessions.

A real ``park pages`` process and one websocket for each signed-in session, as a browser holds it. Timed is what the
server does: from sending a rerun to the message that the script has finished, every drawn element received in between
and none drawn. First one session acts while the others stay open, then all of them act, each at a random moment of
every ``--pause`` seconds. A rerun asks for a random page of the list, so that nothing is a repetition.

python -m benchmarks.administration [--page lots] [--lots 1000] [--owners 10000] [--sessions 50]
    [--reruns 200] [--pause 10]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert, select

from benchmarks.page_server import Visitor, all_act, cpu_seconds, described, pages, sign_in, visitors
from warehouse.lake.schema import create_lake
from warehouse.ops.models import LongTermVehicle, Lot, Owner, OwnerSpace, Wallet
from warehouse.ops.session import migrate, ops_session
from warehouse.services.tree import ensure_agent, ensure_customer, ensure_platform
from warehouse.settings import Settings

PAGES = ("long-term-owners", "lots")
PAGE_SIZE = 50
LOTS_WITH_OWNERS = 5


def fill(settings: Settings, lots_there: int, owners: int, sessions: int) -> list[str]:
    """Lots, some with owners who have two vehicles, a space and a wallet; returns the tokens of signed-in sessions."""
    migrate(settings)
    create_lake(settings)
    now, today = datetime.now(UTC), date.today()  # noqa: DTZ011 - a day more or less does not matter
    spread = random.Random(1)
    with ops_session(settings) as session:
        ensure_platform(session)
        agent, _ = ensure_agent(session, "agent", "代理")
        customer, _ = ensure_customer(session, "customer", "客户", agent)
        for number in range(lots_there):
            session.add(Lot(customer_id=customer.node_id, code=f"lot-{number}", name=f"停车场{number}"))
        session.flush()
        lots = list(session.scalars(select(Lot.lot_id)))
        people = [(lots[number % LOTS_WITH_OWNERS], number) for number in range(owners)]
        session.execute(
            insert(Owner),
            [
                {
                    "lot_id": lot_id,
                    "code": f"{number:05}",
                    "name": f"车主{number}",
                    "phone": f"138{number:08}",
                    "created_at": now,
                    "version": 1,
                }
                for lot_id, number in people
            ],
        )
        ids = list(session.scalars(select(Owner.owner_id).order_by(Owner.owner_id)))
        session.execute(
            insert(LongTermVehicle),
            [
                {
                    "lot_id": lot_id,
                    "owner_id": owner_id,
                    "plate": f"{province}A{number:05}",
                    "vehicle_class": "long_term",
                    "valid_from": today - timedelta(days=100),
                    "valid_to": today + timedelta(days=spread.randint(-60, 300)),
                    "created_at": now,
                    "version": 1,
                }
                for (lot_id, number), owner_id in zip(people, ids, strict=True)
                for province in "沪苏"
            ],
        )
        session.execute(
            insert(OwnerSpace),
            [
                {"lot_id": lot_id, "owner_id": owner_id, "number": f"B-{number}", "version": 1}
                for (lot_id, number), owner_id in zip(people, ids, strict=True)
            ],
        )
        session.execute(insert(Wallet), [{"owner_id": owner_id, "balance": Decimal("0.00")} for owner_id in ids])
        tokens = sign_in(session, sessions)
    return tokens


async def measure(settings: Settings, host: str, pid: int, tokens: list[str], options: argparse.Namespace) -> None:
    """Open the sessions and print what reruns took."""
    last = max(1, (options.lots if options.page == "lots" else options.owners) // PAGE_SIZE)

    def turn(visitor: Visitor) -> Awaitable[float]:
        return visitor.turn_to(random.randint(1, last))

    async with visitors(settings, host, tokens, options.page) as there:
        before = cpu_seconds(pid)
        alone = [await turn(there[0]) for _ in range(options.reruns)]
        used = (cpu_seconds(pid) - before) / options.reruns * 1000
        print(f"{len(there)} sessions open, one acts:   {described(alone)}   CPU {used:.0f} ms a rerun")
        print(f"  {there[0].elements} elements a rerun")
        together = await all_act(there, turn, max(3, options.reruns // len(there)), options.pause)
        rate = len(there) / options.pause
        print(f"{len(there)} sessions act, {rate:.0f} reruns a second:   {described(together)}")


def main() -> None:
    """Fill an instance, start its pages, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", choices=PAGES, default=PAGES[0])
    parser.add_argument("--lots", type=int, default=1_000)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--reruns", type=int, default=200)
    parser.add_argument("--pause", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="park-administration-") as folder:
        settings = Settings(home=Path(folder))
        tokens = fill(settings, options.lots, options.owners, options.sessions)
        there = f"{options.lots:,} lots, {options.owners:,} owners with {2 * options.owners:,} vehicles"
        print(f"page {options.page}: {there}; load {os.getloadavg()[0]:.1f}")
        with pages(settings) as (host, pid):
            asyncio.run(measure(settings, host, pid, tokens, options))


if __name__ == "__main__":
    main()
