"""``python -m pipelines.dictionary``: writes the data dictionary from the models.

Belongs here: from dbt's manifest and the Chinese sentences of ``dictionary_zh.toml`` to ``docs/data-dictionary.md`` and
to the file that pages, command line and analysts' databases read. Does not belong here: reading it
(``warehouse.lake.dictionary``).
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from pipelines.resources import prepare_manifest
from warehouse.lake.dictionary import DICTIONARY_FILE, Dictionary, DictionaryColumn, DictionaryTable, example_queries
from warehouse.settings import PROJECT_ROOT, Settings

DOCUMENT: Final = PROJECT_ROOT / "docs" / "data-dictionary.md"
CHINESE: Final = Path(__file__).with_name("dictionary_zh.toml")
_ABOUT: Final = {
    "snapshot_id": ("bigint", "快照编号", "Snapshot of the lake."),
    "build_id": ("varchar", "构建编号", "Build that made the data."),
    "data_as_of": ("timestamptz", "数据截止", "How far the data reach, UTC."),
    "made_at": ("timestamptz", "生成时间", "When this file was made, UTC."),
    "detail_after": ("date", "明细起点", "fct_ tables hold business days after this one; null: all."),
    "lots": ("bigint", "停车场数", "To how many lots the file is cut; null: the whole platform."),
    "plates_masked": ("boolean", "车牌遮盖", "Whether plates are shown with stars."),
}
_CODES: Final = {"code_set": "代码集", "code": "代码", "zh": "中文", "en": "英文"}


def dictionary_of(manifest: dict[str, Any]) -> Dictionary:
    """The dictionary of a parsed project."""
    chinese = tomllib.loads(CHINESE.read_text(encoding="utf-8"))
    nodes = {**manifest["nodes"], **manifest["sources"]}
    marts = [node for node in manifest["nodes"].values() if "marts" in node["fqn"] and node["resource_type"] == "model"]
    grains = _grains(manifest)
    tables = [
        _table(
            chinese,
            node["name"],
            node["fqn"][-2],
            node["config"]["meta"]["zh"],
            node["description"],
            grains.get(node["unique_id"], ()),
            tuple(sorted(set(_made_from(nodes, node)))),
            [
                (name, column["data_type"], column["config"]["meta"]["zh"], column["description"])
                for name, column in node["columns"].items()
            ],
        )
        for node in marts
    ]
    tables.sort(key=lambda table: (table.domain, table.name))
    (seed,) = (node for node in manifest["nodes"].values() if node["resource_type"] == "seed")
    codes = [(name, "varchar", _CODES[name], seed["columns"][name]["description"]) for name in _CODES]
    about = [(name, *words) for name, words in _ABOUT.items()]
    grain = ("code_set", "code")
    tables.append(_table(chinese, seed["name"], "codes", "代码", "One row per code of a code set.", grain, (), codes))
    tables.append(
        _table(chinese, "about", "codes", "关于此文件", "One row: what this file was made from.", (), (), about)
    )
    return Dictionary(tuple(tables))


def _table(
    chinese: dict[str, dict[str, str]],
    name: str,
    domain: str,
    zh: str,
    about_en: str,
    grain: tuple[str, ...],
    made_from: tuple[str, ...],
    columns: list[tuple[str, str, str, str]],
) -> DictionaryTable:
    words = chinese["columns"]
    return DictionaryTable(
        name=name,
        domain=domain,
        zh=zh,
        about_zh=chinese["tables"].get(name, f"{zh}。"),
        about_en=about_en,
        grain=grain,
        made_from=made_from,
        columns=tuple(
            DictionaryColumn(column, kind, label, words.get(f"{name}.{column}", words.get(column, f"{label}。")), about)
            for column, kind, label, about in columns
        ),
    )


def _grains(manifest: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        node["attached_node"]: tuple(node["test_metadata"]["kwargs"]["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique_grain"
    }


def _made_from(nodes: dict[str, Any], node: dict[str, Any]) -> Iterator[str]:
    """Marts and raw tables behind a mart; what lies between is no table of the file."""
    for unique_id in node["depends_on"]["nodes"]:
        parent = nodes[unique_id]
        if parent["resource_type"] == "source":
            yield f"{parent['source_name']}.{parent['name']}"
        elif parent["resource_type"] == "model" and "marts" in parent["fqn"]:
            yield str(parent["name"])
        else:
            yield from _made_from(nodes, parent)


def document(dictionary: Dictionary) -> str:
    """The dictionary as a page for people."""
    lines = [
        "# 数据字典 · Data dictionary",
        "",
        "由 `python -m pipelines.dictionary` 根据数据模型生成，请勿手改。表在分析文件与 SQL 页面中可用，见 "
        "[analysts.md](analysts.md)。",
        "",
        "Written by `python -m pipelines.dictionary` from the models; not by hand. These are the tables of the "
        "analysts' files and of the SQL page: see [analysts.md](analysts.md). Money is yuan as `decimal(18,2)`, "
        "instants are UTC.",
        "",
        "## 示例查询 · Example queries",
        "",
    ]
    for example in example_queries():
        lines += [f"{example.zh} · {example.en}", "", "```sql", example.sql, "```", ""]
    lines += ["## 表 · Tables", "", "| | | |", "|---|---|---|"]
    lines += [f"| [{table.name}](#{table.name}) | {table.zh} | {table.about_en} |" for table in dictionary.tables]
    for table in dictionary.tables:
        lines += ["", f"### {table.name}", "", f"{table.zh}：{table.about_zh} {table.about_en}", ""]
        if table.grain:
            lines.append(f"一行的键 · Grain: {', '.join(f'`{name}`' for name in table.grain)}")
        if table.made_from:
            lines += ["", f"来源 · Made from: {', '.join(f'`{name}`' for name in table.made_from)}"]
        lines += ["", "| 列 · Column | 类型 · Type | 名称 | 说明 | Description |", "|---|---|---|---|---|"]
        lines += [
            f"| `{one.name}` | {one.type} | {one.zh} | {_cell(one.about_zh)} | {_cell(one.about_en)} |"
            for one in table.columns
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def packed(dictionary: Dictionary) -> bytes:
    """The dictionary as the program reads it."""
    return msgspec.json.format(msgspec.json.encode(dictionary), indent=1) + b"\n"


def current() -> Dictionary:
    """The dictionary of the project as it stands."""
    with tempfile.TemporaryDirectory() as home:
        return dictionary_of(json.loads(prepare_manifest(Settings(home=Path(home))).read_bytes()))


def main() -> None:
    """Write both files."""
    found = current()
    DICTIONARY_FILE.write_bytes(packed(found))
    DOCUMENT.write_text(document(found), encoding="utf-8")


if __name__ == "__main__":
    main()
