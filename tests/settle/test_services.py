"""Publishing sources, at local servers that speak the services' APIs and recompile what they are sent."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest

from testkit.services import KEY, FakeEtherscan, FakeSourcify
from zkllm.cli.settle.verify_source import deployed_sources
from zkllm.errors import SettlementError
from zkllm.settle import services as module
from zkllm.settle.recompile import recompile
from zkllm.settle.rpc import checksum_address
from zkllm.settle.services import Etherscan, Sourcify

pytestmark = pytest.mark.slow

EXPLORER = "https://explorer.example"


def busy(words: str) -> dict[str, str]:
    return {"status": "0", "message": "NOTOK", "result": words}


@pytest.fixture
def sources(session, model):
    session.ensure_deployed(model.verifying_key)
    return deployed_sources(session, model.verifying_key, None, None)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def fake_etherscan(rpc) -> Iterator[FakeEtherscan]:
    service = FakeEtherscan(rpc)
    yield service
    service.close()


@pytest.fixture
def fake_sourcify(rpc) -> Iterator[FakeSourcify]:
    service = FakeSourcify(rpc)
    yield service
    service.close()


@pytest.fixture
def etherscan(fake_etherscan, pauses) -> Etherscan:
    return Etherscan(fake_etherscan.url + "/v2/api", 31337, KEY, EXPLORER, pauses.append)


@pytest.fixture
def sourcify(fake_sourcify, pauses) -> Sourcify:
    return Sourcify(fake_sourcify.url, 31337, pauses.append)


def other_source(source):
    """The same contract with something changed that its code shows."""
    changed = copy.deepcopy(source.standard_json)
    text = changed["sources"][source.path]["content"]
    changed["sources"][source.path]["content"] = text.replace("ENTRY_BYTES = 5", "ENTRY_BYTES = 6")
    assert changed != source.standard_json
    return replace(source, standard_json=changed)


def test_the_sources_are_those_of_the_deployment(sources, session, model):
    verifier, settlement = sources
    assert verifier.identifier == "ZkLLMVerifier.sol:ZkLLMVerifier" and verifier.constructor_arguments == b""
    assert settlement.identifier == "ZkLLMSettlement.sol:ZkLLMSettlement"
    assert settlement.constructor_arguments == session.account.address.rjust(32, b"\0")
    recorded = session.deployments.latest(model.verifying_key.verifier_id)
    assert verifier.transaction == recorded.verifier_transaction is not None
    for source in sources:
        assert source.standard_json["settings"]["optimizer"]["enabled"]


def test_etherscan_verifies_and_knows_it_afterwards(etherscan, fake_etherscan, sources, pauses):
    for source in sources:
        outcome = etherscan.verify(source)
        assert (outcome.already, outcome.match) == (False, "Pass - Verified")
        assert outcome.page == f"{EXPLORER}/address/{checksum_address(source.address)}#code"
        assert etherscan.verify(source).already
    assert pauses.count(module.POLL_SECONDS) >= 4  # "Pending in queue" comes first
    assert all(call[2]["chainid"] == "31337" for call in fake_etherscan.calls)
    assert not any("apikey" in query for method, _, query in fake_etherscan.calls if method == "POST")


def test_sourcify_verifies_and_knows_it_afterwards(sourcify, sources, fake_sourcify):
    for source in sources:
        outcome = sourcify.verify(source)
        assert (outcome.already, outcome.match) == (False, "match")
        assert sourcify.verify(source).already
    fake_sourcify.before = [(404, {}, {}), (409, {"customCode": "already_verified", "message": "x"}, {})]
    assert sourcify.verify(sources[0]).already  # it was, since it was asked for


def test_a_source_that_does_not_match_is_an_error(etherscan, sourcify, sources):
    wrong = other_source(sources[1])
    with pytest.raises(SettlementError, match="Etherscan did not verify ZkLLMSettlement: Fail - Unable"):
        etherscan.verify(wrong)
    with pytest.raises(SettlementError, match="Sourcify did not verify ZkLLMSettlement: The onchain and"):
        sourcify.verify(wrong)


def test_a_busy_etherscan_is_asked_again(etherscan, fake_etherscan, sources, pauses):
    fake_etherscan.before = [
        (200, busy("Max calls per sec rate limit reached (5/sec)"), {}),
        (429, b"slow down", {"Retry-After": "7"}),
        (502, b"<html>", {}),
        (200, busy(f"Unable to locate ContractCode at {checksum_address(sources[0].address)}"), {}),
    ]
    said: list[str] = []
    etherscan._http._say = said.append
    assert not etherscan.verify(sources[0]).already
    assert pauses[1] == 7.0 and len(pauses) >= 6
    assert said[0] == "Etherscan: waiting, since it says: Max calls per sec rate limit reached (5/sec)"
    assert said[1] == "Etherscan: waiting, since it is busy (HTTP 429)"
    assert said[-1] == "Etherscan: waiting, since ZkLLMVerifier is being verified"


def test_a_busy_sourcify_is_asked_again(sourcify, fake_sourcify, sources, pauses):
    limited = {"customCode": "too_many_requests", "message": "slow down", "errorId": "x"}
    fake_sourcify.before = [(404, {}, {}), (429, limited, {"Retry-After": "2"}), (503, b"", {})]
    assert not sourcify.verify(sources[0]).already
    assert pauses[0] == 2.0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_stays_busy_ends_in_one_line(
    etherscan, sourcify, fake_etherscan, fake_sourcify, monkeypatch, sources, status
):
    monkeypatch.setattr(module, "ATTEMPTS", 3)
    for service, fake in ((etherscan, fake_etherscan), (sourcify, fake_sourcify)):
        fake.before = [(status, b"no", {})] * 3
        with pytest.raises(SettlementError, match=f"is busy or out of order .HTTP {status}.; run this again"):
            service.verify(sources[0])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"result": 5}', b'"x"', b'{"status": "1"}'])
def test_malformed_answers_of_etherscan(etherscan, fake_etherscan, sources, body):
    fake_etherscan.before = [(200, body, {})]
    with pytest.raises(SettlementError, match="Etherscan gave a malformed answer .HTTP 200."):
        etherscan.verify(sources[0])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"verificationId": 5}', b'{"verificationId": ""}'])
def test_malformed_answers_of_sourcify(sourcify, fake_sourcify, sources, body):
    fake_sourcify.before = [(404, {}, {}), (202, body, {})]
    with pytest.raises(SettlementError, match="Sourcify gave a malformed answer .HTTP 202."):
        sourcify.verify(sources[0])
    fake_sourcify.before = [(404, {}, {}), (202, {"verificationId": "a/../b"}, {}), (200, b"{}", {})]
    with pytest.raises(SettlementError, match="malformed answer"):
        sourcify.verify(sources[0])
    assert fake_sourcify.calls[-1][1] == "/v2/verify/a%2F..%2Fb"


def test_a_wrong_key_or_chain_is_said_without_the_key(fake_etherscan, sources, pauses):
    base = fake_etherscan.url + "/v2/api"
    with pytest.raises(SettlementError, match="Invalid API Key") as caught:
        Etherscan(base, 31337, "SECRETKEY", None, pauses.append).verify(sources[0])
    fake_etherscan.before = [(200, busy("the key SECRETKEY is over its quota"), {})]
    with pytest.raises(SettlementError, match="the key .key. is over its quota") as echoed:
        Etherscan(base, 31337, "SECRETKEY", None, pauses.append).verify(sources[0])
    with pytest.raises(SettlementError, match="unsupported chainid"):
        Etherscan(base, 5, KEY, None, pauses.append).verify(sources[0])
    with pytest.raises(SettlementError, match="cannot reach Etherscan: no connection$") as unreachable:
        Etherscan("http://127.0.0.1:9/v2/api", 1, "SECRETKEY", None, pauses.append).verify(sources[0])
    assert all("SECRETKEY" not in str(e.value) for e in (caught, echoed, unreachable))


def test_a_key_does_not_follow_a_redirect(etherscan, fake_etherscan, fake_sourcify, sources):
    fake_etherscan.before = [(302, b"{}", {"Location": fake_sourcify.url})]
    with pytest.raises(SettlementError, match="malformed"):
        etherscan.verify(sources[0])
    assert fake_sourcify.calls == []


def test_sourcify_refuses_a_chain_that_it_does_not_know(fake_sourcify, sources, pauses):
    with pytest.raises(SettlementError, match="refused .* chainId 5 is not supported"):
        Sourcify(fake_sourcify.url, 5, pauses.append).verify(sources[0])


@pytest.mark.long
def test_both_compilers_make_what_is_on_chain(session, sources):
    """Those of this machine: npm's WebAssembly build always, a native one where it is installed."""
    for source in sources:
        found = recompile(session.rpc, source)
        assert found and all(r.code_bytes == len(session.rpc.code(source.address)) for r in found)
    with pytest.raises(SettlementError, match="is not the ZkLLMSettlement of .* that this version compiles"):
        recompile(session.rpc, other_source(sources[1]))
    elsewhere = replace(sources[1], constructor_arguments=bytes([7] * 32))
    with pytest.raises(SettlementError, match="is not the ZkLLMSettlement of"):
        recompile(session.rpc, elsewhere)


@pytest.mark.long
def test_every_compiler_of_this_machine_is_asked(session, sources, tmp_path, monkeypatch):
    """A program on PATH beside npm's: here one that runs npm's, elsewhere the native build."""
    import shutil
    from importlib.resources import files

    node = shutil.which("node")
    wrapper = files("verifier_gen").joinpath("solc.js")
    program = tmp_path / "solc"
    program.write_text(f'#!/bin/sh\nexec "{node}" "{wrapper}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = [r.compiler for r in recompile(session.rpc, sources[0])]
    assert found[:2] == ["npm's solc (WebAssembly)", "the solc on PATH"]
    program.write_text(f'#!/bin/sh\n"{node}" "{wrapper}" "$@" | sed s/5f5ffd5b/5f5ffd00/\n')  # another code
    with pytest.raises(SettlementError, match="ZkLLMVerifier .*the solc on PATH"):
        recompile(session.rpc, sources[0])
