"""Views of report pages that operators keep: a name for the filters in the address.

Belongs here: keeping, sharing, renaming and deleting them; the one a page opens with. Does not belong here: what the
filters mean, which is the page's. A view holds no figures: who opens a shared one sees what their own scope allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden
from warehouse.ops.models import Operator, SavedView
from warehouse.security.actor import Actor
from warehouse.security.permissions import BY_CODE, VIEW
from warehouse.services.fields import Fields
from warehouse.services.rows import put
from warehouse.services.work import Work, locked, picture, reading, working
from warehouse.settings import Settings

ENTITY: Final = "saved_view"
MOST_VIEWS: Final = 50
LONGEST_QUERY: Final = 4000
_LEFT_OUT: Final = ("page", "of", "record")
_SHOWN: Final = ("name", "query", "is_start", "is_shared")


@dataclass(frozen=True)
class ViewForm:
    """What a view is made of; ``query`` None keeps the filters there are."""

    name: str
    query: str | None = None
    is_start: bool = False
    is_shared: bool = False


@dataclass(frozen=True)
class ViewRow:
    """A view as listed; ``owner_name`` is empty for one's own."""

    view_id: int
    page: str
    name: str
    query: str
    is_start: bool
    is_shared: bool
    is_own: bool
    owner_name: str
    version: int

    @property
    def address(self) -> str:
        """Where it leads."""
        path = f"/{self.page.replace('_', '-')}"
        return f"{path}?{self.query}" if self.query else path


def normal_query(query: str) -> str:
    """The filters of an address; page of rows, figure one came from and opened stay belong to no view."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name not in _LEFT_OUT])


def list_views(settings: Settings, actor: Actor, page: str) -> list[ViewRow]:
    """One's own views of a page by name, then those that others of the same place share.

    Raises:
        Forbidden: the page is not permitted.
    """
    with reading(settings, actor, f"{page}.{VIEW}") as session:
        rows = session.scalars(
            select(SavedView)
            .join(Operator, Operator.operator_id == SavedView.operator_id)
            .where(SavedView.page == page, or_(_own(actor), _shared_with(actor)))
            .order_by(SavedView.name, SavedView.view_id)
        )
        found = [_row(actor, row) for row in rows]
        return sorted(found, key=lambda row: not row.is_own)


def start_view(settings: Settings, actor: Actor, page: str) -> ViewRow | None:
    """The view that the page opens with."""
    with reading(settings, actor, f"{page}.{VIEW}") as session:
        row = session.scalar(select(SavedView).where(SavedView.page == page, _own(actor), SavedView.is_start))
        return None if row is None else _row(actor, row)


def save_view(
    settings: Settings,
    actor: Actor,
    page: str,
    form: ViewForm,
    view_id: int | None = None,
    expected_version: int | None = None,
) -> int:
    """Keep a view, or change one of one's own; returns its id.

    Raises:
        InvalidFields: by field.
        Forbidden: the page is not permitted, or the view is not the actor's.
        ParkError: ``conflict``.
    """
    if page not in BY_CODE:
        raise KeyError(page)
    with working(settings, actor, f"{page}.{VIEW}") as work:
        session = work.session
        row = None if view_id is None else _own_view(work, page, view_id, expected_version)
        fields = Fields()
        name = fields.text("name", form.name, required=True, longest=100)
        query = row.query if form.query is None and row is not None else normal_query(form.query or "")
        if len(query) > LONGEST_QUERY:
            fields.wrong(
                "name", "筛选条件过长，无法保存：请减少所选项", "the filters are too long to keep: choose fewer"
            )
        own = list(session.scalars(select(SavedView).where(SavedView.page == page, _own(actor))))
        if any(other.name == name and other is not row for other in own):
            fields.wrong("name", f"“{name}”已存在，请换一个名称", f"“{name}” exists already, choose another name")
        if row is None and len(own) >= MOST_VIEWS:
            fields.wrong(
                "name", f"每页最多保存 {MOST_VIEWS} 个视图，请先删除", f"a page keeps at most {MOST_VIEWS} views"
            )
        fields.done()
        assert name is not None
        before = None if row is None else picture(row, _SHOWN)
        if form.is_start:
            for other in own:
                if other is not row and other.is_start:
                    other.is_start = False
            session.flush()  # the store allows one start view at any moment
        values = {"name": name, "query": query, "is_start": form.is_start, "is_shared": form.is_shared}
        if row is None:
            assert actor.operator_id is not None
            row = SavedView(operator_id=actor.operator_id, page=page, created_at=work.now, **values)
            session.add(row)
        put(row, values)
        session.flush()
        _record(work, row, before, values)
        return row.view_id


def delete_view(settings: Settings, actor: Actor, page: str, view_id: int) -> None:
    """Delete one of one's own views.

    Raises:
        Forbidden: it is not the actor's.
    """
    with working(settings, actor, f"{page}.{VIEW}") as work:
        row = _own_view(work, page, view_id, None)
        before = picture(row, _SHOWN)
        work.session.delete(row)
        _record(work, row, before, None)


def _record(work: Work, row: SavedView, before: dict[str, object] | None, after: dict[str, object] | None) -> None:
    work.record(ENTITY, row.view_id, row.name, before, after, action=f"{row.page}.saved_view")


def _own(actor: Actor) -> ColumnElement[bool]:
    return SavedView.operator_id == actor.operator_id


def _shared_with(actor: Actor) -> ColumnElement[bool]:
    """Shared by somebody of the same node, and of the same lot when the actor's place is a lot."""
    is_same_lot = Operator.lot_id.is_(None) if actor.lot_id is None else Operator.lot_id == actor.lot_id
    is_there = and_(Operator.deleted_at.is_(None), Operator.is_active)
    return and_(SavedView.is_shared, Operator.node_id == actor.node_id, is_same_lot, is_there)


def _own_view(work: Work, page: str, view_id: int, expected_version: int | None) -> SavedView:
    row = _find(work.session, work.actor, page, view_id)
    if row is None:
        raise Forbidden(
            zh=f"视图 {view_id} 不存在，或不是您保存的：请从列表中选择",
            en=f"view {view_id} does not exist, or is not yours: choose from the list",
        )
    if expected_version is not None:
        work.expect(row, expected_version, ENTITY, view_id)
    return row


def _find(session: Session, actor: Actor, page: str, view_id: int) -> SavedView | None:
    query = select(SavedView).where(SavedView.view_id == view_id, SavedView.page == page, _own(actor))
    return session.scalar(locked(query))


def _row(actor: Actor, row: SavedView) -> ViewRow:
    is_own = row.operator_id == actor.operator_id
    return ViewRow(
        view_id=row.view_id,
        page=row.page,
        name=row.name,
        query=row.query,
        is_start=row.is_start and is_own,
        is_shared=row.is_shared,
        is_own=is_own,
        owner_name="" if is_own else row.operator.name,
        version=row.version,
    )
