"""What a run of `zkllm settle` pays for is said before; what is found wrong is found before anything is paid
for or proved."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome
from tests.settle.proxy import error, gateway, result
from zkllm import api
from zkllm.errors import StatementError
from zkllm.proof import Proof
from zkllm.settle import lagging, session
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.rpc import Rpc

pytestmark = pytest.mark.slow

ACCOUNT = development_account()
PROMPT = ("--tokens", "72,101,108")
K = ("--new-tokens", "2")
FURTHER = ("--new-tokens", "1")
TEST_CHAIN = 11155111


@pytest.fixture(scope="module")
def sepolia() -> Iterator[Rpc]:
    """An Anvil that says that it is Sepolia, where ether is paid."""
    with LocalNode(chain_id=TEST_CHAIN) as running:
        yield running.rpc


@pytest.fixture
def pay(
    sepolia: Rpc, run: Callable[..., Outcome], package: Path, tmp_path: Path, monkeypatch
) -> Iterator[Callable]:
    """A command there, with an account of value; nothing of it stays."""
    networks = tmp_path / "networks.json"
    networks.write_text(json.dumps({"sepolia": {"confirmations": 1}}))
    monkeypatch.setenv("ZKLLM_NETWORKS", str(networks))
    monkeypatch.setenv("ZKLLM_SEPOLIA_RPC_URL", sepolia.url)
    monkeypatch.setenv("PAYING_KEY", bytes(ACCOUNT._signer.key).hex())
    monkeypatch.setattr(lagging, "PAUSE_SECONDS", 0.01)
    snapshot = sepolia.request("evm_snapshot")

    def call(command: str, *arguments: object) -> Outcome:
        names = [command] if command else []
        common = ("--network", "sepolia", "--model", package, "--home", tmp_path / "home")
        return run("settle", *names, *common, "--key-env", "PAYING_KEY", "--quiet", *arguments)

    yield call
    sepolia.request("evm_revert", snapshot)


@pytest.fixture
def proving(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a proof was begun; it is not made."""
    begun: list[bool] = []

    def prove(*arguments: object, **options: object) -> None:
        begun.append(True)
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "prove", prove)
    return begun


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answering(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Somebody at a terminal."""
    import sys

    monkeypatch.setattr("sys.stdin", Terminal(words))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


def test_a_further_verifier_is_paid_for_only_where_that_is_wanted(
    pay, sepolia, proving, monkeypatch, tmp_path
):
    paid = lambda: sepolia.nonce(ACCOUNT.address)
    first = pay("", *PROMPT, *K)  # it has none yet: said, and not asked
    assert first.code == 130 and paid() == 3 and proving
    assert (
        "deploy the verifier, deploy the settlement contract, register the verifier for N=8 k=2" in first.err
    )
    assert "on sepolia: up to " in first.err and " gas, at most 0.0" in first.err
    del proving[:]

    refused = pay("", *PROMPT, *FURTHER)
    refused.failed_in_one_line("this model has the verifier 0x", "for N=8 k=2 already", "give --yes to pay")
    assert "deploy the verifier, register the verifier for N=8 k=1 on sepolia: up to " in refused.err
    for record in (tmp_path / "home" / "deployments").iterdir():
        record.unlink()  # the registry of the contract knows it, too
    pay("", *PROMPT, *FURTHER).failed_in_one_line("this model has the verifier 0x", "for N=8 k=2 already")
    assert paid() == 3 and not proving
    with monkeypatch.context() as patched:
        answering(patched, "n\n")
        said = pay("", *PROMPT, *FURTHER)
    assert said.code == 1 and "Pay for that? [y/N]" in said.err and "nothing was sent" in said.err
    dry = pay("", *PROMPT, *FURTHER, "--dry-run")
    assert dry.code == 0 and dry.out.count("would ") == 2 and paid() == 3 and not proving
    with monkeypatch.context() as patched:
        answering(patched, "y\n")
        assert pay("", *PROMPT, *FURTHER).code == 130
    assert paid() == 5 and proving


def test_yes_pays_for_it(pay, sepolia, proving):
    assert pay("deploy", *FURTHER).code == 0
    assert pay("", *PROMPT, *K, "--yes").code == 130
    assert sepolia.nonce(ACCOUNT.address) == 5 and proving


def test_deploy_names_what_it_deploys_and_needs_no_yes(pay, sepolia):
    assert pay("deploy", *K).code == 0
    named = pay("deploy", *FURTHER)
    assert named.code == 0 and "for N=8 k=1 on sepolia: up to" in named.err
    assert sepolia.nonce(ACCOUNT.address) == 5


def test_a_deployment_that_was_begun_is_not_asked_about_again(pay, sepolia, proving, monkeypatch):
    assert pay("deploy", *K).code == 0
    with monkeypatch.context() as patched:
        patched.setattr(
            "zkllm.settle.transactions.Sender._wait", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        sepolia.request("evm_setAutomine", False)
        assert pay("", *PROMPT, *FURTHER, "--yes").code == 130
        balance = sepolia.request("eth_getBalance", "0x" + ACCOUNT.address.hex(), "latest")
        sepolia.request("anvil_setBalance", "0x" + ACCOUNT.address.hex(), hex(10**12))
        assert pay("", *PROMPT, *FURTHER).code == 130  # nor whether it can be paid for: it waits
        sepolia.request("anvil_setBalance", "0x" + ACCOUNT.address.hex(), balance)
    sepolia.request("anvil_dropAllTransactions")
    sepolia.request("evm_setAutomine", True)
    again = pay("", *PROMPT, *FURTHER)
    assert again.code == 130 and proving and sepolia.nonce(ACCOUNT.address) == 5


def test_what_keeps_an_answer_from_being_paid_for_is_named_before_the_proof(
    pay, sepolia, proving, monkeypatch
):
    assert pay("deploy", *K).code == 0
    sepolia.request("anvil_setBalance", "0x" + ACCOUNT.address.hex(), hex(10**12))
    poor = pay("", *PROMPT, *K)
    poor.failed_in_one_line("has 0.000001 ether, to settle the answer may cost up to", "fund it")
    sepolia.request("anvil_setBalance", "0x" + ACCOUNT.address.hex(), hex(10**21))
    with gateway(sepolia.url) as between:
        monkeypatch.setenv("ZKLLM_SEPOLIA_RPC_URL", between.url)
        fee = lambda of: {
            "eth_getBlockByNumber": lambda data: data | {"result": data["result"] | {"baseFeePerGas": of}}
        }
        between.changed = fee(hex(10**12))
        pay("", *PROMPT, *K).failed_in_one_line(
            "gas costs 1000.0 gwei now, more than the 300 of max_fee_gwei"
        )
        between.changed = fee(None)
        pay("", *PROMPT, *K).failed_in_one_line("this chain has no base fee (EIP-1559)")
        doctor = pay("doctor", *K)
        assert doctor.code == 1 and "WRONG gas" in doctor.out and "no base fee (EIP-1559)" in doctor.out
    assert not proving


def test_nodes_that_are_behind_and_a_full_disk_end_nothing(pay, sepolia, tmp_path, monkeypatch):
    """Behind one URL another node answers the calls that come after a receipt, as of before it; and the disk
    fills up while the proof is made."""
    save, out = Proof.save, tmp_path / "out.zkllm"

    def full(self: Proof, path: Path) -> None:
        if path == out:
            raise OSError(28, "No space left on device", str(path))
        save(self, path)

    empty, zero = "0x" + (32).to_bytes(32, "big").hex() + bytes(32).hex(), "0x" + bytes(32).hex()
    with gateway(sepolia.url) as behind:
        monkeypatch.setenv("ZKLLM_SEPOLIA_RPC_URL", behind.url)
        send = behind._ask

        def then(request: dict) -> dict:
            found = send(request)
            if request["method"] == "eth_sendRawTransaction":
                behind.say("eth_getCode", *[result("0x")] * 2)
                behind.say("eth_call", result(empty), error("header not found"), result(zero))
            return found

        behind._ask = then
        outcome = pay("deploy", *K)
        assert outcome.code == 0 and sepolia.nonce(ACCOUNT.address) == 3, outcome
        behind.forget()
        asked = pay("request", *PROMPT, *K, "--deadline", "1d")
        assert asked.code == 0 and sepolia.nonce(ACCOUNT.address) == 4, asked
        behind.forget()
        monkeypatch.setattr(Proof, "save", full)
        settled = pay("", *PROMPT, *K, "--out", out)
        assert sepolia.nonce(ACCOUNT.address) == 5, settled
    assert settled.code == 1 and f"cannot write {out}: the disk is full" in settled.err
    assert settled.out.splitlines()[-1].startswith("settled: ")
    (kept,) = (tmp_path / "home" / "proofs").iterdir()
    assert Proof.load(kept)


# ---- what is looked at first


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch, proving: list[bool]) -> Iterator[None]:
    """No model is opened, and nothing is proved or sent."""
    monkeypatch.setattr(api, "open_package", lambda *_, **__: pytest.fail("a model was opened"))
    monkeypatch.setattr("zkllm.settle.transactions.Sender.send", lambda *_: pytest.fail("it paid"))
    yield
    assert not proving


def test_what_is_wrong_is_said_before_a_model_is_opened(settle, untouched, tmp_path, monkeypatch):
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("")
    file.chmod(0o600)
    folder.mkdir()
    stranger = ("--contract", "0x" + "07" * 20)
    for command in ("", "request", "submit"):
        words = (*PROMPT, *K) if command != "submit" else ("--proof", tmp_path / "none.zkllm")
        said = "there is no contract at" if command != "submit" else "cannot read the proof"
        settle(command, *words, *stranger).failed_in_one_line(said)
    settle("", *PROMPT, *K, "--out", folder).failed_in_one_line("it is a folder; give the name of a file")
    settle("", *PROMPT, *K, "--out", file / "a.zkllm").failed_in_one_line("cannot be written: ", "is a file")
    settle("verify-source", *K, "--write", file).failed_in_one_line("cannot be written to: ", "is a file")
    settle("verify-source", *K, "--service", "etherscan").failed_in_one_line("no such verification service")
    for command in ("deploy", "request", "", "doctor", "verify-source"):
        words = PROMPT if command in ("request", "") else ()
        offline = ("--offline",) if command == "verify-source" else ()
        key = settle(command, *words, *K, "--keystore", tmp_path / "none", "--password-file", file, *offline)
        key.failed_in_one_line("cannot read the keystore", "no such file")
    for deadline in ("366d", "0s"):
        outcome = settle("request", *PROMPT, *K, "--deadline", deadline)
        assert outcome.code == 2 and "--deadline is longer than nothing, and at most 365d" in outcome.err
    wrong = "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert settle("", *PROMPT, *K, "--contract", wrong).code == 2
    monkeypatch.setattr(
        session, "settlement_artifact", lambda: (_ for _ in ()).throw(StatementError("no solc"))
    )
    for command in ("deploy", "request", ""):
        words = PROMPT if command != "deploy" else ()
        settle(command, *words, *K).failed_in_one_line("no solc")


@pytest.mark.parametrize("place", ["transactions", "transactions/31337", "deployments"])
@pytest.mark.parametrize("full", [False, True])
def test_records_that_cannot_be_written_are_found_first(settle, untouched, tmp_path, place, full):
    """A file is in the way, or it is a folder that takes no files, whoever asks."""
    path = tmp_path / "home" / place
    path.parent.mkdir(parents=True)
    if full:
        path.symlink_to("/proc")
    else:
        path.write_text("")
    settle("", *PROMPT, *K).failed_in_one_line("cannot use the folder")
    settle("deploy", *K).failed_in_one_line("cannot use the folder")


@pytest.mark.parametrize(
    ("field", "value"),
    [("data_fee_oracle", "0x12"), ("explorer", "etherscan.io"), ("sourcify", "ftp://x"), ("etherscan", ""),
     ("rpc_url", "http://a,b"), ("rpc_url", "http://")],
)  # fmt: skip
def test_a_network_s_fields_are_looked_at_when_it_is_named(
    run, untouched, tmp_path, monkeypatch, field, value
):
    networks = tmp_path / "networks.json"
    networks.write_text(json.dumps({"base": {field: value}}))
    monkeypatch.setenv("ZKLLM_NETWORKS", str(networks))
    outcome = run("settle", *PROMPT, "--network", "base", "--model", tmp_path, "--home", tmp_path / "home")
    outcome.failed_in_one_line("not a valid list of networks", f"base: {field} is not a")
