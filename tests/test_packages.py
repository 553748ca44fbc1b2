"""What the repository's packages may name of each other."""

from __future__ import annotations

import importlib.util
import re

from scripts import ROOT

NAMED = re.compile(r'-m (scripts[\w.]*\w)|script\("([\w.]+)"|"-m", f?"(scripts[\w.]*\w)"')
"""How texts name a script to run: on the command line, by scripts.bench.common, in a list of arguments."""


def test_scripts_that_are_named_exist() -> None:
    paths = [ROOT / "Makefile", ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
    for folder in ("scripts", "tests", "zkllm", "verifier_gen"):
        paths += [path for kind in ("py", "md", "toml") for path in (ROOT / folder).rglob(f"*.{kind}")]
    named = {}
    for path in paths:
        for whole, short, listed in NAMED.findall(path.read_text(encoding="utf-8")):
            named[whole or listed or f"scripts.{short}"] = path
    assert {"scripts.generate", "scripts.bench.phases", "scripts.bench.ezkl_stage"} <= set(named)
    missing = {name: path for name, path in named.items() if importlib.util.find_spec(name) is None}
    assert not missing
