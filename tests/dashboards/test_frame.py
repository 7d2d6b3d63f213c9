"""What the frame does around a page, without a browser."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboards.results import Results
from dashboards.theme import streamlit_options
from dashboards.ui import cards, sparkline


def shown(app: AppTest) -> str:
    assert not app.exception
    return " ".join(element.proto.body for element in app.main.children.values() if element.type == "html")


def test_a_fault_is_shown_as_a_number_and_never_as_its_text() -> None:
    def script() -> None:
        from dashboards import frame
        from dashboards.texts import Texts

        frame.show_fault(ValueError("password of the database"), Texts("en"))

    text = shown(AppTest.from_function(script).run())
    assert "Internal error, number" in text
    assert "password" not in text


def test_text_in_cards_is_escaped_everywhere() -> None:
    def script() -> None:
        from dashboards.ui import cards

        bad = "<img src=x onerror=alert(1)>'\""
        cards.title(bad, bad)
        cards.heading(bad, bad)
        cards.nothing(bad)
        cards.notice("bad", bad, bad)
        cards.menu_section(bad)
        cards.empty(bad, [bad, f"`{bad}`"], bad)
        cards.foot("#fff", bad, [bad])
        meaning = cards.Meaning("x", bad, bad)
        cards.figures([cards.Figure("x", bad, bad, bad, bad, [cards.Note(bad, bad)], bad, bad, meaning)])
        cards.bars([cards.Bar(bad, 0.5, bad, bad)])
        cards.parts([cards.Part("#fff", bad, bad, bad)])
        cards.feed([cards.Event("other", bad, bad, bad, bad)])
        cards.person(name=bad, login=bad, links=[(bad, bad)], sign_out_label=bad, form_token=bad)

    text = shown(AppTest.from_function(script).run())
    assert text.count("&lt;img src=x") > 20
    assert "<img src=x" not in text
    assert "alert(1)>'" not in text


def test_a_bar_beyond_its_capacity_is_drawn_full_and_told_exactly() -> None:
    row = cards._bar(cards.Bar("P6", 1.02, "459", "/ 450"))
    assert "width:100.0%" in row
    assert "459" in row


def test_a_small_drawing_leaves_a_gap_where_a_value_is_unknown() -> None:
    lines = list(sparkline._unbroken([1, 2, None, 3, 4, None, 5], 1.0, lambda value: value))
    assert [len(line) for line in lines] == [2, 2]


def test_results_are_kept_by_key_up_to_their_number_and_errors_are_not() -> None:
    results, computed = Results(most=2), []

    def answer(value: str):
        return lambda: computed.append(value) or value

    assert [results.get(key, answer(key)) for key in ("a", "a", "b", "a", "c", "a", "b")] == list("aabacab")
    assert computed == ["a", "b", "c", "b"]

    def fail() -> None:
        raise ValueError

    for _ in range(2):
        try:
            results.get("d", fail)
        except ValueError:
            computed.append("failed")
    assert computed[-2:] == ["failed", "failed"]


def test_no_use_statistics_are_sent_and_no_host_may_embed_the_pages() -> None:
    options = streamlit_options()
    assert options["browser.gatherUsageStats"] is False
    assert options["client.allowedOrigins"] == []
    assert options["client.toolbarMode"] == "minimal"
    assert options["client.showErrorDetails"] == "none"
