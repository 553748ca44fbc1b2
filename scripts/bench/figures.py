"""Pictures as SVG, by matplotlib: lines over an axis, and stacked bars. The same data give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

Series = Mapping[str, Sequence[tuple[float, float]]]


def style() -> AbstractContextManager[None]:
    return rc_context(
        {"svg.hashsalt": "zkllm", "svg.fonttype": "none", "font.size": 9, "axes.axisbelow": True}
    )


def quantity(value: float, _: object = None) -> str:
    """Three significant digits at most, without an exponent where that stays short."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def frame(title: str, x_name: str, y_name: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=x_name, ylabel=y_name)
    axes.grid(axis="y", color="#ddd")
    return figure, axes


def svg(figure: Figure, axes: Axes) -> str:
    axes.yaxis.set_major_formatter(FuncFormatter(quantity))
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", frameon=False)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def lines(title: str, x_name: str, y_name: str, series: Series, log: bool = False) -> str:
    """Each series as points joined by lines; `log`: both axes by powers of ten."""
    with style():
        figure, axes = frame(title, x_name, y_name)
        for name, points in series.items():
            axes.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
        if log:
            axes.set(xscale="log", yscale="log")
        else:
            axes.set_xticks(sorted({x for points in series.values() for x, _ in points}))
            axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(FuncFormatter(quantity))
        return svg(figure, axes)


def stacked(title: str, x_name: str, y_name: str, bars: Mapping[float, Mapping[str, float]]) -> str:
    """One bar at each x, cut into named parts from the bottom up."""
    with style():
        figure, axes = frame(title, x_name, y_name)
        labels = [quantity(x) for x in bars]
        base = [0.0] * len(bars)
        for name in dict.fromkeys(name for bar in bars.values() for name in bar):
            heights = [bar.get(name, 0.0) for bar in bars.values()]
            axes.bar(labels, heights, 0.6, base, label=name)
            base = [low + height for low, height in zip(base, heights, strict=True)]
        return svg(figure, axes)
