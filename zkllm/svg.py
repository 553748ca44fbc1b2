"""Small SVG pictures: a flame of nested stages, lines over an axis, and stacked bars. No dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from .files import JsonObject

COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#bab0ac",
           "#d37295", "#8cd17d", "#499894", "#f1ce63", "#86bcb6")  # fmt: skip
FONT = 'font-family="sans-serif" font-size="11"'
_CHARACTER = 6.2  # width of one, on average
Series = Mapping[str, Sequence[tuple[float, float]]]


def document(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {FONT}>'
    return "\n".join(
        [head, f'<rect width="{width:g}" height="{height:g}" fill="white"/>', *parts, "</svg>\n"]
    )


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def rectangle(x: float, y: float, width: float, height: float, fill: str, title: str) -> str:
    shape = f'x="{x:.2f}" y="{y:.2f}" width="{max(width, 0.2):.2f}" height="{height:.2f}"'
    return (
        f'<rect {shape} fill="{fill}" stroke="white" stroke-width="0.5"><title>{escape(title)}</title></rect>'
    )


def quantity(value: float) -> str:
    """Four significant digits at most, without an exponent where that stays short."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


# ---- flame


def _depth(stages: Sequence[JsonObject]) -> int:
    return 1 + max((_depth(s.get("stages", ())) for s in stages), default=0) if stages else 0


def flame(title: str, stages: Sequence[JsonObject], key: str = "wall_s", width: float = 1000) -> str:
    """Nested stages {name, <key>, stages} as an icicle: width is time, depth is nesting."""
    row, top = 34.0, 30.0
    total = sum(s[key] for s in stages) or 1.0
    parts = [text(8, 18, title, extra='font-weight="bold"')]

    def draw(level: Sequence[JsonObject], left: float, depth: int, colour: int | None) -> None:
        for i, stage in enumerate(level):
            share = stage[key] / total * (width - 16)
            shade = COLOURS[(i if colour is None else colour + i) % len(COLOURS)]
            note = ", ".join(f"{quantity(v)} {k}" for k, v in stage.get("counts", {}).items())
            peak = stage.get("memory_bytes", {}).get("peak")
            label = f"{stage['name']}: {stage[key]:.2f} s"
            hover = (
                label + (f", peak {peak / 2**30:.2f} GiB" if peak else "") + (f" ({note})" if note else "")
            )
            y = top + depth * row
            parts.append(rectangle(left, y, share, row - 2, shade, hover))
            room = int((share - 6) / _CHARACTER)
            if room >= 3:
                name = stage["name"] if len(stage["name"]) <= room else stage["name"][: room - 1] + "…"
                parts.append(text(left + 3, y + 13, name, extra='fill="white"'))
            if room >= 6:
                parts.append(text(left + 3, y + 27, f"{stage[key]:.2f} s", extra='fill="white"'))
            draw(stage.get("stages", ()), left, depth + 1, i + 1)
            left += share

    draw(stages, 8, 0, None)
    return document(width, top + row * _depth(stages) + 8, parts)


# ---- axes


def ticks(low: float, high: float, logarithmic: bool = False) -> list[float]:
    if logarithmic:
        first, last = floor(log10(low)), ceil(log10(high))
        return [10.0**e for e in range(first, last + 1)]
    step = 10.0 ** floor(log10((high - low) or 1))
    step = next(step * f for f in (0.1, 0.2, 0.25, 0.5, 1, 2, 5) if (high - low) / (step * f) <= 6)
    return [step * i for i in range(floor(low / step), ceil(high / step) + 1)]


class Plot:
    """A frame with scales on both axes; drawing adds to `parts`."""

    def __init__(
        self,
        title: str,
        x_name: str,
        y_name: str,
        xs: Sequence[float],
        ys: Sequence[float],
        log: bool = False,
    ):
        self.width, self.height = 640.0, 360.0
        self.left, self.right, self.top, self.bottom = 62.0, 190.0, 34.0, 44.0
        self.log = log
        self.x_ticks = ticks(min(xs), max(xs), True) if log else sorted(set(xs))
        self.y_ticks = ticks(min(ys), max(ys), True) if log else ticks(0, max(ys) or 1)
        self.x_range = (self.x_ticks[0], self.x_ticks[-1])
        self.y_range = (self.y_ticks[0], self.y_ticks[-1])
        end = self.width - self.right
        self.parts = [text(self.left, 18, title, extra='font-weight="bold"')]
        for y in self.y_ticks:
            at = self.y(y)
            self.parts.append(
                f'<line x1="{self.left}" x2="{end}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
            )
            self.parts.append(text(self.left - 6, at + 4, quantity(y), "end"))
        for x in self.x_ticks:
            self.parts.append(text(self.x(x), self.height - self.bottom + 16, quantity(x), "middle"))
        self.parts.append(text((self.left + end) / 2, self.height - 10, x_name, "middle"))
        turned = f'transform="rotate(-90 14 {self.height / 2})"'
        self.parts.append(text(14, self.height / 2, y_name, "middle", turned))

    def _place(self, value: float, bounds: tuple[float, float], start: float, stop: float) -> float:
        low, high = (log10(b) for b in bounds) if self.log else bounds
        at = log10(value) if self.log else value
        return start + (stop - start) * ((at - low) / (high - low) if high > low else 0.5)

    def x(self, value: float) -> float:
        return self._place(value, self.x_range, self.left + 18, self.width - self.right - 18)

    def y(self, value: float) -> float:
        return self._place(value, self.y_range, self.height - self.bottom, self.top)

    def legend(self, i: int, name: str) -> None:
        y = self.top + 10 + 16 * i
        x = self.width - self.right + 10
        self.parts.append(rectangle(x, y - 9, 10, 10, COLOURS[i % len(COLOURS)], name))
        self.parts.append(text(x + 15, y, name))

    def svg(self) -> str:
        return document(self.width, self.height, self.parts)


def lines(title: str, x_name: str, y_name: str, series: Series, log: bool = False) -> str:
    """Each series as points joined by lines."""
    points = [p for values in series.values() for p in values]
    plot = Plot(title, x_name, y_name, [x for x, _ in points], [y for _, y in points], log)
    for i, (name, values) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{plot.x(x):.1f},{plot.y(y):.1f}" for x, y in sorted(values))
        plot.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y in values:
            hover = f"<title>{escape(name)}: {quantity(x)}, {quantity(y)}</title>"
            plot.parts.append(
                f'<circle cx="{plot.x(x):.1f}" cy="{plot.y(y):.1f}" r="3.5" fill="{colour}">{hover}</circle>'
            )
        plot.legend(i, name)
    return plot.svg()


def stacked(title: str, x_name: str, y_name: str, bars: Mapping[float, Mapping[str, float]]) -> str:
    """One bar at each x, cut into named parts from the bottom up."""
    names = list(dict.fromkeys(name for bar in bars.values() for name in bar))
    plot = Plot(title, x_name, y_name, list(bars), [sum(bar.values()) for bar in bars.values()])
    places = sorted(plot.x(x) for x in bars)
    gap = min((b - a for a, b in zip(places, places[1:], strict=False)), default=60.0)
    width = min(44.0, max(6.0, 0.7 * gap))
    for x, bar in bars.items():
        base = 0.0
        for i, name in enumerate(names):
            value = bar.get(name, 0.0)
            if value:
                top = plot.y(base + value)
                hover = f"{name}: {quantity(value)}"
                colour = COLOURS[i % len(COLOURS)]
                plot.parts.append(
                    rectangle(plot.x(x) - width / 2, top, width, plot.y(base) - top, colour, hover)
                )
                base += value
    for i, name in enumerate(names):
        plot.legend(i, name)
    return plot.svg()
