"""How much memory a proof takes, estimated from its sizes before it starts, and what there is.

The peak is what stays for the whole proof plus the largest of the stages. Each term below says what it
counts; what the tensors take is exact, the other constants were fitted to measured peaks and leave a margin.
Mapped files (weights, SRS) are apart: their pages count as resident, but the system takes them back when it
needs the memory, so that only the rest has to fit. What the kernels give up they keep, up to a bound, and use
again: a stage that needs less of their memory than an earlier one does not shrink the process by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .bits import ceil_log2
from .errors import ResourceError
from .pcs.curve import G1_BYTES
from .protocol.description import Description
from .protocol.layout import Layout
from .protocol.witness import stored_type

GIB = 1 << 30
ELEMENT = 32
"""Bytes of a field element."""
CIRCUIT_ROWS = ((64, 16), (256, 17), (1024, 18))
"""(N, log2 of the outer circuit's rows) where these are not known yet: what GPT-2's shapes up to N have."""


def circuit_log2_of(rows: int) -> int:
    """Twice as many for twice as long a context beyond the last one that is known."""
    known = next((log2 for n, log2 in CIRCUIT_ROWS if rows <= n), None)
    most, log2 = CIRCUIT_ROWS[-1]
    return known if known is not None else log2 + ceil_log2(-(-rows // most))


@dataclass(frozen=True)
class Term:
    """Bytes of one thing that is held in a stage; `kernels`: in memory that the kernels use again."""

    name: str
    bytes: int
    mapped: bool = False
    kernels: bool = False


@dataclass(frozen=True)
class Estimate:
    """`always` is held throughout, each of `stages` in its turn, in this order."""

    always: tuple[Term, ...]
    stages: dict[str, tuple[Term, ...]]

    def _peak(self, mapped: bool) -> tuple[int, str]:
        sizes, kept = {}, 0
        for name, terms in self.stages.items():
            own = sum(t.bytes for t in terms if t.kernels)
            rest = (t.bytes for t in (*self.always, *terms) if not t.kernels and (mapped or not t.mapped))
            sizes[name] = sum(rest) + max(own, kept)
            kept = min(max(own, kept), _KEPT)
        stage = max(sizes, key=lambda name: sizes[name])
        return sizes[stage], stage

    @property
    def resident(self) -> int:
        """Peak resident memory, mapped pages included."""
        return self._peak(mapped=True)[0]

    @property
    def private(self) -> int:
        """The peak without mapped pages: what the machine must have."""
        return self._peak(mapped=False)[0]


# ---- the terms

BASE = 320 << 20  # interpreter, numpy, the extension, scratch of the kernels, what the allocator keeps
_KEY_PER_ROW = 2048  # the proving key's polynomials, from the start of the outer proof on
_OUTER_PER_ROW = 6144  # the rest of the outer proof: some 40 polynomials, some of four times the size
_KEPT = 1 << 32  # of given up memory, at most (native/src/memory.rs)
_PER_LEAF = 17  # stored layers of the lookups' tree: an eighth of the leaves, twice that in all, 128 bytes
_PER_LEAF_STREAMED, _STREAMED = 8.5, 1 << 27  # half of it from so many leaves on (native/src/logup/tree.rs)
# of the largest operation's equations, at each index: tables of integers of 32 or 64 bits, and five folded
# ones once the first of the layers' variables is bound; all of them from `_WAITING` on
# (native/src/sumcheck/later.rs)
PER_CHECKED, _PER_CHECKED_LATER, _WAITING = 140, 16, 1 << 24
_FOLDED_TABLES = 5
PER_MSM_TERM = 24  # digits, sorted terms and buckets of a multi-scalar multiplication by field elements
# weights and values of a column's places once its integers have met the first challenges, and what is left
# of all columns of a group then at most, but for many rounds (native/src/python/sumcheck/reduction.rs)
_PER_FOLDED, _DENSE, _LEAST_ROUNDS, _MOST_ROUNDS = 2 * ELEMENT, 1 << 30, 3, 8
_PER_COORDINATE = 4  # vectors of weights, for a column's length


def _trace_bytes(protocol: Description) -> int:
    """The arrays of the integer program: exact."""
    m = protocol.manifest
    return sum(array.bytes(m.axes) for array in m.traced().values())


def weights_bytes(protocol: Description) -> list[int]:
    """Each array of the package: exact."""
    m = protocol.manifest
    return [array.bytes(m.axes) for array in m.model_arrays().values()]


def _witness_bytes(protocol: Description) -> int:
    """The witness' tensors, above the diagonal too: exact."""
    m = protocol.manifest
    return sum(stored_type(m, t).itemsize * m.count_over(t.axes) for t in m.group(False))


def _widest_bytes(protocol: Description) -> int:
    """The largest value that is cut into limbs, as 64-bit integers."""
    m = protocol.manifest
    return max((8 * m.count_over(m.tensors[w.limbs[0][0]].axes) for w in m.wide.values()), default=0)


def _reduction_bytes(layout: Layout) -> int:
    """Weights and values of all columns of a group."""
    outers = [layout.outer_of(column) for column in range(layout.num_columns)]
    layered = sum(_PER_FOLDED << layout.mu - outer for outer in outers if outer)
    together = _PER_FOLDED * outers.count(0) << layout.mu
    rounds = range(min(_LEAST_ROUNDS, layout.mu), min(_MOST_ROUNDS, layout.mu))
    fit = (k for k in rounds if together >> k <= _DENSE)
    return layered + (together >> next(fit, min(_MOST_ROUNDS, layout.mu)))


def _zero_check(protocol: Description) -> tuple[Term, ...]:
    m = protocol.manifest
    checked = max(operation.work(m).checked for operation in protocol.operations)
    if checked < _WAITING:
        return (Term("tables", PER_CHECKED * checked, kernels=True),)
    folded = _FOLDED_TABLES * ELEMENT * checked // m.axes["l"]
    return Term("tables", _PER_CHECKED_LATER * checked), Term("folded tables", folded, kernels=True)


def estimate(protocol: Description, circuit_log2: int | None = None, tabled: bool = False) -> Estimate:
    """Of one proof of this shape; `tabled`: with an opening table, when only the witness columns' part of f
    has coefficients."""
    if circuit_log2 is None:
        circuit_log2 = circuit_log2_of(protocol.shape.rows)
    witness, circuit = protocol.witness, 1 << circuit_log2
    column = protocol.coefficients
    weights = Term("weights", sum(weights_bytes(protocol)), mapped=True)
    # a pass over all weights lets go of each array before the next
    largest = Term("weights of one kind", max(weights_bytes(protocol)), mapped=True)
    # committing to integers reads all points of a column, a long sum lets go of those that it has passed
    srs = Term("SRS", G1_BYTES << witness.mu, mapped=True)
    circuit_srs = Term("SRS", G1_BYTES * 15 * circuit, mapped=True)
    trace = Term("trace", _trace_bytes(protocol))  # given up once the columns are made
    values = Term("witness", _witness_bytes(protocol))
    key = Term("proving key", _KEY_PER_ROW * circuit, kernels=True)
    # with a table f is the witness columns' part, whose masks are its highest coefficients
    coefficients = protocol.witness_coefficients if tabled else column
    combined = Term("f", ELEMENT * coefficients, kernels=True)
    opened = max(coefficients, 15 * circuit)
    reduced = _PER_COORDINATE << max(protocol.fixed.mu, protocol.witness.mu)
    reduced += _reduction_bytes(protocol.fixed) + _reduction_bytes(protocol.witness)
    per_leaf = _PER_LEAF_STREAMED if witness.used >= _STREAMED else _PER_LEAF
    tree = Term("tree", int(per_leaf * witness.used), kernels=True)
    terms = Term("multiplication", PER_MSM_TERM * opened, kernels=True)
    polynomials = Term("polynomials", _OUTER_PER_ROW * circuit, kernels=True)
    return Estimate(
        (Term("program", BASE),),
        {
            "trace": (trace, weights),
            "witness": (trace, values, Term("widest value", _widest_bytes(protocol))),
            "commit witness": (values, srs),
            "lookups": (values, tree),
            "zero-check": (values, *_zero_check(protocol)),
            "product sums": (values, largest),
            "reduction": (values, Term("columns", reduced, kernels=True)),
            "combine columns": (values, key, combined, largest),
            "opening": (values, key, combined, terms),
            "outer circuit": (values, key, circuit_srs, polynomials),
        },
    )


# ---- what there is


def _limits(root: Path) -> Iterator[int]:
    """What the control groups of this process leave it (version 2 and 1)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        base, names = (
            (root / "sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"))
            if controllers
            else (root / "sys/fs/cgroup", ("memory.max", "memory.current", "memory.stat"))
        )
        folder = base / path.lstrip("/")
        for group in (folder, *folder.parents):
            if group == base.parent:
                break
            try:
                limit, used = ((group / name).read_text().strip() for name in names[:2])
                stat = dict(line.split() for line in (group / names[2]).read_text().splitlines())
            except (OSError, ValueError):
                continue
            if limit.isdecimal():  # "max": none
                cache = int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))
                yield int(limit) - max(0, int(used) - cache)


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still take: MemAvailable and the limits of its control groups.

    None where the system does not tell.
    """
    found = []
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) << 10)
    except (OSError, ValueError):
        pass
    return min([*found, *_limits(root)], default=None)


def require_memory(
    protocol: Description,
    budget: int | None = None,
    circuit_log2: int | None = None,
    available: int | None = None,
) -> Estimate:
    """The estimate, or a ResourceError where it is over the budget or beyond the machine.

    The budget is for resident memory, mapped pages included; the machine must have the rest.
    """
    needed, shape = estimate(protocol, circuit_log2), protocol.shape
    what = f"a proof of N = {shape.rows}, k = {shape.certified} takes about"
    cure = (
        f"use fewer positions than {shape.rows} (--max-tokens), a smaller mu than {shape.config.mu} "
        "(zkllm setup --mu)"
    )
    if budget is not None and needed.resident > budget:
        raise ResourceError(
            f"{what} {_size(needed.resident)} of resident memory, more than the budget of {_size(budget)}; "
            f"{cure}, or a larger budget"
        )
    if available is None:
        available = available_memory()
    if available is not None and needed.private > available:
        raise ResourceError(
            f"{what} {_size(needed.private)} of memory besides mapped files, and this machine has "
            f"{_size(available)} left; {cure}, or a machine with more"
        )
    return needed


def _size(count: int) -> str:
    return f"{count / GIB:.2f} GiB"
