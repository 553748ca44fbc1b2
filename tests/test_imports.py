"""The rooms of the house stand on floors: what is above may import what is below, never the other way.

Every import counts, also one in a function or for type checkers alone: it is what a reader has to know.
Programs (`__main__`) and the front door (`zkllm/__init__.py`, names for users) are no rooms.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOOR = "zkllm"
TOPS = (DOOR, "verifier_gen")

FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "verifier_gen",
        "zkllm.bits",
        "zkllm.errors",
        "zkllm.field",
        "zkllm.hashing",
        "zkllm.limits",
        "zkllm.mapped",
        "zkllm.poseidon2_constants",
        "zkllm.shape_id",
        "zkllm.timings",
        "zkllm.units",
    ),
    ("zkllm.blinding", "zkllm.files", "zkllm.kernels", "zkllm.poseidon2", "zkllm.statement"),
    ("zkllm.key_files", "zkllm.records", "zkllm.sealed"),
    ("zkllm.pcs",),
    ("zkllm.outer",),
    ("zkllm.protocol",),
    ("zkllm.ops",),
    ("zkllm.gpt2", "zkllm.llama"),
    ("zkllm.families",),
    ("zkllm.model",),
    ("zkllm.naive", "zkllm.proof", "zkllm.setup_record"),
    ("zkllm.measure", "zkllm.settle", "zkllm.shards"),
    ("zkllm.cluster", "zkllm.explorer"),
    ("zkllm.serve",),
    ("zkllm.cli",),
)
"""From the ground up; rooms of one floor do not know each other. What is not listed yet is not held to it."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of a room by its name."""
    paths = chain.from_iterable(root.glob(f"{top}/**/*.py") for top in TOPS)
    names = {".".join(path.relative_to(root).with_suffix("").parts): path for path in paths}
    rooms = {name.removesuffix(".__init__"): p for name, p in names.items() if p.name != "__main__.py"}
    return {name: path for name, path in rooms.items() if name != DOOR}


def imported(name: str, path: Path) -> Iterator[str]:
    """Names that a module imports: modules, or things in them."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """`zkllm.pcs`, `zkllm.errors`, `verifier_gen`."""
    top, *inner = module.split(".")
    return f"{top}.{inner[0]}" if top == DOOR else top


def module_arrows(root: Path = ROOT) -> dict[tuple[str, str], str]:
    """(module, module that it imports) -> an import that does."""
    known = modules(root)
    found = {}
    for name, path in known.items():
        for target in imported(name, path):
            module = target if target in known else target.rpartition(".")[0]
            if module in known and module != name:
                found[name, module] = f"{name} imports {target}"
    return found


def arrows(root: Path = ROOT) -> dict[tuple[str, str], str]:
    """(room, room that it imports) -> an import that does."""
    between = {(room(of), room(to)): how for (of, to), how in module_arrows(root).items()}
    return {(of, to): how for (of, to), how in between.items() if of != to}


def circles(found: Iterable[tuple[str, str]]) -> list[str]:
    """Everything that imports itself by way of others."""
    below: dict[str, set[str]] = {}
    for of, to in found:
        below.setdefault(of, set()).add(to)

    def reached(start: str) -> set[str]:
        seen, ahead = set[str](), [start]
        while ahead:
            fresh = below.get(ahead.pop(), set()) - seen
            seen |= fresh
            ahead += fresh
        return seen

    return sorted(name for name in below if name in reached(name))


def climbing(found: dict[tuple[str, str], str]) -> list[str]:
    """Imports that do not lead down."""
    floor = {name: height for height, names in enumerate(FLOORS) for name in names}
    return sorted(
        how for (of, to), how in found.items() if of in floor and to in floor and floor[to] >= floor[of]
    )


def test_imports_lead_down() -> None:
    assert climbing(arrows()) == []


def test_every_room_is_there() -> None:
    """A name of the table that no longer exists would hold nothing."""
    rooms = {room(name) for name in modules()}
    assert set(chain.from_iterable(FLOORS)) <= rooms


def test_nothing_imports_itself_by_way_of_others() -> None:
    """No room, of those that are not listed too; and no module of a room."""
    assert circles(arrows()) == []
    assert circles(module_arrows()) == []


def test_nobody_goes_in_by_the_door_or_by_a_program() -> None:
    """The door says which version this is, and where the extension is; nothing else."""
    known = modules()
    names = set(chain.from_iterable(imported(name, path) for name, path in known.items()))
    assert not [name for name in names if "__main__" in name.split(".")]
    at_the_door = {name for name in names if name.rpartition(".")[0] in ("", DOOR) and name not in known}
    assert {name for name in at_the_door if name.split(".")[0] == DOOR} <= {
        f"{DOOR}.__version__",
        f"{DOOR}._native",
    }


@pytest.mark.parametrize(
    "line",
    [
        "from zkllm.outer.keys import VERSION",
        "from zkllm import outer",
        "from ..outer import keys",
        "import zkllm.outer.keys",
        "def f() -> None:\n    from zkllm.outer.keys import VERSION",
        "if TYPE_CHECKING:\n    from zkllm.outer.keys import VERSION",
    ],
)
def test_every_way_to_import_is_seen(tmp_path: Path, line: str) -> None:
    for name, text in (("zkllm/outer/keys.py", "VERSION = 1\n"), ("zkllm/pcs/srs.py", line + "\n")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).with_name("__init__.py").touch()
    (tmp_path / "zkllm/__init__.py").touch()
    (only,) = climbing(arrows(tmp_path))
    assert only.startswith("zkllm.pcs.srs imports zkllm.outer")


def test_a_circle_for_type_checkers_is_one(tmp_path: Path) -> None:
    """Also within a room, and through a third module."""
    for name, line in (
        ("srs", "from .draw import draw"),
        ("draw", "from . import ptau"),
        ("ptau", "if TYPE_CHECKING:\n    from zkllm.pcs.srs import Srs"),
        ("curve", "from .srs import Srs"),
    ):
        path = tmp_path / f"zkllm/pcs/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line + "\n")
    assert circles(arrows(tmp_path)) == []
    assert circles(module_arrows(tmp_path)) == [f"zkllm.pcs.{name}" for name in ("draw", "ptau", "srs")]
