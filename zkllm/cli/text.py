"""Text for a terminal: nothing that a model or a node said may move the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def quote(text: str | bytes) -> str:
    """In double quotes; what does not print is escaped, bytes that are not UTF-8 as \\xNN."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="surrogateescape")
    return '"' + "".join(map(_printable, text)) + '"'


def _printable(c: str) -> str:
    if "\udc80" <= c <= "\udcff":  # a byte that is not UTF-8
        return f"\\x{ord(c) - 0xDC00:02x}"
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else c.encode("unicode_escape").decode()


def srs_kind_in_words(kind: str) -> str:
    return kind if kind == "ceremony" else f"{kind}: anyone can forge, for tests only"


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def size(num_bytes: int) -> str:
    """Exact below 10 kB."""
    value = float(num_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 10_000:
            return f"{num_bytes:,} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def pairs(rows: Iterable[tuple[str, object]]) -> list[str]:
    """Names and values in two columns."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns of text to the left, of numbers to the right."""
    rows = [list(row) for row in rows]
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(c) for c in column) for column in zip(head, *cells, strict=True)]
    line = lambda row: "  ".join(
        c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True)
    ).rstrip()
    return [line(head), line(["-" * w for w in widths]), *map(line, cells)]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
