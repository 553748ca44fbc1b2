"""What the documents name is there: files, links, and every letter of the protocol in the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from scripts.generate import circuit_sizes
from testkit.small import CAPPED, GEMMA, LLAMA, NEOX, PACKED
from zkllm.families import describe
from zkllm.families import describe as describe_any
from zkllm.outer.transcript import INVERSE, SCHEDULE

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
SOURCES = (".py", ".rs", ".sol", ".template", ".toml")
PROSE = [page for page in PAGES if page.name != "CHANGELOG.md"]
WIDTH = 100
ROOMS = ("zkllm", "verifier_gen", "contracts", "tests", "testkit", "scripts", "native", "docs", "models")


def prose(page: Path) -> str:
    """Without fenced blocks."""
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub and mkdocs make them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@cache
def files() -> tuple[str, ...]:
    """Of the repository, but for what is built."""
    built = re.compile(r"(^|/)(target|generated|__pycache__|node_modules)/")
    paths = chain.from_iterable((ROOT / room).rglob("*.*") for room in ROOMS)
    names = (path.relative_to(ROOT).as_posix() for path in paths)
    return tuple("/" + name for name in names if not built.search(name))


def missing_files(page: Path) -> Iterator[str]:
    """Between backticks: paths that begin with a folder of the repository, and ends of paths of sources."""
    for name in re.findall(r"`([\w.-]+(?:/[\w.-]*)*)`", prose(page)):
        if name.startswith(tuple(f"{room}/" for room in ROOMS)):
            there = (ROOT / name).exists()
        else:
            there = not name.endswith(SOURCES) or any(file.endswith(f"/{name}") for file in files())
        if not there:
            yield name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_are_named_are_there(page: Path) -> None:
    assert list(missing_files(page)) == []


def test_a_broken_link_and_a_missing_file_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    links = "[a](none.md) [b](#a-title) [c](#none) [d](https://x)"
    page.write_text(f"# A title\n{links} `zkllm/none.py` `ops/none.py` `ops/head.py`\n")
    assert list(broken_links(page)) == ["none.md", "#none"]
    assert list(missing_files(page)) == ["zkllm/none.py", "ops/none.py"]


def long_lines(page: Path) -> list[str]:
    """Of prose: tables, code, figures and what a command writes have the length that they have."""
    text = re.sub(r"<!-- [\w ]+: begin -->.*?<!-- [\w ]+: end -->", "", prose(page), flags=re.DOTALL)
    free = ("|", "    ", "![")
    return [line for line in text.splitlines() if len(line) > WIDTH and not line.startswith(free)]


@pytest.mark.parametrize("page", PROSE, ids=lambda p: str(p.relative_to(ROOT)))
def test_lines_of_prose_are_short(page: Path) -> None:
    assert long_lines(page) == []


def test_a_long_line_is_seen(tmp_path: Path) -> None:
    page, long = tmp_path / "page.md", "word " * 21
    page.write_text(f"{long}\n| {long} |\n```sh\n{long}\n```\n<!-- a: begin -->\n{long}\n<!-- a: end -->\n")
    assert long_lines(page) == [long]


def explained(section: str) -> set[str]:
    """Names in the first column of a section's table."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def folded(names: set[str]) -> set[str]:
    """Ranges, classes' tables and multiplicities have one line for all; limbs go by their value's name."""
    kinds = (("range", "rangeW"), ("gelu.", "gelu.P"), ("act.", "act.P"),
             ("mult.", "mult.TABLE"))  # fmt: skip
    return {next((kind for prefix, kind in kinds if name.startswith(prefix)), name) for name in names}


def test_every_axis_and_tensor_has_its_line() -> None:
    manifest = describe(PACKED.model.config, PACKED.rows, PACKED.certified).manifest
    limbs = {limb for wide in manifest.wide.values() for limb, _ in wide.limbs}
    assert explained("Axes") == folded(set(manifest.axes))
    assert explained("Tensors") == folded(set(manifest.tensors) - limbs | set(manifest.wide))


def test_every_axis_and_tensor_of_a_llama_has_its_line() -> None:
    """In the section of its own, or among GPT-2's."""
    names: set[str] = set()
    for small in (LLAMA, GEMMA, NEOX, CAPPED):
        config = replace(small.of_seed(small.seed).config, hidden=False)
        manifest = describe_any(config, small.rows, small.certified).manifest
        limbs = {limb for wide in manifest.wide.values() for limb, _ in wide.limbs}
        names |= folded(set(manifest.axes) | set(manifest.tensors) - limbs | set(manifest.wide))
    own = explained("Axes and tensors of a Llama")
    assert names <= own | explained("Axes") | explained("Tensors") and own <= names


def test_every_message_and_challenge_has_its_line() -> None:
    """The table has more: packs that are in the key, quotients that are derived."""
    names = {name for step in SCHEDULE for name in (*step.messages, step.challenge)} | {INVERSE}
    assert explained("The outer transcript") == names | {"C0", "Tp", "Tg"}


def test_every_section_of_the_protocol_has_its_files() -> None:
    """In architecture.md's table; the sections of rules and sizes have none."""
    protocol = (DOCS / "protocol.md").read_text(encoding="utf-8")
    headings = re.findall(r"^###? (\d(?:\.\d)?)\.? (.*)$", protocol, re.MULTILINE)
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for number, title in headings:
        has_parts = any(other.startswith(f"{number}.") for other, _ in headings)
        named = re.search(rf"^\| {re.escape(number)} (.*?) \|", text, re.MULTILINE)
        if named is None:
            assert title in ("Rules", "Sizes") or has_parts, title
        else:
            assert title.startswith(named[1]), title


def test_the_reference_names_modules_that_are_there() -> None:
    """`make docs` fails on others too; this answers sooner."""
    pages = sorted((DOCS / "api").glob("*.md"))
    named = [
        name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    missing = [name for name in named if not list(ROOT.glob(f"{name.replace('.', '/')}*"))]
    assert named and missing == []


@pytest.mark.long
def test_circuit_sizes_are_what_the_command_writes() -> None:
    table = circuit_sizes.table()
    assert table.count("\n") == 6
    for page in circuit_sizes.PAGES:
        assert circuit_sizes.between(page) == table, page.name
