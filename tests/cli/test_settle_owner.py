"""What the owner of a settlement contract does with the commands: freeze, hand over, give up."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.ownership import freeze_call, pending_owner_of
from zkllm.settle.registry import Status, owner_of, status_of
from zkllm.settle.rpc import Rpc, checksum_address

pytestmark = pytest.mark.slow

K = ("--new-tokens", "2")
PROMPT = ("--tokens", "72,101,108")
OWNER, HEIR, STRANGER = (development_account(i).address for i in range(3))


@pytest.fixture(scope="module")
def local_node():
    """A node of this module's own, where nothing is deployed."""
    with LocalNode() as running:
        yield running.rpc


@pytest.fixture
def deployed(settle) -> tuple[bytes, bytes]:
    """(verifier, settlement contract)."""
    data = settle("deploy", *K, "--json").json
    return bytes.fromhex(data["verifier"][2:]), bytes.fromhex(data["settlement"][2:])


@pytest.fixture
def by(settle, deployed, monkeypatch):
    """A command of one of the development accounts, about the settlement contract."""
    keys = {OWNER: 0, HEIR: 1, STRANGER: 2}
    for account, index in keys.items():
        key = bytes(development_account(index)._signer.key).hex()
        monkeypatch.setenv(f"KEY_{account.hex()}", key)

    def call(account: bytes, command: str, *arguments: object):
        options = ("--key-env", f"KEY_{account.hex()}", "--contract", checksum_address(deployed[1]))
        return settle(command, *options, *arguments, model=False)

    return call


def sent(chain: Rpc) -> list[int]:
    return [chain.nonce(account) for account in (OWNER, HEIR, STRANGER)]


def test_a_verifier_is_frozen_for_ever(settle, by, chain, deployed, package):
    verifier, settlement = deployed
    named = ("--verifier", checksum_address(verifier))
    before = sent(chain)
    outcome = by(OWNER, "freeze", *named)
    assert outcome.code == 2 and "this cannot be undone: give --yes to do it" in outcome.err
    assert (
        by(OWNER, "freeze", "--yes").code
        == by(OWNER, "freeze", "--yes", *named, "--model", package).code
        == 2
    )
    by(STRANGER, "freeze", *named, "--yes").failed_in_one_line("is not the owner of the settlement contract")
    other = by(OWNER, "freeze", "--verifier", checksum_address(STRANGER), "--yes")
    other.failed_in_one_line("is not registered, so there is nothing to freeze")
    dry = by(OWNER, "freeze", *named, "--dry-run")
    assert dry.code == 0 and "would freeze the verifier" in dry.out and sent(chain) == before

    data = by(OWNER, "freeze", *named, "--yes", "--json").json
    assert data["verifier"] == checksum_address(verifier) and data["gas_used"] < 60_000
    assert status_of(chain, settlement, verifier) is Status.FROZEN
    by(OWNER, "freeze", *named, "--yes").failed_in_one_line("is frozen already")
    assert sent(chain) == [before[0] + 1, *before[1:]]
    settle("", *PROMPT, *K).failed_in_one_line("the owner froze the verifier")
    settle("request", *PROMPT, *K).failed_in_one_line("N=8 k=2 (frozen)")
    doctor = settle("doctor", *K)
    assert doctor.code == 1 and "WRONG contracts    the owner froze the verifier" in doctor.out


def test_the_model_s_verifier_can_be_named_by_the_model(settle, chain, deployed):
    outcome = settle("freeze", *K, "--yes")
    assert outcome.code == 0 and outcome.out.splitlines()[-1].startswith("frozen: nothing is settled by it")
    assert status_of(chain, deployed[1], deployed[0]) is Status.FROZEN


def test_the_ownership_is_handed_over_in_two_steps(settle, by, chain, deployed):
    settlement = deployed[1]
    to = ("--to", checksum_address(HEIR))
    before = sent(chain)
    assert by(OWNER, "transfer-ownership").code == 2
    by(STRANGER, "transfer-ownership", *to).failed_in_one_line("is not the owner")
    by(HEIR, "accept-ownership").failed_in_one_line("is offered to nobody, not to this account")
    assert sent(chain) == before
    offered = by(OWNER, "transfer-ownership", *to)
    assert offered.code == 0 and "takes it with the command accept-ownership" in offered.out
    assert owner_of(chain, settlement) == OWNER and pending_owner_of(chain, settlement) == HEIR
    assert settle("status", *K, "--json").json["pending_owner"] == checksum_address(HEIR)
    assert "the ownership, until it is accepted" in settle("status", *K).out
    by(STRANGER, "accept-ownership").failed_in_one_line(f"is offered to {checksum_address(HEIR)}")

    # taken back, and offered anew
    nobody = ("--to", "0x" + "00" * 20)
    assert by(OWNER, "transfer-ownership", *nobody).out.splitlines()[-1].startswith("taken back")
    by(HEIR, "accept-ownership").failed_in_one_line("is offered to nobody")
    assert by(OWNER, "transfer-ownership", *to).code == 0
    assert by(HEIR, "accept-ownership", "--json").json["owner"] == checksum_address(HEIR)
    assert owner_of(chain, settlement) == HEIR and pending_owner_of(chain, settlement) == bytes(20)
    named = ("--verifier", checksum_address(deployed[0]), "--yes")
    by(OWNER, "freeze", *named).failed_in_one_line("is not the owner")
    assert by(HEIR, "freeze", *named).code == 0


def test_the_ownership_is_given_up(settle, by, chain, deployed):
    settlement = deployed[1]
    assert by(OWNER, "renounce-ownership").code == 2
    by(STRANGER, "renounce-ownership", "--yes").failed_in_one_line("is not the owner")
    assert by(OWNER, "renounce-ownership", "--yes").out.splitlines()[-1].startswith("given up")
    assert owner_of(chain, settlement) == bytes(20)
    by(OWNER, "renounce-ownership", "--yes").failed_in_one_line("is not the owner")
    assert "nobody: no verifier is added or frozen any more" in settle("doctor", *K).out
    assert settle("", *PROMPT, *K).code == 0  # what is registered goes on


def test_an_owner_of_several_people_signs_what_is_printed(settle, chain, deployed):
    """Without --yes: nothing is sent."""
    sender = ("--sender", checksum_address(OWNER))
    before = sent(chain)
    (freeze,) = settle("freeze", *K, *sender, "--json").json["transactions"]
    (renounce,) = settle("renounce-ownership", *sender, "--json", model=False).json["transactions"]
    assert sent(chain) == before and renounce["data"] == "0x715018a6"
    call = freeze_call(deployed[1], deployed[0])
    assert freeze["to"] == checksum_address(call.to) and freeze["data"] == "0x" + call.data.hex()


def test_an_owner_who_is_killed_pays_once(settle, chain, deployed, tmp_path):
    verifier, settlement = deployed
    before = sent(chain)
    chain.request("evm_setAutomine", False)
    command = [sys.executable, "-m", "zkllm.settle", "freeze", "--network", "anvil", "--yes"]
    command += ["--verifier", checksum_address(verifier), "--home", str(tmp_path / "home")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while chain.nonce(OWNER, "pending") == before[0]:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    process.kill()
    process.communicate()
    chain.request("evm_setAutomine", True)
    chain.request("evm_mine")
    again = settle("freeze", "--verifier", checksum_address(verifier), "--yes", model=False)
    assert again.code == 0 and "(of an earlier run)" in again.out, again
    assert status_of(chain, settlement, verifier) is Status.FROZEN
    assert sent(chain) == [before[0] + 1, *before[1:]]
