"""The commands on a small real model of awkward shape: 2 layers, 5 heads, width 40, 301 tokens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.settle.liar import Liar
from zkllm import api
from zkllm.cli.verify import Recorder
from zkllm.model.package import ModelPackage
from zkllm.outer.transcript import SCHEDULE, body_elements
from zkllm.proof import Proof
from zkllm.settle.rpc import Rpc
from zkllm.settle.session import Session
from zkllm.settle.standards import proof_verifier_call
from zkllm.statement import prompt_digest

PROMPT = ("--tokens", "72,101,108")


# ---- setup


@pytest.mark.slow
def test_setup_reports_ranges_and_identities(run, package, proof, checkpoint, tmp_path):
    key = run("verify", proof, "--model", package, "--json").json
    folder = tmp_path / "again"
    data = run("setup", checkpoint, "--out", folder, "--max-tokens", "8", "--json").json
    assert (
        data["model_id"] == key["model_id"] and data["max_tokens"] == 8 and data["srs_kind"] == "development"
    )
    assert {row["tensor"] for row in data["ranges"]} >= {"y", "qkv", "logit", "diff"}
    assert all(row["seen"] < row["bound"] for row in data["ranges"])

    checked = run("setup", checkpoint, "--out", folder, "--check", "--json").json
    assert checked["verifiers"] == [{"N": 8, "k": 1, "sealed": False, "verifier_id": data["verifier_id"]}]
    weights = folder / "weights" / "w_o.bin"
    damaged = bytearray(weights.read_bytes())
    damaged[5] ^= 1
    weights.write_bytes(damaged)
    run("setup", checkpoint, "--out", folder, "--check").failed_in_one_line("w_o.bin is damaged")
    run("prove", folder, *PROMPT, "--out", tmp_path / "x").failed_in_one_line("w_o.bin is damaged")
    assert not (tmp_path / "x").exists()


# ---- prove


@pytest.mark.slow
def test_prove_prints_the_answer(run, package, tmp_path):
    out = tmp_path / "a.zkllm"
    outcome = run("prove", package, "--prompt", "hello", "--out", out, "--json")
    data = outcome.json
    assert data["k"] == 1 and data["T"] == len(data["prompt_ids"]) and len(data["tokens"]) == 1
    assert data["proof_bytes"] == out.stat().st_size < 2500
    assert set(data["timings"]) >= {"trace", "inner proof", "outer proof"}


@pytest.mark.long
def test_the_float_model_runs_beside_where_it_is_asked_for(run, package, tmp_path):
    arguments = ("prove", package, "--prompt", "hello", "--out", tmp_path / "x")
    outcome = run(*arguments, "--float-logits", "--json")
    (token,) = outcome.json["tokens"]
    assert token["float_logit"] == pytest.approx(token["logit"], abs=0.5)


@pytest.mark.parametrize("missing", ["torch", "the checkpoint"])
def test_what_the_float_model_needs_is_missed_before_a_proof(run, package, tmp_path, monkeypatch, missing):
    if missing == "torch":
        monkeypatch.setitem(sys.modules, "torch", None)
    else:
        monkeypatch.setattr(ModelPackage, "checkpoint", lambda self: "no/such/folder")
    monkeypatch.setattr(api, "prove", lambda *_, **__: pytest.fail("it proved"))
    outcome = run("prove", package, "--prompt", "hello", "--out", tmp_path / "x", "--float-logits")
    outcome.failed_in_one_line("the float model needs", missing)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--prompt", ""), "the prompt is empty"),
        (("--tokens", "301"), "301 is not below the vocabulary's size 301"),
        (("--tokens", "1,2,3,4,5,6,7,8,9,10"), "this shape has 8; give --max-tokens 10"),
        (("--tokens", "1", "--max-tokens", "999"), "n_ctx"),
    ],
)
def test_prompts_that_do_not_fit(run, package, tmp_path, arguments, words):
    run("prove", package, *arguments, "--out", tmp_path / "x").failed_in_one_line(words)


# ---- verify


def test_verify_accepts_in_one_line(run, package, proof):
    outcome = run("verify", proof, "--model", package)
    assert outcome.code == 0 and outcome.out.count("\n") == 1 and outcome.err == ""
    assert outcome.out.startswith("valid: model 0x") and "development SRS" in outcome.out
    data = run("verify", proof, "--model", package / "keys" / "N8-k2" / "vk.json", "--json").json
    assert data["ok"] and data["prompt_ids"] == [72, 101, 108] and len(data["answer_ids"]) == 2
    assert data["context"] is None and data["N"] == 8


@pytest.mark.parametrize("position", [0, 7, 20, 60, 150, 180, 400, 900, 1500, -1])
def test_damaged_proofs_are_rejected_in_one_line(run, package, proof, tmp_path, position):
    data = bytearray(proof.read_bytes())
    data[position] ^= 1
    bad = tmp_path / "bad.zkllm"
    bad.write_bytes(data)
    outcome = run("verify", bad, "--model", package)
    if outcome.err:  # a shape without a key
        outcome.failed_in_one_line()
    else:
        assert outcome.code == 1 and outcome.out.startswith("rejected: ") and outcome.out.count("\n") == 1
    assert run("verify", bad, "--model", package, "--json").json["ok"] is False


def test_cut_and_empty_proofs(run, package, proof, tmp_path):
    for data in (b"", proof.read_bytes()[:-1], proof.read_bytes() + b"\0"):
        (tmp_path / "bad").write_bytes(data)
        outcome = run("verify", tmp_path / "bad", "--model", package)
        assert outcome.code == 1 and outcome.out.startswith("rejected: ") and "proof file" in outcome.out


def test_another_key_and_damaged_keys(run, package, proof, tmp_path):
    key = (package / "keys" / "N8-k2" / "vk.json").read_text()
    path = tmp_path / "vk.json"
    changed = key.replace('"pad_id": ', '"pad_id": 1')
    assert changed != key
    path.write_text(
        changed if '"pad_id": 1300' not in changed else key.replace('"pad_id": 300', '"pad_id": 299')
    )
    outcome = run("verify", proof, "--model", path)
    assert outcome.code == 1 and outcome.out.startswith("rejected: verifier id")
    for damaged in (key[:-10], "{}", "", key.replace("development", "nothing")):
        path.write_text(damaged)
        run("verify", proof, "--model", path).failed_in_one_line("verifying key")
    run("verify", proof, "--model", tmp_path / "keys").failed_in_one_line("no such file or folder")


@pytest.mark.slow
def test_the_trace_lists_every_absorb_and_challenge(run, package, proof):
    outcome = run("verify", proof, "--model", package, "--trace", "--json")
    trace = outcome.json["trace"]
    challenges = [s["name"] for s in trace if s["step"] == "challenge"]
    assert challenges == [r.challenge for r in SCHEDULE]
    absorbed = [s["name"] for s in trace if s["step"] == "absorb"]
    columns = sum(name.startswith("witness") for name in absorbed)
    in_the_proof = [name for name, _ in body_elements(columns) if name != "inverse"]
    words = [name for name in absorbed if name.startswith("word")]
    assert absorbed == ["tag", "VERIFIER_ID", "context", *words, *in_the_proof]
    lines = run("verify", proof, "--model", package, "--trace").out.splitlines()
    assert len(lines) == len(trace) + 1 and lines[-1].startswith("valid: ")
    with pytest.raises(AssertionError):
        Recorder([])("theta", 1)  # H comes first


ISOLATED = """
import sys

class Block:
    names = ("numpy", "torch", "transformers", "tokenizers", "safetensors", "zkllm._native", "web3", "solcx")

    def find_spec(self, name, path=None, target=None):
        if any(name == n or name.startswith(n + ".") for n in self.names):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
from zkllm.cli import main
code = main(sys.argv[1:])
import zkllm
from pathlib import Path
assert code != 0 or zkllm.verify(
    Path(sys.argv[2]).read_bytes(), zkllm.VerifyingKey.load(Path(sys.argv[4]) / "keys/N8-k2/vk.json")
) is None
assert not [m for m in sys.modules if m.split(".")[0] in ("numpy", "torch") or m == "zkllm._native"]
sys.exit(code)
"""


def test_several_proofs_are_verified_together(run, proof: Path, package: Path, tmp_path: Path) -> None:
    again, false, cut = tmp_path / "again", tmp_path / "false", tmp_path / "cut"
    again.write_bytes(proof.read_bytes())
    made = Proof.load(proof)
    w_prime = len(made.body) - 3 * 32  # the last point, and the inverse after it
    other = bytes(31) + b"\1" + bytes(31) + b"\2"
    replace(made, body=made.body[:w_prime] + other + made.body[-32:]).save(false)
    cut.write_bytes(proof.read_bytes()[:-1])
    outcome = run("verify", proof, again, "--model", package)
    assert outcome.code == 0 and outcome.out.count(": valid: model 0x") == 2
    assert "2 of 2 valid (" in outcome.out
    data = run("verify", again, false, proof, cut, "--model", package, "--json")
    assert data.code == 1 and not data.json["ok"]
    assert [p["ok"] for p in data.json["proofs"]] == [True, False, True, False]
    assert data.json["proofs"][1]["error"].startswith("pairing: ")
    assert "proof file: " in data.json["proofs"][3]["error"]
    assert run("verify", false, cut, "--model", package).out.count("rejected: ") == 2
    assert run("verify", proof, again, "--model", package, "--trace").code == 2


def test_verifying_needs_neither_native_code_nor_numpy_nor_torch(package, proof, tmp_path):
    command = [sys.executable, "-c", ISOLATED, "verify", str(proof), "--model", str(package), "--trace"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and "valid: " in done.stdout
    data = bytearray(proof.read_bytes())
    data[1000] ^= 1
    bad = tmp_path / "bad"
    bad.write_bytes(data)
    command[4] = str(bad)
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "") and "rejected: " in done.stdout


# ---- inspect, verifier, calldata


def test_inspect_shows_a_proof(run, proof):
    data = run("inspect", proof, "--json").json
    assert sum(part["bytes"] for part in data["parts"]) == data["bytes"] == proof.stat().st_size
    text = run("inspect", proof).out
    assert "witness column commitments" in text and "72, 101, 108" in text and "cannot" not in text


def test_inspect_shows_a_package(run, package):
    data = run("inspect", package, "--new-tokens", "2", "--json").json
    blocks = [b for b in data["sub_blocks"] if b["layer"] is not None]
    assert len(blocks) == 3 * 2 and data["shape"]["k"] == 2
    # 301 * 40 + 24 * 40 embedding; 2 layers; 2 * 40 final LayerNorm
    layer = 4 * 40 * 40 + 4 * 40 + 40 * 160 + 160 + 160 * 40 + 40
    assert data["parameters"] == 325 * 40 + 2 * layer + 80
    assert (
        data["circuit"]["rows"] == sum(data["circuit"]["rows_by_section"].values()) < data["circuit"]["size"]
    )
    assert min(term["bits"] for term in data["soundness"]) == data["security_bits"] == 100
    assert {x["table"] for x in data["lookups"]} >= {"exp", "gelu.0"}
    text = run("inspect", package, "--new-tokens", "2").out
    assert "LayerNorm and self-attention" in text and "binding: 100.0 bits" in text


def test_verifier_writes_the_contract(run, package, proof, tmp_path):
    out = tmp_path / "contract"
    options = ("--max-tokens", "8", "--new-tokens", "2", "--out", out)
    data = run("verifier", package, *options, "--json").json
    assert data["verifier_id"] == "0x" + Proof.load(proof).verifier_id.hex()
    assert data["verifier_id"] in Path(data["source"]).read_text()


def test_calldata_of_the_verifier_needs_no_model(run, proof):
    outcome = run("calldata", proof)
    assert (
        outcome.code == 0
        and outcome.err == ""
        and outcome.out.startswith("0x")
        and outcome.out.count("\n") == 1
    )


def test_calldata_for_settling_needs_a_context(run, package, proof):
    run("calldata", proof, "--model", package).failed_in_one_line("made without a context")
    run("calldata", proof, "--model", package, "--erc8274").failed_in_one_line("made without a context")
    run("calldata", proof, "--erc8274").failed_in_one_line("--erc8274 needs the model package")


# ---- settle


@pytest.mark.slow
def test_settling_through_the_command_line(run, package, proof, anvil: Rpc, tmp_path, monkeypatch):
    home, out = tmp_path / "home", tmp_path / "answer.zkllm"
    settle = ("settle", "--network", "anvil", "--model", package, "--home", home)
    k = ("--new-tokens", "2")
    assert run("settle", "deploy", *settle[1:], *k).code == 0
    asked = run("settle", "request", *settle[1:], *PROMPT, *k, "--reward", "0.25", "--json").json
    request = asked["request_id"]
    outcome = run(*settle, *PROMPT, *k, "--out", out, "--request", request)
    assert outcome.code == 0, outcome
    assert "reward       0.250000 ether: take it with the command withdraw" in outcome.out
    assert outcome.out.splitlines()[-1].startswith('settled: "')
    assert "transaction  0x" in outcome.out
    assert "SRS kind     development: anyone can forge, for tests only" in outcome.out

    made = Proof.load(out)
    assert made.words == Proof.load(proof).words and made.context.request_id.hex() == request[2:]
    sent = anvil.request("eth_getBlockByNumber", "latest", True)["transactions"][0]["input"]
    binary = tmp_path / "settle.bin"
    data = run("calldata", out, "--model", package, "--out", binary, "--json").json
    assert sent == "0x" + binary.read_bytes().hex() == data["calldata"]
    data = run("calldata", out, "--model", package, "--erc8274", "--json").json
    call = proof_verifier_call(made, bytes.fromhex(data["metadata"][26:66]))
    assert data["calldata"] == "0x" + call.calldata.hex() and data["calldata"].startswith("0x")
    assert data["input_hash"] == "0x" + prompt_digest(made.prompt).hex()
    assert data["output_hash"] == "0x" + prompt_digest(made.answer).hex()
    assert (data["metadata"], data["proof"]) == ("0x" + call.metadata.hex(), "0x" + call.proof.hex())
    assert bytes.fromhex(data["to"][2:]) == made.context.contract
    sender = made.context.sender
    others = run("settle", "deploy", *settle[1:], *k, "--owner", "0x" + "22" * 20, "--json").json
    nonce = anvil.nonce(sender)

    run(*settle, "--proof", out).failed_in_one_line("this claim is settled already", "nothing was sent")
    with monkeypatch.context() as patched:  # known before any time is spent on a proof
        patched.setattr(api, "prove", lambda *_, **__: pytest.fail("it proved"))
        again = run(*settle, *PROMPT, "--new-tokens", "2")
    again.failed_in_one_line("this claim is settled already")
    run(*settle, "--proof", proof).failed_in_one_line("made without a context")
    monkeypatch.setenv("OTHER_KEY", "0x" + "42" * 32)
    other = run(*settle, "--proof", out, "--key-env", "OTHER_KEY")
    other.failed_in_one_line("was made for the sender 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    run(*settle, "--proof", out, "--key-env", "0x" + "42" * 32).failed_in_one_line("takes the name")
    other = run(*settle, "--proof", out, "--request", "0x" + "08" * 32)
    other.failed_in_one_line(f"was made for the request {request}")
    same = run(*settle, "--proof", out, "--request", request)
    same.failed_in_one_line("this claim is settled already")
    elsewhere = ("--contract", others["settlement"])
    run(*settle, "--proof", out, *elsewhere).failed_in_one_line("was made for the contract")
    for what in (("--proof", out), PROMPT):
        nowhere = run(*settle, *what, "--contract", "0x" + "11" * 20)
        nowhere.failed_in_one_line("there is no contract at 0x1111")
    assert anvil.nonce(sender) == nonce


def test_a_node_that_is_not_there_is_one_line(run, package, monkeypatch):
    monkeypatch.setenv("ZKLLM_ANVIL_RPC_URL", "http://127.0.0.1:9")
    outcome = run("settle", "--network", "anvil", "--model", package, *PROMPT)
    outcome.failed_in_one_line("cannot reach the node at anvil")


@pytest.mark.parametrize("answer", [b"", b"<html>", b'{"jsonrpc":"2.0","id":<id>,"result":{}}'])
def test_a_node_that_lies_is_one_line(run, package, proof, monkeypatch, tmp_path, answer):
    liar = Liar()
    liar.answer = answer
    monkeypatch.setenv("ZKLLM_ANVIL_RPC_URL", liar.url)
    settle = ("settle", "--network", "anvil", "--model", package, "--home", tmp_path)
    run(*settle, "--proof", proof).failed_in_one_line("malformed answer to eth_chainId")
    liar.server.shutdown()
    liar.server.server_close()


def test_an_unfinished_package_is_one_line(run, package, proof, anvil, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(package, copy)
    (copy / "tokenizer.json").write_text("{}")
    settle = ("settle", "--network", "anvil", "--model", copy, "--home", tmp_path)
    run(*settle, *PROMPT).failed_in_one_line("tokenizer.json is damaged")
    shutil.rmtree(copy / "keys")
    run("verify", proof, "--model", copy).failed_in_one_line("has no verifying key")


def test_nothing_is_deployed_before_the_prompt_is_known_to_fit(
    run, package, anvil: Rpc, tmp_path, monkeypatch
):
    monkeypatch.setattr(Session, "ensure_deployed", lambda *_: pytest.fail("it deployed"))
    settle = ("settle", "--network", "anvil", "--model", package, "--home", tmp_path)
    run(*settle, "--tokens", "1,2,3,4,5,6,7,8,9,10").failed_in_one_line(
        "this shape has 8; give --max-tokens 10"
    )
    run(*settle, "--tokens", "999").failed_in_one_line("999 is not below")
