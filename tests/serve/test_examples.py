"""The examples for operators: settings, a unit of systemd, an image."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from scripts import ROOT
from verifier_gen.standard_json import SOLC_VERSION
from zkllm.serve.settings import ChainSettings, JobSettings, ServerSettings, Settings, load_settings

FOLDER = ROOT / "docs" / "service"
SETTINGS, UNIT, IMAGE = FOLDER / "node.toml", FOLDER / "zkllm.service", FOLDER / "Containerfile"
TABLES: dict[str, type[BaseModel]] = {"server": ServerSettings, "jobs": JobSettings, "chain": ChainSettings}
UNNAMED = {"models", "folder", *TABLES, "owner", "password_env", "key_env"}
"""Tables, what is no setting, and what stands for others that are there."""


@pytest.fixture(scope="module")
def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNIT)
    return parser["Service"]


def commented() -> dict[str, dict[str, object]]:
    """The settings that stand in the file with their defaults, by table."""
    found: dict[str, dict[str, object]] = {}
    table = ""
    for line in SETTINGS.read_text().splitlines():
        if header := re.match(r"\[(\w+)\]", line):
            table = header[1]
        elif entry := re.match(r"# (\w+ = \S.*)", line):
            found.setdefault(table, {}).update(tomllib.loads(entry[1]))
    return found


def test_the_settings_are_valid_and_have_every_setting() -> None:
    settings = load_settings(SETTINGS)
    assert settings.chain is not None
    named = set(re.findall(r"^(?:# )?(\w+) = ", SETTINGS.read_text(), re.MULTILINE))
    tables: list[type[BaseModel]] = [Settings, *TABLES.values()]
    for table in tables:
        assert set(table.model_fields) - UNNAMED <= named


def test_what_is_commented_out_has_the_value_that_is_shown() -> None:
    told = {"memory_budget": 8 << 30, "explorer_rpc": "https://.."}  # of which there is no default
    told |= {"ray": "10.0.0.1:6379", "ray_cores": 8, "ray_processes": 4}
    shown = commented()
    assert set(shown) == set(TABLES)
    for table, values in shown.items():
        defaults = {name: field.default for name, field in TABLES[table].model_fields.items()}
        assert values == {name: told.get(name, defaults[name]) for name in values}


def test_the_unit_leaves_the_node_the_time_that_it_needs(unit) -> None:
    """And what is being proved: a signal to all processes would end that at once."""
    assert float(unit["TimeoutStopSec"]) >= ServerSettings().drain_seconds + 15
    assert (unit["KillMode"], unit["OOMPolicy"]) == ("mixed", "continue")
    assert int(unit["LimitNOFILE"]) >= 2 * ServerSettings().connections


def test_unit_image_and_settings_name_the_same_folders(unit) -> None:
    settings, image = load_settings(SETTINGS), IMAGE.read_text()
    state, cache = Path("/var/lib", unit["StateDirectory"]), Path("/var/cache", unit["CacheDirectory"])
    assert settings.data_folder == state
    assert f"ZKLLM_CACHE={cache}" in UNIT.read_text() and f"ZKLLM_CACHE={cache}" in image
    assert f'VOLUME ["{state}", "{cache}"]' in image
    assert f"-o zkllm -g zkllm -m 0700 {state} {cache}" in image, "else only root could write there"
    assert unit["ExecStart"].endswith("serve --config /etc/zkllm/node.toml")
    assert 'ENTRYPOINT ["zkllm", "serve"]' in image and 'CMD ["--config", "/etc/zkllm/node.toml"]' in image


def test_the_image_has_the_tools_that_the_sources_want() -> None:
    image = IMAGE.read_text()
    rust = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())["package"]["rust-version"]
    assert re.search(rf"^FROM docker.io/library/rust:{re.escape(rust)}-", image, re.MULTILINE)
    assert f"solc@{SOLC_VERSION}\n" in image
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert all(f"'{package}'" in image for package in wanted)


def test_what_the_image_is_built_from_is_there() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*" and all((ROOT / name).exists() for name in taken)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["maturin"]["python-packages"]
    assert {*packages, "native", "pyproject.toml", "README.md"} <= taken


def test_what_the_document_says_is_tested_is() -> None:
    """Each name in its table is a part of a test's name, in the file that stands before it: of this folder,
    or from the root."""
    text = (ROOT / "docs" / "service.md").read_text().partition("## What is tested")[2]
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    named: set[tuple[str, str]] = set()
    for row in rows:
        file = ""
        for word in re.findall(r"`([^`]+)`", row.split("|")[2]):
            if word.endswith(".py"):
                file = word
                named.add((file, "def test_"))
            elif word != "long" and not word.startswith("make "):
                named.add((file, word))
    assert len(rows) > 20 and len(named) > 30
    place = lambda file: ROOT / file if "/" in file else ROOT / "tests" / "serve" / file
    sources = {file: place(file).read_text() for file, _ in named}
    tests = {file: re.findall(r"def test_\w+", source) for file, source in sources.items()}
    assert not [(file, word) for file, word in named if not any(word in test for test in tests[file])]
