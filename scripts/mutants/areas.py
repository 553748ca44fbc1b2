"""The areas of areas.toml, their mutants, and which of them a run takes."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .mutation import Mutant, name_mutants
from .python_rules import is_other_program, python_edits
from .solidity_rules import solidity_edits

AREAS = "scripts/mutants/areas.toml"


@dataclass(frozen=True)
class Stage:
    """Tests that run together: files of pytest or of forge."""

    pytest: tuple[str, ...] = ()
    forge: tuple[str, ...] = ()
    generate: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        return self.pytest + self.forge


@dataclass(frozen=True)
class Area:
    name: str
    sources: tuple[str, ...]
    number: int
    stages: tuple[Stage, ...]
    skip: str
    only: str

    def takes(self, function: str) -> bool:
        if self.skip and re.search(self.skip, function):
            return False
        return not self.only or re.search(self.only, function) is not None

    def mutants(self, root: Path) -> list[Mutant]:
        """All of them, those that cannot be told from the original included."""
        found = []
        for file in self.sources:
            source = (root / file).read_text()
            edits = python_edits(source) if file.endswith(".py") else solidity_edits(source)
            found += name_mutants(file, source, (e for e in edits if self.takes(e.function)))
        return found


def read_areas(root: Path) -> list[Area]:
    areas = []
    data_of = tomllib.loads((root / AREAS).read_text())
    without = {path for pattern in data_of.pop("without", []) for path in root.glob(pattern)}
    for name, data in data_of.items():
        stages = tuple(_stages(data["stages"], root, without))
        sources = sorted(str(p.relative_to(root)) for pattern in data["sources"] for p in root.glob(pattern))
        areas.append(
            Area(
                name,
                tuple(sources),
                data["number"],
                stages,
                data.get("skip", ""),
                data.get("only", ""),
            )
        )
    return areas


def _stages(data: Iterable[dict[str, Any]], root: Path, without: set[Path]) -> Iterator[Stage]:
    seen = {str(path.relative_to(root)) for path in without}
    for stage in data:
        files: dict[str, list[str]] = {"pytest": [], "forge": []}
        for tool, chosen in files.items():
            for pattern in stage.get(tool, ()):
                for path in sorted(root.glob(pattern)):
                    name = str(path.relative_to(root))
                    if name not in seen:
                        seen.add(name)
                        chosen.append(name)
        if any(files.values()):
            yield Stage(tuple(files["pytest"]), tuple(files["forge"]), stage.get("generate", False))


def is_mutant(mutant: Mutant, source: str) -> bool:
    """Whether it is another program; of Solidity the compiler says so."""
    return not mutant.file.endswith(".py") or is_other_program(mutant.apply(source), source)


def sample(mutants: Iterable[Mutant], number: int, root: Path) -> list[Mutant]:
    """`number` of an area's mutants: every rule has its turn, and within a rule every file, and there the one
    whose id's digest is least. So a choice does not change with lines that are not chosen."""
    cells: dict[str, dict[str, list[Mutant]]] = {}
    for mutant in mutants:
        cells.setdefault(mutant.edit.rule, {}).setdefault(mutant.file, []).append(mutant)
    for files in cells.values():
        for file, own in files.items():
            files[file] = sorted(own, key=_rank, reverse=True)
    chosen: list[Mutant] = []
    while len(chosen) < number and any(any(files.values()) for files in cells.values()):
        for rule in sorted(cells):
            files = {file: own for file, own in cells[rule].items() if own}
            while files:
                # the file that has had the fewest turns in this rule
                file = min(
                    files, key=lambda f: (sum(m.file == f and m.edit.rule == rule for m in chosen), _hash(f))
                )
                mutant = cells[rule][file].pop()
                files = {f: own for f, own in cells[rule].items() if own}
                if is_mutant(mutant, (root / file).read_text()):
                    chosen.append(mutant)
                    break
            if len(chosen) == number:
                break
    return sorted(chosen, key=lambda m: (m.file, m.edit.start, m.id))


def _rank(mutant: Mutant) -> str:
    return _hash(mutant.id)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
