"""zkllm srs: every action, what it prints, what it refuses, and being killed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interrupts import interrupt_at, killed_at
from tests.pcs.ptaus import needs_snarkjs, rewrite, snarkjs
from zkllm._native import Points
from zkllm.cli import main, srs
from zkllm.pcs import fetch_plan
from zkllm.pcs.ptau import ALPHA_G1, import_ptau
from zkllm.pcs.ptau_write import contribute, write_development_ptau
from zkllm.pcs.srs import Srs, make_development_srs

POWER = 4
FORGE = "development: anyone can forge, for tests only"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """development.ptau, ceremony.ptau, development.srs, ceremony.srs."""
    folder = tmp_path_factory.mktemp("srs")
    write_development_ptau(folder / "development.ptau", POWER)
    contribute(folder / "development.ptau", folder / "ceremony.ptau", 'A"\x1b[2J')
    make_development_srs(POWER + 1).save(folder / "development.srs")
    import_ptau(folder / "ceremony.ptau").save(folder / "ceremony.srs")
    return folder


@pytest.mark.parametrize("action", srs.COMMANDS)
def test_every_action_explains_itself_with_examples(run, action):
    outcome = run("srs", action, "--help")
    assert outcome.code == 0
    assert f"examples:\n  zkllm srs {action} " in outcome.out and "--json" in outcome.out
    assert "{program}" not in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "dance",
        "import a.ptau",
        "import a.ptau --out b --mu 9",
        "import a.ptau --out b --mu 20 --powers 5",
        "import a.ptau --out b --powers 1",
        "export development --out b --power 29",
        "contribute a.ptau",
        "fetch-plan",
        "check",
    ],
)
def test_wrong_usage_has_exit_code_2(run, arguments):
    outcome = run("srs", *arguments.split())
    assert outcome.code == 2 and "usage:" in outcome.err and outcome.out == ""


@pytest.mark.slow
def test_import(run, files, tmp_path):
    out = tmp_path / "a.srs"
    data = run("srs", "import", files / "ceremony.ptau", "--powers", 20, "--out", out, "--json").json
    srs = Srs.load(out)
    assert data["ok"] and data["powers"] == srs.num_powers == 20 and data["mu"] is None
    assert data["srs_kind"] == "ceremony" and data["srs_digest"] == "0x" + srs.digest.hex()
    assert data["tau_g2"] == "0x" + srs.g2_power(0).hex() and data["bytes"] == out.stat().st_size
    text = run("srs", "import", files / "development.ptau", "--out", out).out
    assert FORGE in text and "31 in G1" in text
    outcome = run("srs", "import", files / "ceremony.ptau", "--powers", 32, "--out", tmp_path / "b.srs")
    outcome.failed_in_one_line("has 31 powers, 32 are needed")
    assert not (tmp_path / "b.srs").exists()


@pytest.mark.slow
def test_info_and_check(run, files):
    for name, kind, points in (("development", FORGE, 1), ("ceremony", "ceremony", 2)):
        for action in ("info", "check"):
            text = run("srs", action, files / f"{name}.ptau").out
            assert f"SRS             {kind}\n" in text and "contribution 1" in text
            assert ("checked" in text) == (action == "check")
            data = run("srs", action, files / f"{name}.ptau", "--json").json
            assert data["power"] == data["ceremony_power"] == POWER
            assert len(data["contributions"]) == points and data["sections"]["2"] == 31 * 64
            ours = run("srs", action, files / f"{name}.srs", "--json").json
            assert ours["srs_digest"] == data["srs_digest"] and ours["srs_kind"] == name
    assert '"A\\"\\x1b[2J"' in run("srs", "info", files / "ceremony.ptau").out, "a name moves no cursor"
    assert "80 points, the record of 2 contributions and its hash" in (
        run("srs", "check", files / "ceremony.ptau").out
    )


def test_check_says_what_is_wrong(run, files, tmp_path):
    bad = rewrite(files / "ceremony.ptau", tmp_path / "a", ALPHA_G1, 64, Points.powers(3, 1, 3).raw(0, 1))
    run("srs", "check", bad).failed_in_one_line("section 4 does not hold alpha tau^i in G1")
    outcome = run("srs", "check", bad, "--json")
    assert outcome.code == 1 and "section 4" in outcome.json["error"]
    run("srs", "check", tmp_path / "none").failed_in_one_line("none", "no such file")
    (tmp_path / "text").write_text("text")
    run("srs", "info", tmp_path / "text").failed_in_one_line("not an SRS file of this project")


@pytest.mark.long
def test_export(run, files, tmp_path):
    for i, (source, options, power) in enumerate(
        [
            ("development", ["--power", 5], 5),
            (files / "development.srs", [], 5),
            (files / "development.srs", ["--power", 3], 3),
            (files / "development.ptau", [], POWER),
            (files / "ceremony.ptau", ["--power", 2], 2),
        ]
    ):
        out = tmp_path / f"{i}.ptau"
        data = run("srs", "export", source, "--out", out, *options, "--json").json
        assert data["power"] == power and import_ptau(out).num_powers == (2 << power) - 1
        assert data["srs_kind"] == ("ceremony" if i == 4 else "development")
        assert run("srs", "check", out).code == 0
    missing = run("srs", "export", files / "ceremony.srs", "--out", tmp_path / "x")
    missing.failed_in_one_line("keeps only what proving needs", "export the .ptau file that it came from")
    run("srs", "export", "development", "--out", tmp_path / "x").failed_in_one_line("--power P")
    larger = run("srs", "export", files / "ceremony.ptau", "--power", 9, "--out", tmp_path / "x")
    larger.failed_in_one_line("has power 4; it cannot be cut to 9")
    assert not (tmp_path / "x").exists()


@pytest.mark.long
def test_contribute(run, files, tmp_path, monkeypatch):
    out = tmp_path / "a.ptau"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"dice: 3 1 4 1 5")))
    outcome = run(
        "srs", "contribute", files / "ceremony.ptau", "--out", out, "--name", "B", "--entropy", "-", "--json"
    )
    data = outcome.json
    assert [c["name"] for c in data["contributions"]][2] == "B" and data["srs_kind"] == "ceremony"
    assert data["response"] == data["contributions"][2]["response"]
    assert run("srs", "check", out).code == 0
    text = run("srs", "contribute", files / "ceremony.srs", "--out", tmp_path / "a.srs").out
    assert "record" in text and "none" in text
    assert run("srs", "check", tmp_path / "a.srs").code == 0


def test_a_contribution_leaves_no_secret(run, files, tmp_path, monkeypatch):
    """Neither in what is printed nor in the files, whatever their encoding."""
    from zkllm.field import R
    from zkllm.pcs import ptau_write

    secrets = []
    fresh = ptau_write._fresh
    monkeypatch.setattr(ptau_write, "_fresh", lambda *a: secrets.extend(fresh(*a)) or secrets)
    (tmp_path / "text").write_bytes(b"my own text")
    options = ["--out", tmp_path / "a.ptau", "--entropy", tmp_path / "text"]
    outcome = run("srs", "contribute", files / "ceremony.ptau", *options)
    assert outcome.code == 0 and len(secrets) == 6
    data = (tmp_path / "a.ptau").read_bytes() + (outcome.out + outcome.err).encode()
    for secret in secrets:
        for value in (secret, secret * (1 << 256) % R):
            for order in ("big", "little"):
                encoded = value.to_bytes(32, order)
                assert encoded not in data and encoded.hex().encode() not in data
        assert str(secret).encode() not in data
    assert b"my own text" not in data
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ptau", "text"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["write tau^i in G2", "hash beta tau^i in G1"])
def test_a_contribution_that_is_killed_leaves_nothing(files, tmp_path, stage):
    out = tmp_path / "a.ptau"
    killed_at(stage, ["srs", "contribute", files / "ceremony.ptau", "--out", out])
    assert not list(tmp_path.iterdir())
    write_development_ptau(out, 2)
    before = out.read_bytes()
    killed_at(stage, ["srs", "contribute", files / "ceremony.ptau", "--out", out])
    assert out.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_an_interrupted_contribution_says_what_to_do(run, files, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, "write tau^i in G1")
        outcome = run("srs", "contribute", files / "ceremony.ptau", "--out", tmp_path / "a.ptau")
    assert outcome.code == 130 and "nothing was written; give the same command again" in outcome.err
    assert not list(tmp_path.iterdir())


def test_fetch_plan(run):
    text = run("srs", "fetch-plan", "--mu", 22).out
    assert "powersOfTau28_hez_final_22.ptau" in text and "the first 4,194,304 points" in text
    assert "zkllm srs import ceremony.ptau --partial --powers 4194304" in text
    data = run("srs", "fetch-plan", "--mu", 22, "--power", 28, "--json").json
    assert data["url"].endswith("hez_final.ptau") and data["fetched_bytes"] < 1.01 * (64 << 22)
    assert data["file_bytes"] > 280e9 and not data["sections"]["13"]["needed"]
    script = run("srs", "fetch-plan", "--powers", 100, "--url", "http://x/'y", "--script").out
    assert script.startswith("set -eu\nurl='http://x/'\"'\"'y'\n") and "curl --fail" in script
    run("srs", "fetch-plan", "--powers", 100, "--power", 3).failed_in_one_line("from 6 to 28, not 3")
    run("srs", "fetch-plan", "--powers", 100).failed_in_one_line("no file of power 6; give --url")


@pytest.mark.skipif(not shutil.which("sh"), reason="needs sh")
def test_a_partial_file_is_imported(run, files, tmp_path, monkeypatch):
    """What the plan's commands do, with a shell function in curl's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch_plan, "GAP", 0)
    source = files / "ceremony.ptau"
    options = ["--powers", 9, "--power", POWER, "--url", source]
    script = run("srs", "fetch-plan", *options, "--out", "part.ptau", "--script").out
    # --range A-B --output FILE URL
    curl = 'curl() { dd if="$9" of="$8" bs=1 skip="${6%-*}" count=$((${6#*-} - ${6%-*} + 1)) status=none; }\n'
    subprocess.run(["sh", "-c", curl + script], check=True, timeout=60)
    imported = run("srs", "import", "part.ptau", "--partial", "--powers", 9, "--out", "a.srs", "--json").json
    assert imported["srs_digest"] == "0x" + Srs.load(files / "ceremony.srs").digest.hex()
    run("srs", "import", "part.ptau", "--powers", 9, "--out", "b.srs").failed_in_one_line("cut off")
    run("srs", "import", "part.ptau", "--partial", "--out", "b.srs").failed_in_one_line("of G1 are missing")


@pytest.mark.slow
@needs_snarkjs
def test_snarkjs_verifies_what_the_commands_write(run, files, tmp_path):
    assert run("srs", "export", "development", "--power", 3, "--out", tmp_path / "a.ptau").code == 0
    assert run("srs", "contribute", tmp_path / "a.ptau", "--out", tmp_path / "b.ptau").code == 0
    for name in "ab":
        assert "Powers of Tau Ok!" in snarkjs("verify", tmp_path / f"{name}.ptau")


def test_a_new_file_of_snarkjs_is_contributed_to_only(run, files, tmp_path):
    """tau = 1: everything but a contribution refuses it."""
    from tests.pcs.test_contributions import with_record
    from zkllm._native import g2_powers
    from zkllm.pcs.ptau import BETA_G2, TAU_G2, read_sections

    content = bytearray((files / "development.ptau").read_bytes())
    for section, (offset, size) in read_sections(bytes(content)).items():
        if 2 <= section <= 6:
            one = g2_powers(1, 1, 1) if section in (TAU_G2, BETA_G2) else Points.powers(1, 1, 1).raw(0, 1)
            content[offset : offset + size] = one * (size // len(one))
    (tmp_path / "a").write_bytes(content)
    new = with_record(tmp_path / "a", tmp_path / "new.ptau", lambda record: [])
    for action in (["info", new], ["check", new], ["import", new, "--out", tmp_path / "b"]):
        run("srs", *action).failed_in_one_line("has had no contribution")
    assert run("srs", "contribute", new, "--out", tmp_path / "b.ptau").code == 0
    assert run("srs", "check", tmp_path / "b.ptau", "--json").json["srs_kind"] == "ceremony"


def test_json_before_or_after_the_action(files, capsys):
    for order in (["srs", "--json", "info"], ["srs", "info", "--json"]):
        assert main([*order, str(files / "ceremony.srs")]) == 0
        assert json.loads(capsys.readouterr().out)["ok"]
