"""Puts single-line faults into copies of the sources; the tests that concern them must fail.

Run by `make mutants` (ALL=1, ONLY=PATTERN, JOBS=N). docs/mutants.md.

    python -m scripts.mutants                     a sample, and the tables in docs/mutants.md
    python -m scripts.mutants --all               every mutant
    python -m scripts.mutants --only PATTERN      those whose area or id has it (regular expression)
    python -m scripts.mutants --list              show them, run nothing

Exit codes: 0 every mutant is killed or explained; 1 not so, with the mutants' lines; 2 the tests fail
without a mutant, or a tool could not be run."""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from scripts import ROOT

from . import report
from .areas import Area, is_mutant, read_areas, sample
from .mutation import Mutant
from .results import Explanation, Line, Lines, complaints, digest_of, read_explanations
from .tree import ToolError, Tree

Work = list[tuple[Area, Mutant]]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def choose(
    root: Path, areas: Sequence[Area], explained: dict[str, Explanation], take_all: bool, only: str | None
) -> Work:
    """The mutants of a run: those asked for, and those that are explained."""
    work: Work = []
    for area in areas:
        found = area.mutants(root)
        if only is not None:
            found = [m for m in found if re.search(only, f"{area.name} {m.id}")]
        ours = {m.id for m in found} if take_all else {m.id for m in sample(found, area.number, root)}
        chosen = [m for m in found if m.id in ours or m.id in explained]
        work += [(area, m) for m in chosen if is_mutant(m, (root / m.file).read_text())]
    return work


class Runner:
    def __init__(self, root: Path, lines: Lines, jobs: int):
        self.root, self.lines, self.lock = root, lines, threading.Lock()
        self.trees: SimpleQueue[Tree] = SimpleQueue()
        for number in range(jobs):
            tree = Tree(number, root)
            tree.refresh()
            self.trees.put(tree)
        self.limits: dict[tuple[str, int], float] = {}

    def baseline(self, area: Area, stage: int) -> None:
        """The tests pass without a mutant; how long they take bounds what a mutant may take."""
        id, digest = f"baseline {area.name} {stage}", digest_of(self.root, area, *area.sources)
        line = self.lines.known.get(id)
        if line is None or line.digest != digest:
            say(f"{area.name}: tests of stage {stage + 1} without a mutant")
            tree = self.trees.get()
            try:
                result = tree.test(None, area.stages[stage], None)
            finally:
                self.trees.put(tree)
            if result.status != "passed":
                raise ToolError(
                    f"{area.name}: the tests fail without a mutant: {result.by}\n{result.output[-3000:]}"
                )
            line = Line(id, digest, "passed", cpu=round(result.cpu, 1))
            self.lines.put(line)
        self.limits[area.name, stage] = 60 + 4 * line.cpu

    def run(self, area: Area, mutant: Mutant, stage: int, digest: str) -> None:
        known = self.lines.known.get(mutant.id)
        first = known.by if known is not None else ""
        tree = self.trees.get()
        try:
            result = tree.test(mutant, area.stages[stage], self.limits[area.name, stage], first)
        finally:
            self.trees.put(tree)
        status = result.status
        if status == "passed":
            status = "survived" if stage + 1 == len(area.stages) else "open"
        # what killed it before another change is tried first, whatever stage it is of
        by = result.by or (first if status == "open" else "")
        with self.lock:
            self.lines.put(Line(mutant.id, digest, status, by, stage + 1, round(result.cpu, 1)))
        say(f"{status:9}{mutant.id}  {result.by}")


def is_due(line: Line | None, digest: str, stage: int) -> bool:
    if line is None or line.digest != digest:
        return stage == 0
    return line.status == "open" and line.stages == stage


def run_all(root: Path, work: Work, lines: Lines, jobs: int, stages: int) -> None:
    """Stage by stage over all mutants, so that what is easy is known first."""
    runner = Runner(root, lines, jobs)
    digests = {(a.name, m.file): digest_of(root, a, m.file) for a, m in work}
    for stage in range(min(stages, max((len(a.stages) for a, _ in work), default=0))):
        due = []
        for area, mutant in work:
            digest = digests[area.name, mutant.file]
            if stage < len(area.stages) and is_due(lines.known.get(mutant.id), digest, stage):
                due.append((area, mutant, digest))
        for area in {area.name: area for area, _, _ in due}.values():
            runner.baseline(area, stage)
        with ThreadPoolExecutor(jobs) as pool:
            for done in [pool.submit(runner.run, area, m, stage, digest) for area, m, digest in due]:
                done.result()


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="every mutant")
    parser.add_argument("--only", metavar="PATTERN", help="those whose area or id has it")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants at a time (default: 1)")
    parser.add_argument("--stages", type=int, default=99, metavar="N", help="no more than so many of an area")
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    chosen = parser.parse_args(arguments)
    try:
        explained, areas = read_explanations(root), read_areas(root)
        work = choose(root, areas, explained, chosen.all, chosen.only)
        if chosen.list:
            for area, m in work:
                print(f"{area.name}: {m.id}\n  {m.file}:{m.line}\n  - {m.before}\n  + {m.after}")
            return 0
        lines = Lines(root)
        run_all(root, work, lines, chosen.jobs, chosen.stages)
    except (ToolError, ValueError) as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    outcome = {m.id: lines.known[m.id] for _, m in work}
    found = complaints(outcome, explained, (m for area in areas for m in area.mutants(root)))
    for complaint in found:
        print(complaint)
    if chosen.only is None:
        by_area = {area.name: [m for a, m in work if a is area] for area in areas}
        report.write(root, report.table(by_area, outcome, explained))
    killed = sum(line.status == "killed" for line in outcome.values())
    print(f"mutants: {killed} of {len(outcome)} killed, {len(found)} to look at; see docs/mutants.md")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
