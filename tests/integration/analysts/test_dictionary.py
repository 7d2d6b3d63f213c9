"""The data dictionary is that of the models as they stand."""

from __future__ import annotations

import re

from pipelines import dictionary
from warehouse.lake.dictionary import DICTIONARY_FILE, data_dictionary


def test_the_dictionary_is_current_and_complete() -> None:
    found = dictionary.current()
    stale = "run python -m pipelines.dictionary"
    assert DICTIONARY_FILE.read_bytes() == dictionary.packed(found), stale
    assert dictionary.DOCUMENT.read_text(encoding="utf-8") == dictionary.document(found), stale
    for table in found.tables:
        assert table.name in ("about", "code_label") or (table.grain and table.made_from), table.name
        for one in (table, *table.columns):
            assert re.search(r"[\u4e00-\u9fff]", one.about_zh), one.name
            assert len(one.about_en) > 3, one.name


def test_lineage_leads_to_tables_of_the_dictionary_or_to_what_lots_sent() -> None:
    known = {table.name for table in data_dictionary().tables}
    for table in data_dictionary().tables:
        assert all(parent in known or re.match(r"(raw|entities)\.", parent) for parent in table.made_from), table.name
