"""`make mutants`: what each rule makes of toy sources, names that stay, and what it says of survivors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.mutants import report, results, tree
from scripts.mutants.__main__ import main
from scripts.mutants.areas import is_mutant, read_areas, sample
from scripts.mutants.mutation import Mutant, name_mutants
from scripts.mutants.python_rules import python_edits
from scripts.mutants.results import read_explanations
from scripts.mutants.solidity_rules import solidity_edits

ROOT = Path(__file__).resolve().parents[1]

PYTHON = '''"""No mutants of 1 in a docstring."""

Part = dict[str, int, str]


def verify(party, words: list[int], n: int) -> None:
    assert n == 1, "the type checker's"
    c: dict[str, tuple[int, int, int]] = party.challenge()
    total = words[0] + c * n
    for word in words:
        total -= word
    if n < 9 and n != 4:
        raise ValueError(f"{n + 1} words")
    party.error("rounds", 8)
    party.check("total", total, 0)
    party.claim([n, total], signed=True)
    return range_of(n, total)
'''

SOLIDITY = """
contract Toy {
    uint256 constant LIMIT = 7; // no mutants of 1 here
    function pay(uint256 a, uint256 b) external onlyOwner {
        if (a == 0 || b > LIMIT) revert Refused("1 < 2");
        owed[a] = a + b;
        assembly {
            let valid := lt(a, b)
            valid := and(valid, eq(calldataload(0x24), 0x60))
            mstore(M_Z, mod(a, r))
        }
    }
}
"""


def mutants(text: str, file: str = "toy.py") -> list[Mutant]:
    return name_mutants(file, text, python_edits(text) if file.endswith(".py") else solidity_edits(text))


def after(text: str, rule: str, file: str = "toy.py") -> set[str]:
    return {m.after for m in mutants(text, file) if m.edit.rule == rule}


@pytest.mark.parametrize(
    "rule, lines",
    [
        ("drop-check", {"pass"}),
        ("drop-statement", {"pass"}),
        ("drop-term", {"total = (words[0])", "total = (c * n)"}),
        ("drop-factor", {"total = words[0] + (c)", "total = words[0] + (n)"}),
        ("drop-operand", {"if ((n < 9)):", "if ((n != 4)):"}),
        (
            "drop-element",
            {"for word in [*words][1:]:", "for word in [*words][:-1]:"}
            | {f"party.claim([{x}], signed=True)" for x in ("n", "total")},
        ),
        ("constant-challenge", {"c: dict[str, tuple[int, int, int]] = (party.challenge() * 0 + 5)"}),
        (
            "off-by-one",
            {
                "total = words[1] + c * n",
                "if n < 10 and n != 4:",
                "if n < 8 and n != 4:",
                "if n < 9 and n != 5:",
            }
            | {"if n < 9 and n != 3:", 'party.check("total", total, 1)'},
        ),
        ("swap-arguments", {"return range_of(total, n)"}),
        ("drop-keyword", {"party.claim([n, total], signed=False)"}),
        ("comparison", {"if n <= 9 and n != 4:", "if n < 9 and False:"}),
    ],
)
def test_rules_of_python(rule: str, lines: set[str]) -> None:
    assert after(PYTHON, rule) == lines


def test_every_rule_of_python_is_tested() -> None:
    assert {m.edit.rule for m in mutants(PYTHON)} == {
        *("drop-check", "drop-statement", "drop-term", "drop-factor", "drop-operand", "drop-element"),
        *("constant-challenge", "off-by-one", "swap-arguments", "drop-keyword", "comparison"),
    }
    assert {m.before for m in mutants(PYTHON) if m.edit.rule == "drop-check"} == {
        'raise ValueError(f"{n + 1} words")',
        'party.check("total", total, 0)',
        "party.claim([n, total], signed=True)",
    }
    assert all(is_mutant(m, PYTHON) for m in mutants(PYTHON))


GUARD = 'if (a == 0 || b > LIMIT) revert Refused("1 < 2");'
VALID = "valid := and(valid, eq(calldataload(0x24), 0x60))"


@pytest.mark.parametrize(
    "rule, lines",
    [
        ("drop-check", {"", "function pay(uint256 a, uint256 b) external {"}),
        ("drop-statement", {""}),
        ("drop-term", {"owed[a] = a;", "owed[a] = b;"}),
        (
            "drop-operand",
            {GUARD.replace("a == 0 || ", ""), GUARD.replace(" || b > LIMIT", "")}
            | {"valid := valid", "valid := eq(calldataload(0x24), 0x60)"},
        ),
        (
            "comparison",
            {GUARD.replace("a == 0", "a != 0"), GUARD.replace("b > LIMIT", "b >= LIMIT")}
            | {"let valid := iszero(gt(a, b))", "valid := and(valid, 1)"},
        ),
        ("constant-challenge", {"mstore(M_Z, 5)"}),
        (
            "off-by-one",
            {GUARD.replace("a == 0", "a == 1"), VALID.replace("24", "25"), VALID.replace("24", "23")}
            | {VALID.replace("60", "61"), VALID.replace("60", "5f")},
        ),
        ("swap-arguments", {"let valid := lt(b, a)", "mstore(mod(a, r), M_Z)"}),
    ],
)
@pytest.mark.parametrize("file", ["Toy.sol", "Toy.sol.template"])
def test_rules_of_solidity(rule: str, lines: set[str], file: str) -> None:
    assert after(SOLIDITY, rule, file) == lines


def test_edits_keep_everything_else() -> None:
    for text, file in ((PYTHON, "toy.py"), (SOLIDITY, "Toy.sol")):
        for m in mutants(text, file):
            changed = m.apply(text)
            assert len(changed.splitlines()) in (len(text.splitlines()), len(text.splitlines()) - 1)
            assert changed != text and m.edit.function in ("verify", "pay")


def test_names_survive_other_edits() -> None:
    names = [m.id for m in mutants(PYTHON)]
    assert len(set(names)) == len(names)
    moved = PYTHON.replace("def verify", "LIMIT = None\n\n\ndef verify").replace(
        "total -= word", "total -= 2 * word"
    )
    kept = {m.id for m in mutants(moved)}
    lost = {m.before for m in mutants(PYTHON) if m.id not in kept}
    assert lost == {"total -= word"}
    twice = PYTHON.replace("    total = ", "    total = words[0] + c * n\n    total = ")
    assert len({m.id for m in mutants(twice)}) == len(mutants(twice))


def test_samples_take_every_rule_and_are_nested(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(PYTHON)
    ours = mutants(PYTHON)
    rules = {m.edit.rule for m in ours}
    few, more = (sample(ours, len(rules) + i, tmp_path) for i in (0, 4))
    assert {m.edit.rule for m in few} == rules and len(few) == len(rules)
    assert {m.id for m in few} < {m.id for m in more}
    assert {m.id for m in sample(ours, 10**6, tmp_path)} == {m.id for m in ours}


def test_areas_name_what_is_there() -> None:
    areas = read_areas(ROOT)
    assert sum(area.number for area in areas) >= 150
    for area in areas:
        assert area.sources and area.stages and all(stage.files for stage in area.stages), area.name


def test_explanations_are_of_mutants_that_there_are() -> None:
    known = {m.id for area in read_areas(ROOT) for m in area.mutants(ROOT)}
    assert set(read_explanations(ROOT)) <= known


# ---- the command, on a repository of one function and one test

AREAS = """
without = ["test_pinned*.py"]
[toy]
sources = ["toy.py"]
number = 100
stages = [{pytest = ["test_toy.py", "test_*.py"]}]
"""
TEST = "from toy import double\n\n\ndef test_double():\n    assert double(%d) == %d\n"


@pytest.fixture
def toy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command with a test of one value, and explanations."""
    (tmp_path / "toy.py").write_text("def double(x):\n    return 2 * x\n")
    for name in ("docs", "scripts/mutants", "zkllm"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / report.DOCUMENT).write_text(f"# Mutants\n{report.BEGIN}\n{report.END}\nend\n")
    (tmp_path / "scripts/mutants/areas.toml").write_text(AREAS)
    (tmp_path / "test_pinned_text.py").write_text(
        "from pathlib import Path\n\n\ndef test_pinned():\n    assert '2 * x' in Path('toy.py').read_text()\n"
    )
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / ".gitignore").write_text("/build/\n/.venv\n/node_modules\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def run(value: int, explained: dict[str, str], *arguments: str) -> tuple[int, str]:
        (tmp_path / "test_toy.py").write_text(TEST % (value, 2 * value))
        entries = [f'[[mutant]]\nid = "{id}"\n{reason}\n' for id, reason in explained.items()]
        (tmp_path / results.EXPLANATIONS).write_text("".join(entries))
        code = main(arguments, tmp_path)
        return code, capsys.readouterr().out

    return run


@pytest.mark.long
def test_every_mutant_is_killed_and_nothing_is_run_twice(toy, tmp_path: Path) -> None:
    code, out = toy(3, {})
    assert code == 0 and "4 of 4 killed" in out
    for folder in (tmp_path, tmp_path / "build/mutants/tree-0"):
        assert (folder / "toy.py").read_text() == "def double(x):\n    return 2 * x\n"
    lines = (tmp_path / results.LINES).read_text()
    killed = [json.loads(line) for line in lines.splitlines()][1:]
    assert [line["by"] for line in killed] == ["test_toy.py::test_double"] * 4
    page = (tmp_path / report.DOCUMENT).read_text()
    assert "| toy | 4 | 4 | 0 | 0 | 0 | 0 |" in page and page.endswith(f"{report.END}\nend\n")
    assert toy(3, {})[0] == 0
    assert (tmp_path / results.LINES).read_text() == lines


@pytest.mark.long
def test_survivors_have_to_be_explained(toy, tmp_path: Path) -> None:
    code, out = toy(0, {})
    lives = [line.removeprefix("survives: ") for line in out.splitlines() if line.startswith("survives: ")]
    assert code == 1 and len(lives) == 3
    assert "  - return 2 * x\n  + return 3 * x\n" in out
    page = (tmp_path / report.DOCUMENT).read_text()
    assert page.count("**unexplained**") == 3 and "| toy | 4 | 1 | 0 | 0 | 3 | 0 |" in page
    reasons = {id: 'why = "twice nothing is nothing"' for id in lives}
    assert toy(0, reasons)[0] == 0
    assert (tmp_path / report.DOCUMENT).read_text().count("twice nothing is nothing") == 3
    # explanations of what is killed, or is not there
    code, out = toy(3, {lives[0]: 'why = "no"', "toy.py/double/off-by-one/00000000": 'why = "no"'})
    assert code == 1
    assert f"stale: {lives[0]}: it is explained, but killed by test_toy.py::test_double" in out
    assert "stale: toy.py/double/off-by-one/00000000: there is no such mutant" in out
    assert toy(3, {lives[0]: 'killed_by = "test_toy.py::test_double"'})[0] == 0
    code, out = toy(0, {**reasons, lives[0]: 'killed_by = "test_toy.py::test_double"'})
    assert code == 1 and f"survives: {lives[0]}" in out


def test_tests_that_fail_without_a_mutant_are_no_killers(toy, tmp_path: Path, capsys) -> None:
    (tmp_path / "toy.py").write_text("def double(x):\n    return 2 * x + 1\n")
    code, _ = toy(3, {})
    assert code == 2


def test_programs_can_be_run_in_the_copy(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "tool").chmod(0o755)
    own = tree.Tree(0, tmp_path)
    own.restore("tool")
    assert subprocess.run([own.path / "tool"], check=False).returncode == 0


def test_hangs_are_killed_and_named(tmp_path: Path) -> None:
    (tmp_path / "zkllm").mkdir()
    own = tree.Tree(0, tmp_path)
    own.path.mkdir(parents=True)
    python = [sys.executable, "-c"]
    assert own._run([*python, "while True: pass"], 0)[0] == "hang"
    assert own._run([*python, "raise SystemExit(3)"], 60)[0] == "failed"
    assert own._run([*python, "print(1)"], 60)[:2] == ("", "1\n")


@pytest.mark.parametrize(
    "log, name",
    [
        ("x\nFAILED tests/a.py::test_b[1-c d] - assert 1 == 2\n", "tests/a.py::test_b[1-c d]"),
        ("ERROR tests/a.py - ImportError: x\n", "tests/a.py"),
        ("[PASS] test_a() (gas: 1)\n[FAIL: x != y] test_b() (gas: 2)\n", "test_b"),
        ("nothing", ""),
    ],
)
def test_the_killer_is_named(log: str, name: str) -> None:
    assert tree.failed_test(log) == name
