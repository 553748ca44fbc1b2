"""A model under a ceremony's SRS, the whole way: a ceremony made here, the part of its file that the plan
fetches, columns of two sizes, an opening table, and a settled claim."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from zkllm.outer.keys import VerifyingKey
from zkllm.pcs.ptau_write import contribute, write_development_ptau
from zkllm.pcs.srs import Srs, development_srs, srs_powers_needed
from zkllm.proof import Proof
from zkllm.settle.rpc import Rpc

pytestmark = pytest.mark.long

POWER = 19  # of which the file has 2^20 - 1 powers in G1
MU, WITNESS_MU = 17, 15
CURL = """curl() {  # --range A-B --output FILE URL are its fifth argument and those after
    tail -c +$((${6%-*} + 1)) "$9" | head -c $((${6#*-} - ${6%-*} + 1)) > "$8"
}
"""


def test_from_a_ceremony_to_a_settled_claim(
    run: Run, checkpoint: Path, chain: Rpc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_development_ptau(tmp_path / "first.ptau", POWER)
    contribute(tmp_path / "first.ptau", tmp_path / "ceremony.ptau", "somebody")

    powers = srs_powers_needed(16, MU)
    plan = ["--powers", powers, "--power", POWER, "--url", tmp_path / "ceremony.ptau"]
    script = run("srs", "fetch-plan", *plan, "--out", "part.ptau", "--script").out
    subprocess.run(["sh", "-c", CURL + script], check=True, timeout=300)
    part, whole = tmp_path / "part.ptau", tmp_path / "ceremony.ptau"
    assert part.stat().st_blocks * 512 < whole.stat().st_size / 3  # the rest of it is holes
    whole.unlink()
    assert run("srs", "import", part, "--partial", "--powers", powers, "--out", "ceremony.srs").code == 0
    assert run("srs", "check", "ceremony.srs").code == 0

    package, srs = tmp_path / "package", tmp_path / "ceremony.srs"
    sizes = ("--mu", MU, "--witness-mu", WITNESS_MU, "--max-tokens", 8)
    assert run("setup", checkpoint, "--out", package, *sizes, "--srs", srs, "--quiet").code == 0
    assert run("precompute", package, "--quiet").code == 0
    checked = run("setup", checkpoint, "--out", package, "--check", "--srs", srs, "--quiet")
    assert checked.code == 0, checked.err
    foreign = run("setup", checkpoint, "--out", package, "--check", "--quiet")
    assert foreign.code == 0, foreign.err  # without --srs the one that the package names

    prompt = ("--tokens", "72,101,108", "--new-tokens", 1)
    local = ("--network", "anvil", "--home", tmp_path / "home", "--quiet", "--json")
    settled = run("settle", *prompt, "--model", package, *local).json
    assert settled["srs_kind"] == "ceremony" and len(settled["token_ids"]) == 1

    told = run("prove", package, *prompt, "--out", "own.zkllm", "--json").json
    assert told["opening_table"] is True
    assert run("verify", "own.zkllm", "--model", package).code == 0
    vk = VerifyingKey.load(package / "keys" / "N8-k1" / "vk.json")
    assert (vk.srs_kind, vk.mu) == ("ceremony", MU) and vk.srs_digest == Srs.load(srs).digest

    # under the development SRS the same model has other keys, and neither takes the other's proofs
    other = tmp_path / "development"
    assert run("setup", checkpoint, "--out", other, *sizes, "--quiet").code == 0
    forgeable = VerifyingKey.load(other / "keys" / "N8-k1" / "vk.json")
    assert forgeable.srs_digest == development_srs(POWER).digest != vk.srs_digest
    assert forgeable.verifier_id != vk.verifier_id == Proof.load(tmp_path / "own.zkllm").verifier_id
    refused = run("verify", "own.zkllm", "--model", other)
    assert refused.code == 1 and "made for another model, shape or SRS" in refused.out
