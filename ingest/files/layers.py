"""A query as columns computed from columns: equal expressions are computed once, and each one refers to earlier ones.

Belongs here: naming, ordering and nesting of expressions. Does not belong here: what any expression means.
A row of a stay gives two records that share most of their values; written by hand, each would be computed twice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A value that a query can use: a column name or a literal, and the depth at which it exists."""

    sql: str
    depth: int = 0

    @property
    def is_constant(self) -> bool:
        """Whether this is a literal and not a column of the base relation or a computed one."""
        return self.depth == 0 and not self.sql.isidentifier()

    @property
    def is_null(self) -> bool:
        """Whether this is the literal NULL."""
        return self.sql.startswith("NULL")


NULL_TEXT = Column("NULL::VARCHAR")


def quoted(text: str) -> str:
    """``text`` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> Column:
    """A constant text."""
    return Column(quoted(text))


def listed(texts: object) -> str:
    """Texts as the inside of an SQL list, in a stable order."""
    return ", ".join(quoted(str(text)) for text in texts)  # type: ignore[attr-defined]


class Layers:
    """Expressions over a base relation, nested as deep as they depend on each other."""

    def __init__(self, base: str) -> None:
        """Start from ``base``, a relation or parenthesised select."""
        self._base = base
        self._levels: list[dict[str, str]] = []
        self._count = 0

    def let(self, template: str, *inputs: Column) -> Column:
        """A column computed by ``template``, in which ``{0}``, ``{1}``, … stand for ``inputs``."""
        expression = template.format(*(column.sql for column in inputs))
        depth = max((column.depth for column in inputs), default=0)
        while len(self._levels) <= depth:
            self._levels.append({})
        level = self._levels[depth]
        if expression not in level:
            self._count += 1
            level[expression] = f"v{self._count}"
        return Column(level[expression], depth + 1)

    @staticmethod
    def inline(template: str, *inputs: Column) -> Column:
        """As ``let``, but computed where it is used: for what is used once, or only for the few rows that need it."""
        depth = max((column.depth for column in inputs), default=0)
        return Column(f"({template.format(*(column.sql for column in inputs))})", depth)

    def select(self, outputs: dict[str, Column]) -> str:
        """The whole query with ``outputs`` as its columns."""
        query = self._base
        for level in self._levels:
            if level:
                added = ", ".join(f"{expression} AS {name}" for expression, name in level.items())
                query = f"(SELECT *, {added} FROM {query})"
        chosen = ", ".join(
            f"{column.sql} AS {identifier(name)}" if name != "*" else "*" for name, column in outputs.items()
        )
        return f"SELECT {chosen} FROM {query}"
