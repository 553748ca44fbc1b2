"""Keys, networks, and what is written to disk."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zkllm.errors import SettlementError
from zkllm.settle.accounts import KeySource, development_account
from zkllm.settle.deployments import Deployment, Deployments
from zkllm.settle.fees import Fees
from zkllm.settle.journal import Attempt, Journal, Mined, Record
from zkllm.settle.networks import network, networks, parse_networks
from zkllm.units import GWEI

SECRET = "0x" + "42" * 32


# ---- keys


def test_the_development_account_is_the_well_known_one():
    account = KeySource().account(31337)
    assert account.address.hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert account.address == development_account(0).address != development_account(1).address


@pytest.mark.parametrize("chain_id", [1, 11155111, 31338])
def test_the_development_account_exists_on_one_chain_only(chain_id):
    with pytest.raises(SettlementError, match="needs an account: give --keystore FILE, or --key-env NAME"):
        KeySource().account(chain_id)


def test_a_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("SOME_KEY", SECRET)
    account = KeySource(key_env="SOME_KEY").account(1)
    assert SECRET[2:] not in repr(account) + str(vars(KeySource(key_env="SOME_KEY")))
    monkeypatch.setenv("SOME_KEY", SECRET + "00")
    with pytest.raises(SettlementError, match="the environment variable SOME_KEY does not hold") as caught:
        KeySource(key_env="SOME_KEY").account(1)
    assert "42" not in str(caught.value)
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(SettlementError, match="SOME_KEY is not set"):
        KeySource(key_env="SOME_KEY").account(1)


@pytest.mark.parametrize("secret", [SECRET, "ab" * 32, "a secret phrase"])
@pytest.mark.parametrize("field", ["key_env", "password_env"])
def test_a_secret_in_place_of_a_name_is_refused_and_not_repeated(field, secret):
    with pytest.raises(SettlementError, match="takes the name of an environment variable") as caught:
        KeySource(**{field: secret})
    assert secret not in str(caught.value)


def test_keystores(tmp_path, monkeypatch):
    from eth_account import Account

    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(SECRET, "open sesame", kdf="pbkdf2", iterations=10)))
    with pytest.raises(SettlementError, match="others can read the keystore .*: run chmod 600 on it"):
        KeySource(path).account(5, lambda question: "open sesame")
    path.chmod(0o600)
    monkeypatch.setenv("PASSWORD", "open sesame")
    expected = Account.from_key(SECRET).address.lower()
    assert "0x" + KeySource(path, password_env="PASSWORD").account(5).address.hex() == expected
    asked = []
    KeySource(path).account(5, lambda question: asked.append(question) or "open sesame")
    assert len(asked) == 1
    monkeypatch.setenv("PASSWORD", "wrong")
    with pytest.raises(SettlementError, match="wrong password") as caught:
        KeySource(path, password_env="PASSWORD").account(5)
    assert "wrong password" in str(caught.value) and "sesame" not in str(caught.value)
    with pytest.raises(SettlementError, match="needs a password"):
        KeySource(path).account(5)
    with pytest.raises(SettlementError, match="either"):
        KeySource(path, key_env="X")


def test_a_password_comes_from_a_private_file(tmp_path):
    from eth_account import Account

    path, password = tmp_path / "key.json", tmp_path / "password"
    path.write_text(json.dumps(Account.encrypt(SECRET, "open sesame", kdf="pbkdf2", iterations=10)))
    password.write_text("open sesame\n")
    path.chmod(0o600)
    source = KeySource(path, password_file=password)
    with pytest.raises(SettlementError, match="others can read the password file .*password: run chmod 600"):
        source.account(5)
    password.chmod(0o400)
    assert source.account(5).address == bytes.fromhex(Account.from_key(SECRET).address[2:])
    with pytest.raises(SettlementError, match="cannot read the password file"):
        KeySource(path, password_file=tmp_path / "none").account(5)
    for wrong in ({"password_env": "X"}, {"keystore": None}):
        with pytest.raises(SettlementError, match="password"):
            KeySource(**{"keystore": path, "password_file": password} | wrong)


def test_an_external_wallet_s_address_signs_nothing():
    account = KeySource(sender=bytes([7] * 20)).account(1)
    assert account.address == bytes([7] * 20) and not account.can_sign
    with pytest.raises(SettlementError, match="key is not here"):
        account.sign({})


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 3}', '{"crypto": {"kdf": 5}, "version": 3}'])
def test_damaged_keystores(tmp_path, text):
    path = tmp_path / "key.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettlementError, match="keystore"):
        KeySource(path).account(5, lambda question: "x")
    with pytest.raises(SettlementError, match="cannot read the keystore"):
        KeySource(tmp_path / "none.json").account(5, lambda question: "x")


# ---- networks


def test_other_networks_are_configuration(tmp_path, monkeypatch):
    entry = {
        "chain_id": 11155111,
        "rpc_url": None,
        "rpc_url_env": "SEPOLIA_RPC_URL",
        "confirmations": 2,
        "explorer": "https://sepolia.etherscan.io",
        "local_node": False,
        "max_fee_gwei": 100,
    }
    path = tmp_path / "networks.json"
    path.write_text(json.dumps({"sepolia": entry}))
    monkeypatch.setenv("ZKLLM_NETWORKS", str(path))
    assert {"anvil", "sepolia", "hoodi", "mainnet", "base"} <= set(networks())
    sepolia = network("sepolia")
    assert sepolia.url() is None
    assert sepolia.explain_transaction(bytes([1] * 32)).startswith("https://sepolia.etherscan.io/tx/0x0101")
    monkeypatch.setenv("SEPOLIA_RPC_URL", "https://node/secret")
    assert sepolia.url() == "https://node/secret" and "secret" not in repr(sepolia)
    with pytest.raises(SettlementError, match="unknown network 'mars'; known: anvil, .*, sepolia"):
        network("mars")
    for name, value in (
        ("chain_id", "1"),
        ("confirmations", 0),
        ("local_node", True),
        ("max_tip_gwei", -1),
        ("testnet", 1),
        ("more", 1),
        ("name", "sepolia"),
        ("rpc_url_flag", "http://localhost"),
    ):
        path.write_text(json.dumps({"sepolia": entry | {name: value}}))
        with pytest.raises(SettlementError):
            networks()
    path.write_text(json.dumps({"main": entry | {"chain_id": 1, "testnet": True}}))
    with pytest.raises(SettlementError, match="chain id 1 is no test network"):
        networks()
    path.write_text(json.dumps({"sepolia": entry | {"testnet": True}}))
    assert network("sepolia").testnet and sepolia.testnet
    path.write_text(json.dumps({"mainnet": {"max_fee_gwei": 7}, "own": entry}))  # one value of a packaged one
    assert (network("mainnet").max_fee_gwei, network("mainnet").chain_id) == (7, 1)
    assert not network("own").testnet
    path.write_text("{")
    with pytest.raises(SettlementError, match="not a valid list of networks"):
        networks()


@given(st.text(max_size=40) | st.recursive(st.none() | st.integers(), lambda x: st.lists(x)).map(json.dumps))
def test_any_network_file_is_handled(text):
    try:
        parse_networks(text, "file")
    except SettlementError as error:
        assert "file: not a valid" in str(error)


# ---- journal

ATTEMPT = Attempt(bytes([2] * 32), b"\x02signed", 7, 1)
RECORD = Record(
    "settle-1", 31337, bytes([1] * 20), 3, bytes([5] * 20), b"data", 0, 21_000, (ATTEMPT,), "signed"
)


def test_records_survive_and_are_private(tmp_path):
    journal = Journal(tmp_path / "a" / "b")
    assert journal.load("settle-1") is None
    journal.save(RECORD)
    assert journal.load("settle-1") == RECORD
    assert stat.S_IMODE(journal.path("settle-1").stat().st_mode) == 0o600
    assert journal.advance(RECORD, "sent") == journal.load("settle-1") == replace(RECORD, state="sent")
    journal.forget(RECORD)
    assert journal.load("settle-1") is None
    assert list(journal.folder.iterdir()) == []
    with pytest.raises(ValueError, match="not a file name"):
        journal.path("../x")


def test_what_was_mined_is_read_once_and_what_is_under_way_again(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    names = [f"settle-{i}" for i in range(5)]
    for name in names:
        journal.save(replace(RECORD, intent=name, state="mined" if name < "settle-3" else "sent"))
    read, load = [], journal.load
    monkeypatch.setattr(journal, "load", lambda intent: [read.append(intent), load(intent)][1])
    for _ in range(3):
        assert [record.intent for record in journal.unfinished()] == names[3:]
    assert read == names + 2 * names[3:]
    journal.save(replace(RECORD, intent="settle-1", state="sent"))  # a reorganisation has dropped it
    journal.advance(replace(RECORD, intent="settle-3"), "mined")
    assert [record.intent for record in journal.unfinished()] == ["settle-1", "settle-4"]
    journal.forget(replace(RECORD, intent="settle-4"))
    assert [record.intent for record in journal.unfinished()] == ["settle-1"]


def test_what_was_mined_long_ago_is_forgotten(tmp_path):
    journal = Journal(tmp_path)
    ages = {"settle-1": 200, "settle-2": 200, "settle-3": 50, "withdraw-4": 200}
    for intent, age in ages.items():
        journal.save(replace(RECORD, intent=intent, state="sent" if intent == "settle-2" else "mined"))
        os.utime(journal.path(intent), (1000 - age, 1000 - age))
    assert journal.forget_mined("settle-", 900.0) == 1
    assert [record.intent for record in journal.all()] == ["settle-2", "settle-3", "withdraw-4"]


EARLIER = """{{
  "attempts": [
    {{"max_fee": 7, "priority_fee": 1, "signed": "027369676e6564", "transaction_hash": "{}"}}
  ],
  "chain_id": 31337, "data": "64617461", "gas": 21000, "intent": "settle-1", "nonce": 3,
  "receipt": {{
    "block_hash": "0x{}", "block_number": 9, "gas_price": 5, "gas_used": 20000, "succeeded": true,
    "transaction_hash": "0x{}"
  }},
  "sender": "{}", "state": "mined", "to": "{}", "value": 0
}}
""".format("02" * 32, "03" * 32, "02" * 32, "01" * 20, "05" * 20)
"""As the first versions wrote it."""


def test_earlier_versions_records_are_read(tmp_path):
    (tmp_path / "settle-1.json").write_text(EARLIER)
    mined = Mined(bytes([2] * 32), 9, bytes([3] * 32), True, 20_000, 5)
    assert Journal(tmp_path).load("settle-1") == replace(RECORD, state="mined", receipt=mined)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "lost"}, {"attempts": []}, {"intent": "settle-2"}, {"nonce": True}, {"more": 1},
        {"receipt": {}},
        {"attempts": [{"max_fee": 7, "priority_fee": 1, "signed": "", "transaction_hash": "02"}]},
    ],
)  # fmt: skip
def test_records_of_other_things_are_refused(tmp_path, change):
    (tmp_path / "settle-1.json").write_text(json.dumps(json.loads(EARLIER) | change))
    with pytest.raises(SettlementError, match="is damaged; look up the account's last transactions"):
        Journal(tmp_path).load("settle-1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_records_are_refused(tmp_path, data):
    journal = Journal(tmp_path)
    journal.save(RECORD)
    text = journal.path("settle-1").read_text()
    position = data.draw(st.integers(0, len(text) - 1))
    changed = text[:position] + data.draw(st.text(max_size=3)) + text[position + 1 :]
    journal.path("settle-1").write_text(changed)
    try:
        record = journal.load("settle-1")
    except SettlementError as error:
        assert "is damaged" in str(error)
    else:
        assert isinstance(record, Record)


# ---- deployments

WORDS, ADDRESSES = ([bytes([i] * size) for i in range(9)] for size in (32, 20))
DEPLOYMENT = Deployment(
    WORDS[1], WORDS[2], 16, 1, False, "development", ADDRESSES[3], ADDRESSES[4], ADDRESSES[8],
    WORDS[5], WORDS[6], WORDS[7],
)  # fmt: skip


def test_deployments_are_appended(tmp_path):
    deployments = Deployments(tmp_path, 31337)
    assert deployments.all() == [] and deployments.latest(bytes([1] * 32)) is None
    deployments.add(DEPLOYMENT)
    second = replace(DEPLOYMENT, settlement=bytes([9] * 20))
    deployments.add(second)
    assert deployments.all() == [DEPLOYMENT, second]
    assert deployments.latest(bytes([1] * 32)) == second
    assert deployments.path.name == "31337.json"
    assert json.loads(deployments.path.read_text())["deployments"][0]["verifier"].startswith("0x0303")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d | {"chain_id": 1},
        lambda d: d | {"version": 1},
        lambda d: d | {"deployments": 5},
        lambda d: {},
        lambda d: [],
        lambda d: d | {"deployments": [d["deployments"][0] | {"verifier": "0x12"}]},
        lambda d: d | {"deployments": [d["deployments"][0] | {"model_id": 5}]},
        lambda d: d | {"deployments": [{}]},
    ],
)
def test_damaged_deployments_are_refused(tmp_path, change):
    deployments = Deployments(tmp_path, 31337)
    deployments.add(DEPLOYMENT)
    deployments.path.write_text(json.dumps(change(json.loads(deployments.path.read_text()))))
    with pytest.raises(SettlementError, match="is damaged"):
        deployments.all()


# ---- fees


class Market:
    def __init__(self, base: int, priority: int):
        self.base_fee, self.priority_fee = lambda: base, lambda: priority


def test_fees_leave_room_and_have_a_limit():
    anvil = replace(network("anvil"), max_fee_gwei=10)
    assert Fees.suggest(Market(2 * GWEI, GWEI), anvil) == Fees(5 * GWEI, GWEI)
    assert Fees.suggest(Market(9 * GWEI, 20 * GWEI), anvil) == Fees(10 * GWEI, 5 * GWEI)
    assert Fees.suggest(Market(GWEI, 20 * GWEI), anvil) == Fees(7 * GWEI, 5 * GWEI)  # a node's idea of a tip
    assert Fees.suggest(Market(GWEI, 20 * GWEI), replace(anvil, max_tip_gwei=8)).priority_fee == 8 * GWEI
    with pytest.raises(SettlementError, match="gas costs 11.0 gwei now, more than the 10"):
        Fees.suggest(Market(11 * GWEI, 1), anvil)
