"""What is known of each mutant, one JSON line each, and the explanations of those that live."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .areas import Area
from .mutation import Mutant

LINES = "build/mutants.jsonl"
EXPLANATIONS = "scripts/mutants/explained.toml"


@dataclass(frozen=True)
class Line:
    """`status`: "open" while stages are left, "survived", "killed", "invalid"; `stages` were run."""

    id: str
    digest: str
    status: str
    by: str = ""
    stages: int = 0
    cpu: float = 0.0


class Lines:
    """build/mutants.jsonl. A later line of an id counts."""

    def __init__(self, root: Path):
        self.path = path = root / LINES
        self.known: dict[str, Line] = {}
        if path.exists():
            for text in path.read_text().splitlines():
                line = Line(**json.loads(text))
                self.known[line.id] = line

    def put(self, line: Line) -> None:
        self.known[line.id] = line
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(line)) + "\n")


def digest_of(root: Path, area: Area, *files: str) -> str:
    """Of sources, and of the tests of its area with what stands beside them."""
    tests = {name for stage in area.stages for name in stage.files}
    beside = {p for name in tests for p in (root / name).parent.rglob("*") if p.suffix in (".py", ".sol")}
    hasher = hashlib.sha256(repr(area.stages).encode())
    for path in (*(root / file for file in files), *sorted(beside)):
        hasher.update(hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()[:16]


@dataclass(frozen=True)
class Explanation:
    """Of a mutant that lives: `why`. Of one that a test was added for: `killed_by`."""

    id: str
    why: str = ""
    killed_by: str = ""


def read_explanations(root: Path) -> dict[str, Explanation]:
    path, explained = root / EXPLANATIONS, {}
    for data in tomllib.loads(path.read_text()).get("mutant", []):
        explanation = Explanation(**data)
        if explanation.id in explained or bool(explanation.why.strip()) == bool(
            explanation.killed_by.strip()
        ):
            raise ValueError(f"{path.name}: {explanation.id}: one entry, with either why or killed_by")
        explained[explanation.id] = explanation
    return explained


def complaints(
    outcome: Mapping[str, Line], explained: Mapping[str, Explanation], everything: Iterable[Mutant]
) -> list[str]:
    """Survivors without a reason, and reasons without a survivor; a line each."""
    known = {m.id: m for m in everything}
    found = []
    for id, line in outcome.items():
        if line.status in ("survived", "open") and not (id in explained and explained[id].why):
            mutant = known[id]
            found.append(
                f"survives: {id}\n  {mutant.file}:{mutant.line}\n  - {mutant.before}\n  + {mutant.after}"
            )
    for id, explanation in explained.items():
        if id not in known:
            found.append(f"stale: {id}: there is no such mutant")
        elif explanation.why and id in outcome and outcome[id].status in ("killed", "invalid"):
            found.append(f"stale: {id}: it is explained, but {outcome[id].status} by {outcome[id].by}")
    return found
