"""Settings, API keys, decisions, texts, rates: the parts of the node that stand by themselves."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from zkllm.errors import QuantizationRangeError
from zkllm.model.conversation import Conversation
from zkllm.serve.completions import _question as question_of
from zkllm.serve.decisions import Costs, Offer, Policy, decide
from zkllm.serve.guard import Rates
from zkllm.serve.keys import Client, KeysError, add_key, digest_of, load_keys
from zkllm.serve.openai_requests import ChatBody
from zkllm.serve.replies import NOT_TOLD, ApiError, for_clients
from zkllm.serve.settings import SettingsError, load_settings, parse_settings
from zkllm.serve.texts import Text
from zkllm.units import ETHER, GWEI

MODEL = {"package": "m", "name": "m"}


# ---- settings
def test_settings_are_read_from_toml_with_paths_beside_the_file(tmp_path):
    path = tmp_path / "node.toml"
    path.write_text(
        'data = "state"\n[[models]]\nname = "demo"\npackage = "demo"\n'
        "shapes = [{max_tokens = 16, new_tokens = 2}]\n"
        '[server]\nport = 9000\n[chain]\nnetwork = "anvil"\nmargin = 2.0\n'
    )
    settings = load_settings(path)
    assert settings.data_folder == tmp_path / "state" and settings.server.port == 9000
    assert settings.models[0].shapes[0].shape == (16, 2, False)
    assert settings.chain.margin == 2.0 and settings.chain.requests


WRONG = {
    "no model": ({}, "models: field required"),
    "an empty list": ({"models": []}, "models: "),
    "an unknown setting": ({"models": [MODEL], "prot": 1}, "prot: unknown setting"),
    "an unknown one within": ({"models": [MODEL], "server": {"prot": 1}}, "server.prot: unknown setting"),
    "a port as text": ({"models": [MODEL], "server": {"port": "80"}}, "server.port: input should be"),
    "a port too high": ({"models": [MODEL], "server": {"port": 70000}}, "server.port: input should be less"),
    "a name of no use": ({"models": [{"package": "m", "name": "a b"}]}, "models.1.name: is not a name"),
    "two of a name": ({"models": [MODEL, MODEL]}, "two models are called 'm'"),
    "more tokens than positions": (
        {"models": [MODEL | {"shapes": [{"max_tokens": 2, "new_tokens": 3}]}]}, "certifies more tokens",
    ),
    "others without keys": ({"models": [MODEL], "server": {"host": "0.0.0.0"}}, "needs API keys"),
    "an address of no use": (
        {"models": [MODEL], "chain": {"network": "anvil", "contract": "0x1"}}, "chain.contract: '0x1' is not",
    ),
    "a margin below 1": ({"models": [MODEL], "chain": {"network": "anvil", "margin": 0.5}}, "chain.margin: "),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_setting_of_no_use_is_named_in_one_line(case):
    data, words = WRONG[case]
    with pytest.raises(SettingsError) as caught:
        parse_settings(data, "node.toml")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_what_stands_in_a_wrong_place_is_not_repeated():
    secret = "0x" + "ab" * 32
    for chain in ({"network": "anvil", "private_key": secret}, {"network": "anvil", "poll_seconds": secret}):
        with pytest.raises(SettingsError) as caught:
            parse_settings({"models": [MODEL], "chain": chain}, "node.toml")
        assert secret not in str(caught.value)


# ---- API keys
def test_a_key_is_told_once_and_only_its_digest_is_kept(tmp_path):
    path = tmp_path / "keys"
    key = add_key(path, "alice")
    other = add_key(path, "bob", may_settle=True)
    assert key not in path.read_text() and os.stat(path).st_mode & 0o077 == 0
    assert load_keys(path) == {
        digest_of(key): Client("alice", False),
        digest_of(other): Client("bob", True),
    }
    with pytest.raises(KeysError, match="alice already"):
        add_key(path, "alice")


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 41, "anyone", "a\nb"])
def test_names_of_no_use(tmp_path, name):
    with pytest.raises(KeysError, match="a key's name"):
        add_key(tmp_path / "keys", name)


@pytest.mark.parametrize(
    "line", ["zkllm-secret", "alice secret", "alice " + "A" * 64, "a " + "0" * 64 + " rule"]
)
def test_a_damaged_file_is_refused_without_being_repeated(tmp_path, line):
    path = tmp_path / "keys"
    path.write_text(line)
    path.chmod(0o600)
    with pytest.raises(KeysError, match="line 1 is not") as caught:
        load_keys(path)
    assert "secret" not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "keys"
    add_key(path, "alice")
    path.chmod(0o644)
    with pytest.raises(KeysError, match="others can read"):
        load_keys(path)


# ---- what a client is told
REASONS = {
    str(QuantizationRangeError("x0", 8, 9)): "x0: value 9 leaves its range of 8",
    "a proof takes about 3.00 GiB; use fewer positions (--max-tokens)": "a proof takes about 3.00 GiB",
    "internal error: TypeError: 'NoneType' object": "internal error",
    "internal error: ValueError": "internal error",
    "KeyError: 'x'": NOT_TOLD,
    "/srv/m/tokenizer.json: the vocabulary cannot write 'x'": "the vocabulary cannot write 'x'",
    "m/tokenizer.json: damaged; run zkllm setup again": "damaged",
    "the shape is taken: use another one (--max-tokens)": "the shape is taken",
    "sepolia needs a node: set $ZKLLM_SEPOLIA_RPC_URL": "sepolia needs a node",
    "not enough funds; fund the account, and run the same command again": "not enough funds",
    "chat templates need more: pip install jinja2": "chat templates need more",
    "by another transaction": "by another transaction",
    "1/2 of N=16/k=1 and/or this; that": "1/2 of N=16/k=1 and/or this; that",
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_client_is_told_what_is_wrong_and_no_command(reason):
    assert for_clients(reason) == REASONS[reason]


def test_a_chat_with_a_model_that_has_no_template_is_shown_the_way_over_http():
    model = SimpleNamespace(name="demo", package=SimpleNamespace(conversation=Conversation()))
    body = ChatBody.model_validate({"model": "demo", "messages": [{"role": "user", "content": "x"}]})
    with pytest.raises(
        ApiError, match="demo has no chat template; .* to /v1/completions, as prompt"
    ) as caught:
        question_of(model, body)
    assert (caught.value.code, caught.value.param) == ("no_chat_template", "messages")


# ---- decisions
OFFER = Offer(bytes(32), bytes(32), bytes(32), 1, ETHER, 10_000, (1,), 5)
COSTS = Costs(400_000, 10 * GWEI, 0, 30.0, 20.0)
POLICY = Policy(1.5, 2.0, 100.0)


def test_the_reward_has_to_cover_the_gas_by_the_margin_to_the_wei():
    needed = int(1.5 * 400_000 * 10 * GWEI)
    at = lambda reward: decide(replace(OFFER, reward=reward), COSTS, 0, POLICY)
    assert at(needed).take and not at(needed - 1).take
    data_fee = Costs(400_000, 10 * GWEI, GWEI, 30.0, 20.0)
    assert not decide(replace(OFFER, reward=needed), data_fee, 0, POLICY).take


def test_the_deadline_leaves_room_for_those_who_wait_the_proof_and_the_transaction():
    needed = 2.0 * (30 + 20) + 100
    assert decide(OFFER, COSTS, 10_000 - int(needed), POLICY).take
    late = decide(OFFER, COSTS, 10_000 - int(needed) + 1, POLICY)
    assert not late.take and late.reason == "its deadline is 199 s away, and 200 s are needed"
    assert decide(OFFER, COSTS, 10_000, POLICY).reason == "its deadline has passed"


# ---- texts
def text_of(tokens: list[bytes], most: int = 99, stops=(), ends=()) -> tuple[list[str], Text]:
    package = SimpleNamespace(
        tokenizer=SimpleNamespace(token_bytes=tokens), conversation=SimpleNamespace(ends=ends)
    )
    text = Text(SimpleNamespace(package=package), min(most, len(tokens)), stops)
    return [text.add(i) for i in range(len(tokens))], text


def test_bytes_of_a_character_wait_for_the_rest():
    euro = "€".encode()
    pieces, text = text_of([b"a", euro[:1], euro[1:2], euro[2:], b"b"])
    assert pieces == ["a", "", "", "€", "b"] and text.reason == "length"
    cut, _ = text_of([b"a", euro[:2]])
    assert "".join(cut) == "a\ufffd"


def test_a_stop_ends_the_text_before_it_wherever_tokens_end():
    for tokens in ([b"one STOP two", b"x"], [b"one S", b"TO", b"P two"], [b"o", b"n", b"e ", b"ST", b"OP"]):
        pieces, text = text_of(tokens, stops=["STOP"])
        assert "".join(pieces) == "one " and text.reason == "stop"
    pieces, text = text_of([b"one ST", b"ART"], stops=["STOP"])
    assert "".join(pieces) == "one START" and text.reason == "length"
    pieces, _ = text_of([b"ab", b"ST"], stops=["STOP"])
    assert "".join(pieces) == "abST"


def test_an_id_that_ends_the_answer_and_tokens_beyond_what_was_asked_are_not_shown():
    pieces, text = text_of([b"a", b"b", b"<end>", b"c"], ends=(2,))
    assert "".join(pieces) == "ab" and (text.reason, text.shown) == ("stop", 3)
    pieces, text = text_of([b"a", b"b", b"c"], most=2)
    assert "".join(pieces) == "ab" and (text.reason, text.shown) == ("length", 2)


# ---- rates
def test_a_client_may_ask_so_often_a_minute_and_no_other_pays_for_it(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rates = Rates(60)
    assert all(rates.take("a") == 0 for _ in range(60))
    assert rates.take("a") == pytest.approx(1.0) and rates.take("b") == 0
    now[0] += 1.0
    assert rates.take("a") == 0 and rates.take("a") > 0
