"""The commands of `zkllm settle` on a local chain."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time

import pytest

from testkit.services import KEY, FakeEtherscan, FakeSourcify
from zkllm import api
from zkllm.cli.console import Progress
from zkllm.settle import services
from zkllm.settle.anvil import LocalNode
from zkllm.settle.dates import utc
from zkllm.settle.rpc import Rpc, checksum_address
from zkllm.settle.session import Session

pytestmark = pytest.mark.slow

PROMPT = ("--tokens", "72,101,108")
OTHER = ("--tokens", "72,101,109")
K = ("--new-tokens", "2")
ZERO_KEY = "0x" + "42" * 32


@pytest.fixture(scope="module")
def local_node():
    """A node of this module's own: other modules deploy the contracts and settle claims on the session's."""
    with LocalNode() as running:
        yield running.rpc


def paid(chain: Rpc) -> int:
    return chain.nonce(bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266"))


def test_the_way_through_all_commands(settle, chain):
    before = paid(chain)
    status = settle("status", *K, "--json").json
    assert not status["deployed"] and len(status["left_to_do"]) == 3
    settle("request", *PROMPT, *K).failed_in_one_line("there is no contract at")
    planned = settle("deploy", *K, "--dry-run")
    assert planned.code == 0 and planned.out.count("would ") == 3 and "nothing was sent" in planned.out
    assert paid(chain) == before
    deployed = settle("deploy", *K, "--json").json
    assert deployed["registered"] and set(deployed["gas"]) == {
        "ZkLLMVerifier",
        "ZkLLMSettlement",
        "registration",
    }
    assert settle("deploy", *K).out.splitlines()[-1] == "nothing to do: everything is there"
    assert paid(chain) == before + 3

    doctor = settle("doctor", *K)
    assert doctor.code == 0 and "everything that was examined is in order" in doctor.out
    assert "the generated ZkLLMVerifier" in doctor.out

    settle("request", *PROMPT, "--new-tokens", "1").failed_in_one_line("registered: N=8 k=2")
    dry = settle("request", *PROMPT, *K, "--reward", "0.5", "--dry-run", "--json").json
    assert not dry["sent"] and dry["transactions"][0]["value"] == hex(5 * 10**17)
    asked = settle("request", *PROMPT, *K, "--reward", "0.5", "--deadline", "2h", "--json").json
    assert asked["request_id"] == dry["request_id"] and asked["state"] == "OPEN"
    settle("request", *PROMPT, *K).failed_in_one_line("was posted already; give another --salt")
    said = settle("request", *OTHER, *K, "--salt", "0x" + "07" * 32, "--deadline", "1d").out
    (deadline,) = [line.split(maxsplit=1)[1] for line in said.splitlines() if line.startswith("deadline")]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", deadline)
    hidden = settle("request", *OTHER, *K, "--reward", "0.25", "--hide-prompt", "--deadline", "90s", "--json")
    settle("reclaim", hidden.json["request_id"], model=False).failed_in_one_line("is still open")

    count = paid(chain)
    would = settle("", *PROMPT, *K, "--request", asked["request_id"], "--dry-run")
    assert "then: run this again to prove and settle the answer" in would.out and paid(chain) == count
    wrong = settle("", *OTHER, *K, "--request", asked["request_id"])
    wrong.failed_in_one_line("asks for another claim")
    late = settle("", *OTHER, *K, "--request", hidden.json["request_id"])
    late.failed_in_one_line("the deadline of the request", "has passed")  # too soon to prove for it
    settled = settle("", *PROMPT, *K, "--request", asked["request_id"], "--json").json
    assert settled["reward"] == 5 * 10**17 and settled["claim_id"] == asked["claim_id"]

    status = settle("status", *PROMPT, *K, "--request", asked["request_id"], "--json").json
    assert status["settled"] and status["credit"] == 5 * 10**17 and status["left_to_do"] == []
    assert status["request"]["state"] == "CLOSED" and status["unfinished"] == []
    text = settle("status", *K, "--request", asked["request_id"]).out
    assert f"until {utc(asked['deadline'])} (" in text and str(asked["deadline"]) not in text
    for shown in (asked["claim_id"], settled["transaction_hash"]):
        (claim,) = settle("show", shown, "--json", model=False).json["claims"]
        assert claim["text"] == settled["text"] and claim["token_ids"] == settled["token_ids"]
        assert claim["request_id"] == asked["request_id"] and claim["settler"] == settled["sender"]
    settle("show", "0x" + "11" * 32, model=False).failed_in_one_line("is neither a settled claim")
    settle("request", *PROMPT, *K, "--salt", "0x" + "01" * 32).failed_in_one_line("settled already")

    chain.request("evm_increaseTime", 200)
    chain.request("evm_mine")
    assert "credited to" in settle("reclaim", hidden.json["request_id"], model=False).out
    receiver = "0x" + "66" * 20
    taken = settle("withdraw", "--to", receiver, model=False)
    assert taken.out.splitlines()[-1] == "withdrawn: 0.750000 ether"
    assert chain.balance(bytes([0x66] * 20)) == 75 * 10**16
    settle("withdraw", model=False).failed_in_one_line("has no credit to withdraw")


def test_another_wallet_signs_what_is_printed(settle, chain, tmp_path):
    """The transactions are sent as they are printed, by an account whose key this program never had."""
    wallet = "0x" + "cc" * 20
    chain.request("anvil_setBalance", wallet, hex(10**19))
    chain.request("anvil_impersonateAccount", wallet)
    sender = ("--sender", wallet)

    def sign(outcome) -> list[dict]:
        assert outcome.code == 0, outcome
        data = outcome.json
        for transaction in data["transactions"]:
            assert set(transaction) >= {
                *("to", "data", "value", "chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas"),
            }
            fields = {name: value for name, value in transaction.items() if name != "what"}
            transaction_hash = chain.request("eth_sendTransaction", fields)
            receipt = None
            while receipt is None:
                receipt = chain.receipt(bytes.fromhex(transaction_hash[2:]))
            assert receipt.succeeded, transaction["what"]
        return data["transactions"]

    first = settle("", *PROMPT, *K, *sender, "--json")
    assert first.json["then"] == "run this again to prove and settle the answer"
    assert [t["what"] for t in sign(first)] == [
        "deploy the verifier",
        "deploy the settlement contract",
        "register the verifier",
    ]
    assert len(sign(settle("request", *PROMPT, *K, *sender, "--reward", "1", "--json"))) == 1
    text = settle("", *PROMPT, *K, *sender, "--out", tmp_path / "a.zkllm")
    assert text.code == 0 and json.loads(text.out)[0]["what"] == "settle the answer"
    (sent,) = sign(settle("submit", "--proof", tmp_path / "a.zkllm", *sender, "--json"))
    assert sent["from"] == checksum_address(bytes([0xCC] * 20))
    again = settle("submit", "--proof", tmp_path / "a.zkllm", *sender)
    again.failed_in_one_line("settled already", "nothing was sent")
    assert not list((tmp_path / "home").rglob("transactions/*/*.json"))


def test_who_is_not_the_owner_leaves_the_registration_to_him(settle, chain):
    owner = "0x" + "dd" * 20
    outcome = settle("deploy", *K, "--owner", owner, "--json")
    assert outcome.code == 0, outcome
    checked = checksum_address(bytes([0xDD] * 20))
    assert outcome.json["awaited_owner"] == checked and not outcome.json["registered"]
    count = paid(chain)
    settle("", *PROMPT, *K, "--owner", owner).failed_in_one_line("not the owner", checked)
    unknown = settle("request", *PROMPT, *K, "--owner", owner)
    unknown.failed_in_one_line("the model 0x", "is not registered with this settlement contract")
    assert "registers the verifier" in settle("status", *K, "--owner", owner).out
    assert paid(chain) == count
    chain.request("anvil_setBalance", owner, hex(10**19))
    chain.request("anvil_impersonateAccount", owner)
    (call,) = settle("deploy", *K, "--sender", owner, "--json").json["transactions"]
    assert call["what"] == "register the verifier"
    chain.request("eth_sendTransaction", {k: v for k, v in call.items() if k != "what"})
    assert settle("", *PROMPT, *K, "--owner", owner).code == 0


@pytest.mark.long
def test_sources_are_published_by_the_command(settle, chain, monkeypatch, tmp_path):
    settle("deploy", *K)
    monkeypatch.setattr(services, "POLL_SECONDS", 0.01)
    servers = FakeEtherscan(chain), FakeSourcify(chain)
    entry = {"etherscan": servers[0].url + "/v2/api", "sourcify": servers[1].url}
    networks = tmp_path / "networks.json"
    networks.write_text(json.dumps({"anvil": entry}))
    monkeypatch.setenv("ZKLLM_NETWORKS", str(networks))
    settle("verify-source", *K, "--service", "etherscan").failed_in_one_line("set $ETHERSCAN_API_KEY")
    keyless = settle("verify-source", *K, "--dry-run")
    assert keyless.out.count("would send") == 2 and "to Sourcify" in keyless.out
    assert "Etherscan was skipped: it needs an API key: set $ETHERSCAN_API_KEY" in keyless.out
    skipped = settle("verify-source", *K, "--dry-run", "--json").json["skipped"]
    assert skipped == {"Etherscan": "it needs an API key: set $ETHERSCAN_API_KEY"}
    monkeypatch.setenv("ETHERSCAN_API_KEY", KEY)
    dry = settle("verify-source", *K, "--dry-run")
    assert dry.out.count("would send") == 4 and not servers[0].calls and not servers[1].calls
    stages: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "__call__", lambda self, stage, done, total: stages.append(stage))
        outcome = settle("verify-source", *K)
    assert outcome.code == 0 and outcome.out.count("is verified at") == 4, outcome
    assert "skipped" not in outcome.out
    for service in ("Etherscan", "Sourcify"):
        for contract in ("ZkLLMVerifier", "ZkLLMSettlement"):
            assert f"{service}: waiting, since {contract} is being verified" in stages
    again = settle("verify-source", *K, "--json")
    assert [v["already"] for v in again.json["verifications"]] == [True] * 4
    assert KEY not in outcome.out + outcome.err + again.out + again.err
    monkeypatch.setenv("ETHERSCAN_API_KEY", "WRONGKEY")
    wrong = settle("verify-source", *K)
    assert wrong.code == 1 and "Invalid API Key" in wrong.err and wrong.out.count("at Sourcify") == 2
    written = tmp_path / "sources"
    offline = settle("verify-source", *K, "--offline", "--write", written)
    assert offline.code == 0 and "ZkLLMSettlement: npm's solc (WebAssembly) makes the" in offline.out
    assert {p.name for p in written.iterdir()} == {"ZkLLMSettlement.json", "ZkLLMVerifier.json"}
    for server in servers:
        server.close()


def test_secrets_are_neither_taken_nor_shown(settle, chain, tmp_path, monkeypatch):
    from eth_account import Account

    keystore, password = tmp_path / "key.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(ZERO_KEY, "open sesame", kdf="pbkdf2", iterations=10)))
    password.write_text("open sesame\n")
    account = ("--keystore", keystore, "--password-file", password)
    settle("status", *K, *account).failed_in_one_line("others can read the password file", "chmod 600")
    password.chmod(0o600)
    settle("status", *K, *account).failed_in_one_line("others can read the keystore", "chmod 600")
    keystore.chmod(0o600)
    outcome = settle("status", *K, *account, "--json")
    assert outcome.json["account"] == Account.from_key(ZERO_KEY).address
    poor = settle("deploy", *K, *account)
    poor.failed_in_one_line("0.000000 ether")
    records = "".join(p.read_text() for p in (tmp_path / "home").rglob("*.json"))
    for secret in ("sesame", "42" * 32):
        assert secret not in outcome.out + outcome.err + poor.err + records


def test_a_local_chain_of_its_own_is_shown_the_way_to_stay(run, package, tmp_path, monkeypatch):
    monkeypatch.delenv("ZKLLM_ANVIL_RPC_URL", raising=False)
    networks, home = tmp_path / "networks.json", tmp_path / "a home"
    networks.write_text(json.dumps({"anvil": {"rpc_url": "http://127.0.0.1:9"}}))  # nothing listens there
    monkeypatch.setenv("ZKLLM_NETWORKS", str(networks))
    settled = run("settle", "--network", "anvil", "--home", home, "--model", package, *PROMPT, *K)
    says, stays, _, shows = settled.err.splitlines()[-4:]
    assert settled.code == 0 and "to have it stay, in another terminal:" in says
    assert shlex.split(stays)[-3:-1] == ["--state", str(home / "anvil" / "state.json")]
    command = shlex.split(shows)
    assert command[0] == "zkllm" and command[-2:] == ["--home", str(home)]
    monkeypatch.chdir(tmp_path)
    run(*command[1:]).failed_in_one_line("that is 127.0.0.1:9, unless $ZKLLM_ANVIL_RPC_URL says another")
    with LocalNode(home / "anvil" / "state.json") as running:
        monkeypatch.setenv("ZKLLM_ANVIL_RPC_URL", running.url)
        assert run(*command[1:]).code == 0 and (tmp_path / "site" / "index.html").is_file()
        again = run("settle", "--network", "anvil", "--home", home, "--model", package, *PROMPT, *K)
        again.failed_in_one_line("this claim is settled already")


def test_a_node_s_url_is_never_shown(run, package, chain, tmp_path, monkeypatch):
    monkeypatch.delenv("ZKLLM_ANVIL_RPC_URL")
    command = ("settle", "status", "--network", "anvil", "--home", tmp_path, "--model", package, *K)
    dead = "http://127.0.0.1:9/accesskey"
    gone = run(*command, "--rpc-url", dead)
    gone.failed_in_one_line(
        "cannot reach the node at anvil: no connection",
        "that is 127.0.0.1:9, as --rpc-url says (without it: $ZKLLM_ANVIL_RPC_URL)",
    )
    assert "accesskey" not in gone.err
    monkeypatch.setenv("ZKLLM_ANVIL_RPC_URL", f"http://me:accesskey@localhost:9/,{dead}")
    named = run(*command)
    named.failed_in_one_line("no connection; that is localhost:9, 127.0.0.1:9, as $ZKLLM_ANVIL_RPC_URL says")
    assert "accesskey" not in named.err
    monkeypatch.delenv("ZKLLM_ANVIL_RPC_URL")
    both = run(*command, "--rpc-url", f"{dead},{chain.url}", "--json")
    assert both.code == 0 and both.json["chain_id"] == 31337
    wrong = run("settle", "status", "--network", "sepolia", "--home", tmp_path, "--rpc-url", chain.url)
    wrong.failed_in_one_line("the node for sepolia is on chain 31337, expected 11155111", "as --rpc-url says")
    run("settle", "status", "--network", "sepolia", "--home", tmp_path).failed_in_one_line(
        "set $ZKLLM_SEPOLIA_RPC_URL"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "deploy --model DIR",
        "deploy --network anvil",
        "request --network anvil --model DIR",
        "request --network anvil --model DIR --prompt a --reward -1",
        "request --network anvil --model DIR --prompt a --deadline 5",
        "submit --network anvil --model DIR",
        "show --network anvil",
        "show 0x12 --network anvil",
        "withdraw --network anvil --to 0x12",
        "withdraw --network anvil --to 0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "reclaim --network anvil",
        "verify-source --network anvil --model DIR --service other",
        "freeze --network anvil --yes",
        "freeze --network anvil --verifier 0x12 --yes",
        "transfer-ownership --network anvil",
        "renounce-ownership --network anvil",
        "dance --network anvil",
    ],
)
def test_wrong_usage_has_exit_code_2(run, arguments):
    outcome = run("settle", *arguments.split())
    assert outcome.code == 2 and "usage:" in outcome.err and outcome.out == ""


def test_a_run_that_is_killed_is_taken_up_by_the_same_command(settle, chain, package, tmp_path, monkeypatch):
    """kill -9 while the transaction is under way."""
    settle("deploy", *K)
    before = paid(chain)
    chain.request("evm_setAutomine", False)
    command = [sys.executable, "-m", "zkllm", "settle", "--network", "anvil", "--model", str(package)]
    command += ["--home", str(tmp_path / "home"), *PROMPT, *K]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    journal = tmp_path / "home" / "transactions" / "31337"
    end = time.monotonic() + 120
    while not any(json.loads(p.read_text())["state"] == "sent" for p in journal.glob("settle-*.json")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    process.kill()
    process.communicate()
    unfinished = settle("status", *K, "--json")
    assert [r["state"] for r in unfinished.json["unfinished"]] == ["sent"]
    chain.request("evm_setAutomine", True)
    chain.request("evm_mine")
    monkeypatch.setattr(api, "prove", lambda *_, **__: pytest.fail("it proved again"))
    outcome = settle("", *PROMPT, *K)
    assert outcome.code == 0 and "(of an earlier run)" in outcome.out, outcome
    assert paid(chain) == before + 1


def test_a_damaged_proof_of_an_earlier_run_is_made_again(settle, chain, tmp_path, monkeypatch):
    settle("deploy", *K)
    with monkeypatch.context() as patched:
        patched.setattr(Session, "settle", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        assert settle("", *PROMPT, *K).code == 130
    (kept,) = (tmp_path / "home" / "proofs").iterdir()
    data = bytearray(kept.read_bytes())
    data[-40] ^= 1
    kept.write_bytes(data)
    outcome = settle("", *PROMPT, *K)
    assert outcome.code == 0 and kept.read_bytes() != data, outcome


def test_what_only_reads_runs_beside_a_run_that_waits(settle, chain, tmp_path, monkeypatch):
    from zkllm.settle import KeySource, network, open_session

    settle("deploy", *K)
    with open_session(network("anvil"), KeySource(), tmp_path / "home"):
        for command in ("status", "doctor"):
            assert settle(command, *K).code == 0
        settle("", *PROMPT, *K).failed_in_one_line("another run is settling with the records of")


def test_options_may_come_before_the_command(run, package, chain, tmp_path):
    outcome = run(
        "settle", "--network", "anvil", "--home", tmp_path, *K, "status", "--model", package, "--json"
    )
    assert outcome.code == 0 and outcome.json["network"] == "anvil" and "verifier" in outcome.json
