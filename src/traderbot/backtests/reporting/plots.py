"""The plots of a backtest as plotly figures; plotly is imported when the first one is drawn.

Colours are read as well on white as on black, and by those who do not tell red from green.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.backtests.reporting.documents import Document, Prices
from traderbot.model.border import to_float

OWN, OTHER, GAIN, LOSS = "#2f81f7", "#98a2b3", "#1f9d8b", "#e2703a"
_MICROS = 1_000_000
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_GRID = "rgba(128,140,155,0.22)"
_SCALE = [[0.0, LOSS], [0.5, "rgba(128,140,155,0.12)"], [1.0, GAIN]]
Draw = Callable[[], Any]


def figures(document: Document) -> dict[str, Draw]:
    """What draws each plot, by its name: the five of every backtest, and one for each instrument."""
    if "pandas" in sys.modules:  # plotly looks into it even while another thread is still importing it
        import_module("pandas")  # which waits for that
    found: dict[str, Draw] = {
        "equity": partial(equity, document),
        "drawdown": partial(drawdown, document),
        "sharpe": partial(sharpe, document),
        "months": partial(months, document),
        "trades": partial(trades, document),
    }
    span = document.first, document.last
    return found | {one.symbol: partial(prices, one, span) for one in document.prices}


def equity(document: Document) -> Any:
    """The account beside the benchmark."""
    from plotly import graph_objects as go

    line = document.curve
    days = _moments(line.times)
    own, held = {"color": OWN, "width": 2}, f"held: {escape(document.benchmark)}"
    figure = go.Figure(
        [
            go.Scatter(x=days, y=_array(line.benchmark), name=held, line_color=OTHER),
            go.Scatter(x=days, y=_array(line.equity), name=escape(document.strategy), line=own),
        ]
    )
    figure = _plain(figure, "Equity", height=380, y="USD", span=(document.first, document.last))
    return figure.update_layout(updatemenus=[_scales()])


def drawdown(document: Document) -> Any:
    """Distance below the highest equity so far."""
    from plotly import graph_objects as go

    line = document.curve
    days = _moments(line.times)
    under = go.Scatter(
        x=days, y=_array(line.drawdown), fill="tozeroy", line_color=LOSS, name="below the peak"
    )
    span = document.first, document.last
    return _plain(go.Figure([under]), "Underwater", height=240, percent=True, span=span)


def sharpe(document: Document) -> Any:
    """Sharpe ratio over a moving window."""
    from plotly import graph_objects as go

    rolling = document.sharpe
    days = _moments(rolling.times)
    figure = go.Figure(
        [
            go.Scatter(x=days, y=_array(rolling.benchmark), name="held", line_color=OTHER),
            go.Scatter(x=days, y=_array(rolling.values), name=escape(document.strategy), line_color=OWN),
        ]
    )
    figure.add_hline(0, line_color=_GRID)
    return _plain(
        figure,
        f"Sharpe ratio of the last {rolling.window} days",
        height=260,
        span=(document.first, document.last),
    )


def months(document: Document) -> Any:
    """Return of every month, a row for each year, the newest on top."""
    from plotly import graph_objects as go

    found = {(one.year, one.month): one.change for one in document.months}
    years = sorted({year for year, _ in found})
    rows = [[found.get((year, month)) for month in range(1, 13)] for year in years]
    most = max((abs(one.change) for one in document.months), default=0.0) or 0.01
    heat = go.Heatmap(
        x=MONTHS,
        y=[str(year) for year in years],
        z=rows,
        zmin=-most,
        zmax=most,
        colorscale=_SCALE,
        showscale=False,
        xgap=2,
        ygap=2,
        text=[["" if change is None else f"{change:+.1%}" for change in row] for row in rows],
        texttemplate="%{text}",
        textfont={"color": "#808a98"},
        hovertemplate="%{x} %{y}: %{text}<extra></extra>",
        hoverongaps=False,
    )
    figure = _plain(go.Figure([heat]), "Return of each month", height=90 + 26 * max(len(years), 2))
    figure.update_yaxes(type="category", showgrid=False)
    return figure.update_xaxes(type="category", side="bottom", showgrid=False)


def trades(document: Document) -> Any:
    """What each finished trade gained of its value, by when it ended."""
    from plotly import graph_objects as go

    figure = go.Figure()
    ended = [trade for trade in document.trades if trade.exit_at is not None]
    for name, colour, gained in (("gain", GAIN, True), ("loss", LOSS, False)):
        part = [trade for trade in ended if (trade.net > 0) is gained]
        worth = [to_float(trade.net) / to_float(trade.qty * trade.entry_price) for trade in part]
        told = [
            f"{escape(trade.symbol)} {'long' if trade.side.value == 'buy' else 'short'}"
            f" {trade.qty:f}<br>{_when(trade.entry_at):%Y-%m-%d} to {_when(trade.exit_at or 0):%Y-%m-%d}"
            f"<br>net {trade.net:,.2f}"
            for trade in part
        ]
        dots = go.Scatter(
            x=_moments([trade.exit_at or 0 for trade in part]),
            y=_array(worth),
            mode="markers",
            name=name,
            marker={"color": colour, "size": 7, "opacity": 0.75, "symbol": "circle" if gained else "x"},
            text=told,
            hovertemplate="%{text}<br>%{y:+.2%}<extra></extra>",
        )
        figure.add_trace(dots)
    figure.add_hline(0, line_color=_GRID)
    span = document.first, document.last
    return _plain(figure, "Trades, by their end", height=300, percent=True, span=span)


def prices(one: Prices, span: tuple[int, int] | None = None) -> Any:
    """Raw closes of an instrument with the executions in it. span: the days of the axis, microseconds."""
    from plotly import graph_objects as go

    name = escape(one.symbol)
    days = _moments(one.times)
    figure = go.Figure(
        [go.Scatter(x=days, y=_array(one.closes), name=f"{name}, raw close", line_color=OTHER)]
    )
    for side, colour, sign in (("buy", GAIN, "triangle-up"), ("sell", LOSS, "triangle-down")):
        marks = [mark for mark in one.marks if mark.side == side]
        figure.add_trace(
            go.Scatter(
                x=_moments([mark.at for mark in marks]),
                y=_array([mark.price for mark in marks]),
                mode="markers",
                name=side,
                marker={"color": colour, "size": 9, "symbol": sign},
                text=[mark.qty for mark in marks],
                hovertemplate=f"{side} %{{text}} at %{{y}}<extra></extra>",
            )
        )
    shown = (
        "" if one.fills <= len(one.marks) else f", the last {len(one.marks):,} of {one.fills:,} executions"
    )
    return _plain(figure, f"{name} with executions{shown}", height=300, y="USD", span=span)


def _scales() -> dict[str, Any]:
    """Buttons for the scale of the equity: on the logarithmic one equal gains are equally high."""
    names = ("linear", "log")
    return {
        "type": "buttons",
        "direction": "right",
        "x": 1,
        "xanchor": "right",
        "y": 1.02,
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 0, "l": 0, "r": 0},
        "font": {"size": 11},
        "showactive": False,  # its colour for the active one cannot be read in the dark
        "buttons": [
            {"label": name, "method": "relayout", "args": [{"yaxis.type": name, "yaxis.autorange": True}]}
            for name in names
        ],
    }


def _plain(
    figure: Any,
    title: str,
    *,
    height: int,
    percent: bool = False,
    y: str = "",
    span: tuple[int, int] | None = None,
) -> Any:
    """One look, on any background. The legend lies below the title, where a narrow page has room for both;
    plots with one span have their days one above the other.
    """
    figure.update_layout(
        template="none",
        title={
            "text": title,
            "x": 0.0,
            "xref": "container",
            "y": 1.0,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 6},
            "font": {"size": 15},
        },
        height=height,
        margin={"l": 62, "r": 12, "t": 64, "b": 34},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808a98", "family": "system-ui, sans-serif", "size": 12},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
    )
    axis = {"gridcolor": _GRID, "linecolor": _GRID, "zeroline": False}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis, title=y or None)
    if span is not None and span[0] < span[1]:
        figure.update_xaxes(range=[f"{_when(at):%Y-%m-%d %H:%M}" for at in span])
    if percent:
        figure.update_yaxes(tickformat=".0%")
    return figure


def _moments(times: Sequence[int]) -> NDArray[np.datetime64]:
    """Plotly takes arrays many times faster than lists."""
    return np.array(times, np.int64).astype("M8[us]").astype("M8[s]")


def _array(values: Sequence[float | None]) -> Floats:
    """NaN where there is nothing, which leaves a gap."""
    return np.array(values, np.float64)


def _when(at: int) -> datetime:
    return datetime.fromtimestamp(at / _MICROS, UTC)
