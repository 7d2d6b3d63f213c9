"""Plotly charts in the look of the pages.

Belongs here: templates, the chart forms that pages share. Does not belong here: figures; charts get lists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import plotly.graph_objects as graph_objects
import streamlit as st

from dashboards.theme import PALETTE, SANS
from dashboards.ui.cards import is_dark
from dashboards.ui.numbers import short

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "responsive": True}


def _template(dark: bool) -> graph_objects.layout.Template:
    ink, weak, grid, card = (
        ("#e4e7ec", "#9aa7bd", "#26324a", "#131c2e") if dark else ("#344054", "#5f6b7e", "#eceff4", "#ffffff")
    )
    axis = {
        "gridcolor": grid,
        "zeroline": False,
        "linecolor": grid,
        "tickfont": {"size": 11, "color": weak},
        "automargin": True,
    }
    return graph_objects.layout.Template(
        layout={
            "font": {"family": SANS, "size": 12, "color": ink},
            "colorway": list(PALETTE),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 4, "r": 4, "t": 6, "b": 4},
            "xaxis": axis | {"showgrid": False},
            "yaxis": axis,
            "bargap": 0.32,
            "barcornerradius": 3,
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": card, "bordercolor": grid, "font": {"family": SANS, "size": 12, "color": ink}},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12, "color": weak}},
            "separators": ".,",
        }
    )


_TEMPLATES = {dark: _template(dark) for dark in (False, True)}


def show(figure: graph_objects.Figure, key: str, height: int, description: str, *, is_far: bool = False) -> None:
    """Draw a figure; ``description`` is what a screen reader says; ``is_far``: read from afar, in larger letters."""
    figure.update_layout(template=_TEMPLATES[is_dark()], height=height)
    if is_far:
        figure.update_layout(legend_font_size=16)
        figure.update_xaxes(tickfont_size=14)
        figure.update_yaxes(tickfont_size=14)
        figure.update_annotations(font_size=18)
    st.plotly_chart(figure, theme=None, key=key, config=CONFIG, alt=description)


@dataclass(frozen=True)
class Series:
    """One named series; None is a value that is not known and is left out, never drawn as zero."""

    name: str
    values: Sequence[float | None]
    colour: str


def over_positions(
    labels: Sequence[str],
    series: Sequence[Series],
    missing: Sequence[bool],
    *,
    as_line: bool,
    missing_name: str,
    language: str = "zh",
    is_money: bool = False,
) -> graph_objects.Figure:
    """Bars or lines over positions (hours, days, lots); positions without uploads are hatched over the full height."""
    figure = graph_objects.Figure()
    for one in series:
        figure.add_trace(_line(labels, one, is_money) if as_line else _bars(labels, one, is_money))
    if any(missing):
        grey = "#5c6b87" if is_dark() else "#98a2b3"
        figure.add_trace(
            graph_objects.Bar(
                x=list(labels),
                y=[1 if is_missing else None for is_missing in missing],
                yaxis="y2",
                name=missing_name,
                width=1,
                offset=-0.5,
                marker={
                    "color": "rgba(0,0,0,0)",
                    "cornerradius": 0,
                    "line": {"width": 0},
                    "pattern": {"shape": "/", "size": 7, "solidity": 0.12, "fgcolor": grey},
                },
                hovertemplate=missing_name + "<extra></extra>",
            )
        )
    every = max(1, math.ceil(len(labels) / MOST_LABELS))
    figure.update_layout(
        barmode="group",
        xaxis={"type": "category", "tickmode": "array", "tickvals": list(labels)[::every], "tickangle": 0},
        yaxis={"rangemode": "tozero"} | _ticks([value for one in series for value in one.values if value], language),
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    )
    return figure


MOST_LABELS = 12


def _ticks(values: Sequence[float], language: str) -> dict[str, Any]:
    """Marks of an axis in the number forms of the language, 10万 and not 100k; Plotly's own for small numbers."""
    highest, lowest = max(values, default=0.0), min((*values, 0.0))
    spread = highest - lowest
    if spread < 10_000:
        return {}
    step = 10.0 ** math.floor(math.log10(spread / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if spread / (step * factor) <= 5)
    marks = [number * step for number in range(math.floor(lowest / step), math.ceil(highest / step) + 1)]
    return {
        "tickmode": "array",
        "tickvals": marks,
        "ticktext": [short(Decimal(round(mark)), language, exact_below=10_000) for mark in marks],
    }


def _bars(labels: Sequence[str], series: Series, is_money: bool) -> graph_objects.Bar:
    return graph_objects.Bar(
        x=list(labels),
        y=list(series.values),
        name=series.name,
        marker_color=series.colour,
        hovertemplate="%{y:,.2f}" if is_money else "%{y:,}",
    )


def _line(labels: Sequence[str], series: Series, is_money: bool) -> graph_objects.Scatter:
    return graph_objects.Scatter(
        x=list(labels),
        y=list(series.values),
        name=series.name,
        mode="lines+markers",
        connectgaps=False,
        line={"color": series.colour, "width": 2.5},
        marker={"size": 5},
        hovertemplate="%{y:,.2f}" if is_money else "%{y:,}",
    )


def ring(
    labels: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    middle: str,
    below: str,
) -> graph_objects.Figure:
    """A ring with a figure in its middle; ``texts`` are the exact amounts shown on hover."""
    weak = "#9aa7bd" if is_dark() else "#5f6b7e"
    figure = graph_objects.Figure(
        graph_objects.Pie(
            labels=list(labels),
            values=list(values),
            customdata=list(texts),
            hole=0.68,
            sort=False,
            direction="clockwise",
            marker={"colors": list(colours), "line": {"color": "#131c2e" if is_dark() else "#ffffff", "width": 2}},
            textinfo="none",
            hovertemplate="%{label}<br>%{customdata} · %{percent}<extra></extra>",
        )
    )
    annotation: dict[str, Any] = {"showarrow": False, "x": 0.5, "xanchor": "center"}
    figure.add_annotation(annotation | {"text": f"<b>{middle}</b>", "y": 0.54, "font": {"size": 19}})
    figure.add_annotation(annotation | {"text": below, "y": 0.42, "font": {"size": 12, "color": weak}})
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure
