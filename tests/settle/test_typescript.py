"""The examples in TypeScript, bundled and run by Node: what a dapp asks of, and reads from, a real Anvil."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.settle.toy import ToyModel
from zkllm.hashing import keccak256
from zkllm.settle.accounts import DEV_MNEMONIC, development_account
from zkllm.settle.escrow import State, credit_of, read_request
from zkllm.settle.rpc import Rpc, to_hex
from zkllm.settle.session import Session
from zkllm.units import GWEI

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IDS = (5, 6, 7, 0)
ASKER = 3
"""Index of the development account that asks; the session's, which proves, is another."""
REWARD = 10**16
DRIVER = """
const { readAnswer } = require("./read-claim.cjs");
const { requestAnswer, waitForAnswer, reclaimReward } = require("./request-answer.cjs");
const { FileStore } = require("./file-store.cjs");
const { mnemonicToAccount } = require("./accounts.cjs");
const { call, url, question, mnemonic, index, kept, ...asked } = JSON.parse(process.env.ASKED);
const account = mnemonic && mnemonicToAccount(mnemonic, { addressIndex: index });
const store = new FileStore(kept);
const offer = () => ({ ...asked.offer, reward: BigInt(asked.offer.reward) });
const calls = {
  read: () => readAnswer(url, question, asked.block),
  request: () => requestAnswer(url, account, question, offer(), store),
  wait: () => waitForAnswer(url, question, BigInt(asked.deadline), asked.block, 50),
  reclaim: () => reclaimReward(url, account, question.settlement, asked.requestId, store),
};
const plain = (_, value) => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "bigint" ? `${value}` : value;
};
calls[call]().then(
  (result) => console.log(JSON.stringify({ result }, plain)),
  (error) => console.log(JSON.stringify({ error: error.message })),
);
"""

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dapp")
    options = ["--bundle", "--platform=node", "--log-level=warning"]
    sources = {
        "read-claim": "examples/read-claim.mts",
        "request-answer": "examples/request-answer.mts",
        "file-store": "examples/file-store.mjs",
        "accounts": "viem/accounts",
    }
    for name, source in sources.items():
        esbuild = ["node", "node_modules/esbuild/bin/esbuild", source, *options]
        subprocess.run([*esbuild, f"--outfile={made / name}.cjs"], cwd=ROOT, check=True)
    (made / "driver.cjs").write_text(DRIVER)
    return made


@pytest.fixture
def settlement(session: Session, model: ToyModel) -> bytes:
    return session.ensure_deployed(model.verifying_key).settlement


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the asker's transactions are kept until they are mined."""
    return tmp_path / "kept"


@pytest.fixture
def start(folder: Path, rpc: Rpc, model: ToyModel, settlement: bytes, kept: Path) -> Start:
    """(call, prompt, rest) to a process that calls the examples with that."""

    def started(call: str, prompt: tuple[int, ...] = IDS[:-1], **asked: object) -> subprocess.Popen[str]:
        key = model.verifying_key
        question = {
            "settlement": to_hex(settlement),
            "modelId": to_hex(key.model_id),
            "prompt": prompt,
            "k": key.k,
        }
        asked |= {"call": call, "url": rpc.url, "question": question}
        asked |= {"mnemonic": DEV_MNEMONIC, "index": ASKER, "kept": str(kept)}
        return subprocess.Popen(
            ["node", "driver.cjs"],
            cwd=folder,
            env={**os.environ, "ASKED": json.dumps(asked)},
            stdout=subprocess.PIPE,
            text=True,
        )

    return started


@pytest.fixture
def run(start: Start) -> Run:
    """The same, to what the example returns, or `{"error": ..}`."""

    def called(*arguments: Any, **asked: object) -> Any:
        return outcome(start(*arguments, **asked))

    return called


def outcome(process: subprocess.Popen[str]) -> Any:
    with process:
        output, _ = process.communicate(timeout=60)
    found = json.loads(output)
    return found.get("result") if "error" not in found else found


def settle(session: Session, model: ToyModel, settlement: bytes, request_id: bytes = bytes(32)) -> bytes:
    """Settles IDS; the claim's id."""
    proof = model.prove(IDS, session.context(settlement, request_id))
    return session.settle(proof, model.verifying_key, model.tokens, verified=True).claim_id


def test_the_example_reads_what_is_settled(run, rpc, session, model, settlement):
    def read(prompt: tuple[int, ...] = IDS[:-1], block: str = "latest") -> Any:
        return run("read", prompt, block=block)

    assert read() is None
    rpc.request("anvil_mine", hex(200))  # the contracts are final, what follows is not

    claim_id = settle(session, model, settlement)
    expected = {"claimId": to_hex(claim_id), "tokens": [0], "bytes": b" magic".hex()}
    assert read() == expected
    assert read(IDS[:-2]) is None, "another question"
    assert read(block="finalized") is None, "not final"

    rpc.request("anvil_mine", hex(200))
    assert read(block="finalized") == expected


def test_the_example_asks_and_waits(run, start, rpc, session, model, settlement):
    rpc.request("anvil_mine", hex(200))
    asker = development_account(ASKER).address
    asked = run("request", offer={"reward": str(REWARD), "seconds": 3600})
    request_id = bytes.fromhex(asked["requestId"][2:])
    posted = read_request(rpc, settlement, request_id)
    assert (posted.requester, posted.state, posted.reward) == (asker, State.OPEN, REWARD)
    assert (to_hex(posted.claim_id), posted.deadline) == (asked["claimId"], int(asked["deadline"]))
    balance = rpc.balance(asker)
    assert run("request", offer={"reward": str(REWARD), "seconds": 7200}) == asked, "found, not paid again"
    assert rpc.balance(asker) == balance
    refused = run("request", IDS[:-2], offer={"reward": "1", "seconds": 60, "salt": to_hex(salt_of(asked))})
    assert "was used for another question" in refused["error"]
    assert "InvalidDeadline" in run("request", IDS[:-2], offer={"reward": "1", "seconds": 0})["error"]
    assert "StillOpen" in run("reclaim", requestId=asked["requestId"])["error"]

    with start("wait", deadline=asked["deadline"], block="latest") as waiting:
        time.sleep(1.5)
        assert waiting.poll() is None, "there is no answer yet"
        claim_id = settle(session, model, settlement, request_id)
        answer = outcome(waiting)
    assert answer == {"claimId": to_hex(claim_id), "tokens": [0], "bytes": b" magic".hex()}
    assert answer["claimId"] == asked["claimId"]
    assert credit_of(rpc, settlement, session.account.address) == REWARD, "the prover's"
    assert run("reclaim", requestId=asked["requestId"]) == "0", "nothing came back"


def test_the_example_gets_the_reward_back(run, rpc, settlement):
    asker = development_account(ASKER).address
    before = rpc.balance(asker)
    asked = run("request", offer={"reward": str(REWARD), "seconds": 60})
    rpc.request("evm_increaseTime", 61)
    rpc.request("anvil_mine", "0x1")
    assert run("wait", deadline=asked["deadline"], block="latest") is None
    assert run("reclaim", requestId=asked["requestId"]) == str(REWARD)
    fees = before - rpc.balance(asker)
    assert 0 < fees < REWARD, "all but the fees"
    assert credit_of(rpc, settlement, asker) == 0
    assert run("reclaim", requestId=asked["requestId"]) == "0", "once"


OFFER = {"reward": str(REWARD), "seconds": 3600}


def waiting(rpc: Rpc) -> list[str]:
    """Hashes of the asker's transactions that wait to be mined."""
    pool: Any = rpc.request("txpool_content")
    found = {sender.lower(): by_nonce for sender, by_nonce in pool["pending"].items()}
    return [one["hash"] for one in found.get(to_hex(development_account(ASKER).address), {}).values()]


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)


@pytest.fixture
def killed(start: Start, rpc: Rpc, settlement: bytes, kept: Path) -> Iterator[str]:
    """Hash of the transaction of a program that has asked, and was killed before it was mined. Blocks are
    mined by hand."""
    rpc.request("evm_setAutomine", False)
    try:
        process = start("request", offer=OFFER)
        wait_until(lambda: bool(waiting(rpc)), "nothing was sent")
        process.kill()
        process.communicate()
        (sent,) = waiting(rpc)
        (file,) = kept.iterdir()
        assert json.loads(file.read_text())["hash"] == sent
        yield sent
    finally:
        rpc.request("evm_setAutomine", True)
        rpc.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))  # which a snapshot does not hold
        rpc.request("anvil_mine", "0x1")


def ask_again(start: Start, rpc: Rpc, expected: Callable[[list[str]], bool]) -> Any:
    """What a second run says, once what waits is as expected, and mined."""
    with start("request", offer=OFFER) as process:
        wait_until(lambda: expected(waiting(rpc)), "what waits is not what is to be mined")
        time.sleep(2.0)
        assert expected(waiting(rpc)) and process.poll() is None, "it waits, and sends nothing more"
        rpc.request("evm_setAutomine", True)
        rpc.request("anvil_mine", "0x1")
        return outcome(process)


def is_open(rpc: Rpc, settlement: bytes, asked: Any) -> bool:
    found = read_request(rpc, settlement, bytes.fromhex(asked["requestId"][2:]))
    return (found.state, found.reward, found.deadline) == (State.OPEN, REWARD, int(asked["deadline"]))


def test_a_program_that_is_killed_before_its_request_is_mined_pays_once(
    killed, start, run, rpc, settlement, kept
):
    asker = development_account(ASKER).address
    nonce, balance = rpc.nonce(asker), rpc.balance(asker)
    asked = ask_again(start, rpc, lambda found: found == [killed])
    assert is_open(rpc, settlement, asked)
    assert rpc.nonce(asker) == nonce + 1
    assert REWARD < balance - rpc.balance(asker) < 2 * REWARD
    assert not list(kept.iterdir()), "nothing is kept of what is over"
    assert run("request", offer=OFFER) == asked and rpc.nonce(asker) == nonce + 1


def test_a_program_that_is_killed_after_its_request_was_mined_pays_once(killed, run, rpc, settlement, kept):
    asker = development_account(ASKER).address
    rpc.request("evm_setAutomine", True)
    rpc.request("anvil_mine", "0x1")
    nonce = rpc.nonce(asker)
    assert is_open(rpc, settlement, run("request", offer=OFFER))
    assert rpc.nonce(asker) == nonce and not list(kept.iterdir())


def test_a_request_that_the_node_has_forgotten_is_sent_again_as_it_was(killed, start, rpc, settlement):
    rpc.request("anvil_dropTransaction", killed)
    assert waiting(rpc) == []
    assert is_open(rpc, settlement, ask_again(start, rpc, lambda found: found == [killed]))


def test_a_request_that_the_node_takes_no_more_is_signed_anew_under_its_nonce(
    killed, start, rpc, settlement, kept
):
    """What it offers for gas is too little by now. Of all that has its nonce one can be mined, and another
    node may have what this one refuses: so it does not matter that something else waits in its place."""
    asker = development_account(ASKER).address
    nonce = rpc.nonce(asker)
    rpc.request("anvil_dropTransaction", killed)
    rpc.request("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    rpc.request("anvil_mine", "0x1")
    cheap = {"maxFeePerGas": hex(100 * GWEI), "maxPriorityFeePerGas": "0x1"}
    rpc.request("eth_sendTransaction", {"from": to_hex(asker), "to": to_hex(asker), **cheap})
    (other,) = waiting(rpc)
    assert is_open(rpc, settlement, ask_again(start, rpc, lambda found: len(found) == 1 and found != [other]))
    assert rpc.nonce(asker) == nonce + 1 and not list(kept.iterdir())


def test_a_request_in_whose_place_another_transaction_was_mined_is_posted_anew(
    killed, start, rpc, settlement, kept
):
    asker = to_hex(development_account(ASKER).address)
    rpc.request("anvil_dropTransaction", killed)
    rpc.request("eth_sendTransaction", {"from": asker, "to": asker})
    rpc.request("anvil_mine", "0x1")
    assert is_open(rpc, settlement, ask_again(start, rpc, lambda found: found not in ([], [killed])))
    assert not list(kept.iterdir())


def salt_of(asked: Any) -> bytes:
    """The salt that the example takes unless it is given one."""
    return keccak256(bytes.fromhex(asked["claimId"][2:]))
