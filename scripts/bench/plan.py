"""How near `zkllm plan` comes: its seconds beside those of a proof made right after, on the same machine.

    python -m scripts.bench.plan [PACKAGE] [--runs 3] [--within 25] [--profile FILE] [--json]

Without a package, the demo model's. The median proof counts. Exits with 1 where the whole proof's processor
seconds or wall clock are further from the prediction than --within percent; stages are shown beside.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts import ROOT
from scripts.bench.common import say
from scripts.bench.phases import PROMPT
from zkllm import api
from zkllm.cli.profile import load
from zkllm.cli.text import table
from zkllm.files import JsonObject
from zkllm.measure.capacity import Capacity, capacity
from zkllm.measure.profiling import flat
from zkllm.model.package import ModelPackage
from zkllm.timings import Stage, available_cores

DEMO = ROOT / "models" / "demo-gpt2"


def measured(package: ModelPackage, runs: int) -> Stage:
    """The stages of the proof of the median wall clock."""
    proofs = [api.prove(package, prompt=PROMPT).stages for _ in range(runs)]
    walls = [sum(stage.wall for stage in root.stages) for root in proofs]
    return proofs[walls.index(statistics.median_low(walls))]


def compared(made: Capacity, root: Stage, cores: int) -> JsonObject:
    """Seconds predicted and measured, and the first over the second."""
    leaves = flat(root)
    pair = lambda predicted, found: {"predicted": predicted, "measured": found, "ratio": predicted / found}
    return {
        "cores": cores,
        "nanoseconds": made.nanoseconds,
        "wall_s": pair(made.proof.on(cores), sum(s.wall for s in root.stages)),
        "processor_s": pair(made.proof.processor, sum(s.processor for s in root.stages)),
        "stages": {
            s.name: pair(s.processor, leaves[s.name].processor)
            for s in made.proof.stages
            if s.name in leaves and leaves[s.name].processor > 0
        },
    }


def report(found: JsonObject) -> list[str]:
    rows = [
        (name, *(round(pair[key], 3) for key in ("predicted", "measured", "ratio")))
        for name, pair in (
            ("all, wall clock", found["wall_s"]),
            ("all, processor", found["processor_s"]),
            *found["stages"].items(),
        )
    ]
    return table(("stage, processor", "predicted s", "measured s", "ratio"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", nargs="?", type=Path, help="default: the demo model's, made for this")
    parser.add_argument("--runs", type=int, default=3, help="proofs (default 3)")
    parser.add_argument("--within", type=float, default=25, metavar="PERCENT", help="default 25")
    parser.add_argument("--profile", type=Path, help="paces of this profile instead of the measured ones")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if given.package is None:
            say("setting up the demo model")
            package = api.setup(DEMO, Path(folder) / "demo")
        else:
            package = api.open_package(given.package)
        api.prove(package, prompt=PROMPT)  # keys and files are there from now on
        say("measuring the kernels")
        profile = load(given.profile) if given.profile else None
        made = capacity(package.folder, api.open_setup(package).rows, profile=profile)
        say(f"proving, {given.runs} times")
        found = compared(made, measured(package, given.runs), available_cores())
    print(json.dumps(found) if given.json else "\n".join(report(found)))
    far = [n for n in ("wall_s", "processor_s") if abs(found[n]["ratio"] - 1) > given.within / 100]
    for name in far:
        print(f"plan: {name} is not within {given.within:g} % of what was measured", file=sys.stderr)
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
