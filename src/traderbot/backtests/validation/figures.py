"""The figures of the page: what the money became, what luck gives, the map of the parameters, the paths."""

from datetime import UTC, datetime
from html import escape
from typing import Any

import numpy as np

from traderbot.backtests.validation.record import Record

_LAYOUT = {
    "height": 320,
    "margin": {"l": 50, "r": 15, "t": 30, "b": 45},
    "legend": {"orientation": "h", "y": 1.15},
    "template": "plotly_white",
    "font": {"family": "system-ui,sans-serif", "size": 13},
}


def figures(record: Record) -> list[str]:
    """Parts of the page, each a heading, a note and a figure."""
    drawn = [
        ("What 1 became", f"Beside {record.evidence.baseline}, which costs nothing.", _equity(record)),
        ("All trials", "Sharpe ratios a year of all parameter sets that were tried.", _trials(record)),
        (
            "Map of the parameters",
            "Mean Sharpe ratio a year of the trials; framed: the chosen values. A lone peak is luck.",
            _map(record),
        ),
        (
            "Cross-validation",
            "Sharpe ratio a year of each path out of sample, combinatorial, purged by a row, embargo"
            f" {record.embargo} rows.",
            _paths(record),
        ),
    ]
    return [
        f'<h2>{escape(title)}</h2><p class="note">{escape(note)}</p>{_html(figure, number)}'
        for number, (title, note, figure) in enumerate(drawn)
        if figure is not None
    ]


def _equity(record: Record) -> Any:
    from plotly import graph_objects as go  # slow to import, and only a page needs it

    days = [datetime.fromtimestamp(time / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M") for time in record.times]
    lines = [
        go.Scatter(x=days, y=record.equity, name=record.about.strategy, line={"width": 1.5}),
        go.Scatter(x=days, y=record.baseline, name=record.evidence.baseline, line={"width": 1.5}),
    ]
    return go.Figure(lines, _LAYOUT)


def _trials(record: Record) -> Any:
    from plotly import graph_objects as go

    figure = go.Figure([go.Histogram(x=[point.sharpe for point in record.points], nbinsx=40)], _LAYOUT)
    chosen, luck = record.evidence.sharpe or 0.0, record.evidence.luck or 0.0
    figure.add_vline(chosen, annotation_text="chosen", annotation_position="top")
    figure.add_vline(luck, line_dash="dot", annotation_text="luck", annotation_position="top left")
    return figure.update_layout(xaxis_title="Sharpe ratio a year", yaxis_title="trials", bargap=0.05)


def _paths(record: Record) -> Any:
    from plotly import graph_objects as go

    names = [f"path {number + 1}" for number in range(len(record.paths))]
    return go.Figure([go.Bar(x=names, y=record.paths)], _LAYOUT)


def _map(record: Record) -> Any | None:
    """Of the two parameters with the most values, or of one; None where nothing varies."""
    from plotly import graph_objects as go

    values = {name: _ordered({point.parameters[name] for point in record.points}) for name in _names(record)}
    varied = sorted((name for name in values if len(values[name]) > 1), key=lambda name: -len(values[name]))
    if not varied:
        return None
    chosen = record.points[0].parameters
    if len(varied) == 1:
        (name,) = varied
        found = go.Scatter(x=values[name], y=_means(record, name, None)[0], mode="lines+markers")
        return go.Figure([found], _LAYOUT).update_layout(xaxis={"type": "category", "title": name})
    across, up = varied[:2]
    heat = go.Heatmap(
        x=values[across],
        y=values[up],
        z=_means(record, across, up),
        colorscale="RdYlGn",
        zmid=0,
        texttemplate="%{z:.2f}",
    )
    mark = go.Scatter(
        x=[chosen[across]],
        y=[chosen[up]],
        mode="markers",
        marker={"symbol": "square-open", "size": 34, "color": "#000"},
    )
    return go.Figure([heat, mark], _LAYOUT).update_layout(
        xaxis={"type": "category", "title": across}, yaxis={"type": "category", "title": up}
    )


def _names(record: Record) -> list[str]:
    return list(record.points[0].parameters) if record.points else []


def _means(record: Record, across: str, up: str | None) -> list[list[float | None]]:
    """Mean Sharpe ratios, a row for each value of `up`; None where there was no trial."""
    columns = _ordered({point.parameters[across] for point in record.points})
    rows = [None] if up is None else _ordered({point.parameters[up] for point in record.points})
    cells: dict[tuple[str | None, str], list[float]] = {}
    for point in record.points:
        row = None if up is None else point.parameters[up]
        cells.setdefault((row, point.parameters[across]), []).append(point.sharpe)
    return [
        [float(np.mean(cells[row, column])) if (row, column) in cells else None for column in columns]
        for row in rows
    ]


def _ordered(values: set[str]) -> list[str]:
    """Numbers by their size, words by the alphabet."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def _html(figure: Any, number: int) -> str:
    options = {"displayModeBar": False, "responsive": True}
    return str(
        figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"figure-{number}", config=options)
    )
