"""Sealed prompts through the command line: proved, asked for, settled and shown, and told by nothing."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from zkllm.cli.settle import prove_and_settle
from zkllm.errors import ProofError
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.sealed import seal
from zkllm.settle.anvil import LocalNode

pytestmark = pytest.mark.slow

IDS = [72, 101, 108]
PROMPT = ("--tokens", ",".join(map(str, IDS)))
K = ("--new-tokens", "2")


@pytest.fixture(scope="module")
def local_node():
    """A node of this module's own."""
    with LocalNode() as running:
        yield running.rpc


@pytest.fixture
def salt(tmp_path: Path) -> Path:
    path = tmp_path / "salt"
    path.write_text(f"0x{12345:064x}\n")
    path.chmod(0o600)
    return path


def test_a_sealed_proof_tells_p_and_the_answer(run: Run, package: Path, proof: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "sealed.zkllm", tmp_path / "sealed.zkllm.salt"
    command = ("prove", package, *PROMPT, *K, "--sealed", "--out", out)
    made = run(*command, "--json")
    assert made.code == 0, made
    told = made.json
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and told["salt_file"] == str(kept)
    salt = int(kept.read_text(), 16)
    P = seal(salt, IDS)
    assert told["sealed_prompt"] == P and told["prompt_ids"] is None and told["T"] is None
    assert f"{salt:064x}" not in made.out + made.err and f"{salt}" not in made.out

    clear, hidden = Proof.load(proof), Proof.load(out)
    assert hidden.sealed and hidden.answer == clear.answer and (hidden.prompt, hidden.T) == (None, None)
    assert hidden.words == (P, hidden.words[1]) and hidden.shape.folder == "N8-k2-sealed"
    data = out.read_bytes()
    for secret in (salt.to_bytes(32, "big"), clear.words[0].to_bytes(32, "big")[2:14]):  # T, x_0, x_1, x_2
        assert secret not in data and secret.hex() not in json.dumps(told)

    verified = run("verify", out, "--model", package, "--json").json
    assert verified["ok"] and verified["sealed_prompt"] == P and verified["claim_id"] == told["claim_id"]
    assert verified["prompt_ids"] is None and verified["T"] is None
    assert "answers a sealed prompt with" in run("verify", out, "--model", package).out
    shown = run("inspect", out)
    assert shown.code == 0 and f"0x{P:064x}" in shown.out and "N=8 k=2 sealed" in shown.out
    inspected = run("inspect", package, *K, "--sealed")
    assert inspected.code == 0 and "N=8 k=2 sealed, VERIFIER_ID" in inspected.out

    run(*command).failed_in_one_line("is there already, and a salt file is not written over")
    wrong = run("verify", out, "--model", package / "keys/N8-k2/vk.json")
    assert wrong.code == 1 and "rejected: verifier id" in wrong.out
    aliased = Proof(**{**vars(hidden), "words": (P + 1, hidden.words[1])})
    with pytest.raises(ProofError, match="inverse"):
        aliased.verify(sealed_key(package))


def sealed_key(package: Path) -> VerifyingKey:
    return VerifyingKey.load(package / "keys/N8-k2-sealed/vk.json")


def test_misuse_of_salts(run: Run, settle, package: Path, salt: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "a.zkllm")
    assert run("prove", package, *PROMPT, *out, "--salt-file", salt).code == 2
    missing = run("prove", package, *PROMPT, *out, "--sealed", "--salt-file", tmp_path / "none")
    missing.failed_in_one_line("cannot read the salt file")
    salt.chmod(0o644)
    readable = run("prove", package, *PROMPT, *out, "--sealed", "--salt-file", salt)
    readable.failed_in_one_line("others can read the salt file")
    salt.chmod(0o600)
    for command, arguments in (
        ("request", ("--sealed",)),
        ("request", ("--sealed", "--salt-file", salt, "--hide-prompt")),
        ("request", ("--salt-file", salt)),
        ("", ("--sealed",)),
        ("", ("--salt-file", salt)),
        ("show", ("--sealed",)),
    ):
        assert settle(command, *PROMPT, *arguments).code == 2, (command, arguments)


def test_a_sealed_prompt_is_asked_for_settled_and_shown(
    settle, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is in files alone, and what is sent or kept does not tell it."""
    question, salt_file, other = (tmp_path / name for name in ("question.txt", "its.salt", "other.salt"))
    question.write_text("Hat\n")
    prompt = ("--prompt-file", question, *K)
    sealing = (*prompt, "--sealed", "--salt-file", salt_file)
    assert settle("deploy", *K).code == 0
    settle("request", *sealing).failed_in_one_line("after a sealed prompt of", "registered: N=8 k=2")
    assert not salt_file.exists()
    deployed = settle("deploy", *K, "--sealed", "--json").json
    assert deployed["registered"] and deployed["sealed"]
    asked = settle("request", *sealing, "--reward", "0.5", "--json")
    assert asked.code == 0, asked
    request, claim = asked.json["request_id"], asked.json["claim_id"]
    assert stat.S_IMODE(salt_file.stat().st_mode) == 0o600
    settle("request", *sealing).failed_in_one_line("was posted already")

    # another salt, another prompt, or the prompt in the clear: refused before anything is proved
    other.write_text(f"0x{1:064x}")
    other.chmod(0o600)
    with monkeypatch.context() as patched:
        patched.setattr("zkllm.api.prove", lambda *a, **b: pytest.fail("proved for nothing"))
        wrong = settle("", *prompt, "--sealed", "--salt-file", other, "--request", request)
        wrong.failed_in_one_line("asks for another claim")
        wrong = settle("", *PROMPT, *K, "--sealed", "--salt-file", salt_file, "--request", request)
        wrong.failed_in_one_line("asks for another claim")
        settle("", *prompt, "--request", request).failed_in_one_line("asks for another claim")

    out = tmp_path / "answer.zkllm"
    settled = settle("", *sealing, "--request", request, "--out", out, "--json")
    assert settled.code == 0, settled
    assert settled.json["claim_id"] == claim and settled.json["prompt_ids"] is None
    assert settled.json["reward"] == 5 * 10**17
    again = settle("", *sealing)
    again.failed_in_one_line("this claim is settled already")

    salt = salt_file.read_text().strip()
    P = Proof.load(out).sealed_prompt
    assert P is not None
    for path in [out, *(p for p in (tmp_path / "home").rglob("*") if p.is_file())]:
        data = path.read_bytes()
        assert b"Hat" not in data and salt[2:].encode() not in data and bytes.fromhex(salt[2:]) not in data

    shown = settle("show", claim, *sealing, "--json").json["claims"][0]
    assert shown["answers_the_prompt"] and shown["prompt_digest"] == f"0x{P:064x}"
    assert settle("show", *sealing, "--json").json["claims"][0] == shown
    assert "this model's answer to the prompt" in settle("show", claim, *sealing).out
    assert settle("show", claim, "--json", model=False).json["claims"][0]["answers_the_prompt"] is None
    lies = [(*prompt, "--sealed", "--salt-file", other), prompt]
    for lie in (*lies, (*PROMPT, *K, "--sealed", "--salt-file", salt_file)):
        settle("show", claim, *lie).failed_in_one_line("is not this model's answer to this prompt")
    status = settle("status", *sealing, "--json").json
    assert status["settled"] and status["claim_id"] == claim
    doctor = settle("doctor", *K, "--sealed")
    assert doctor.code == 0 and "for N=8 k=2 sealed: the generated ZkLLMVerifier" in doctor.out
    key, made = sealed_key(package), Proof.load(out)
    assert prove_and_settle.earlier_proof(out, key, made.context, bytes.fromhex(claim[2:])) == made
    assert prove_and_settle.earlier_proof(out, key, made.context, bytes(32)) is None
