"""Creating logins."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.ops.models import Node, Operator
from warehouse.ops.session import migrate, ops_session
from warehouse.security.passwords import password_matches
from warehouse.services.operators import create_operator, ensure_admin
from warehouse.settings import Settings


def test_the_first_administrator_gets_a_generated_password_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    with ops_session(settings) as session:
        password = ensure_admin(session, settings)
    with ops_session(settings) as session:
        assert ensure_admin(session, settings) is None
        operator = session.scalars(select(Operator)).one()
        assert session.scalars(select(Node)).one().level == "platform"
    assert password is not None
    assert operator.password_hash.startswith("$argon2id$")
    assert password_matches(operator.password_hash, password)
    assert not password_matches(operator.password_hash, password + "x")


def test_a_given_administrator_password_is_used_and_not_returned(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, admin_password=SecretStr("given by the operator"))
    migrate(settings)
    with ops_session(settings) as session:
        assert ensure_admin(session, settings) is None
        operator = session.scalars(select(Operator)).one()
    assert password_matches(operator.password_hash, "given by the operator")


def test_a_login_is_taken_whatever_its_case(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    with ops_session(settings) as session:
        ensure_admin(session, settings)
        node_id = session.scalars(select(Node.node_id)).one()
        with pytest.raises(ParkError, match="exists already"):
            create_operator(session, login=" Admin ", name="x", role="admin", node_id=node_id)


@pytest.mark.parametrize(
    ("given", "asked", "expected"), [(None, None, True), ("Right-Horse-7", None, False), (None, False, False)]
)
def test_a_generated_password_must_be_changed_unless_the_demonstration_asks_otherwise(
    tmp_path: Path, given: str | None, asked: bool | None, expected: bool
) -> None:
    settings = Settings(home=tmp_path, admin_password=SecretStr(given) if given else None)
    migrate(settings)
    with ops_session(settings) as session:
        ensure_admin(session, settings, must_change_password=asked)
        assert session.scalars(select(Operator)).one().must_change_password is expected
