"""Chats from the command line: the template's prompt, the answer up to what ends it, in one package."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome, Run
from zkllm import api
from zkllm.cli.text import quote
from zkllm.model.package import ModelPackage
from zkllm.settle.rpc import Rpc

pytestmark = pytest.mark.slow

TEMPLATE = "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}\n{% endfor %}{{ eos_token }}"
END = 300  # <|endoftext|>
K = 4
TEXT = "dd"


@pytest.fixture(scope="module")
def talking(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose answer to TEXT ends with its second token."""
    folder = Path(shutil.copytree(checkpoint, tmp_path_factory.mktemp("talking") / "talking"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    first = api.setup(folder, folder.with_name("first"), rows=12)
    answer = list(api.answer(first, prompt_of(first, TEXT), K, 12).answer)
    assert answer[1] not in (END, answer[0])
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [END, answer[1]]}))
    return folder


@pytest.fixture(scope="module")
def talker(talking: Path) -> Path:
    return api.setup(talking, talking.with_name("package"), rows=12).folder


def prompt_of(package: ModelPackage, text: str) -> list[int]:
    return [*package.tokenizer.encode(f"u:{text}\n"), END]


def test_a_chat_is_proved_and_shown_up_to_its_end(run: Run, talker: Path, tmp_path: Path) -> None:
    package, out = ModelPackage.load(talker), tmp_path / "a.zkllm"
    data = run("prove", talker, "--chat", TEXT, "--new-tokens", K, "--out", out, "--json").json
    assert data["prompt_ids"] == prompt_of(package, TEXT)
    answer = list(api.answer(package, data["prompt_ids"], K, 12).answer)
    assert [token["id"] for token in data["tokens"]] == answer[:2] and answer[1] in package.conversation.ends
    assert data["ended"] is True and data["answer"] == package.tokenizer.decode(answer[:2])
    proved = run("verify", out, "--model", talker, "--json").json
    assert proved["k"] == K and proved["answer_ids"] == answer  # all that is certified
    text = run("prove", talker, "--chat", TEXT, "--new-tokens", K, "--out", out).out
    assert f"it ends there; {K - 2} more are certified and no part of it" in text
    assert f"answer   {quote(data['answer'])}\ntokens   " in text
    one = run("prove", talker, "--chat", TEXT, "--out", out, "--json").json
    assert one["ended"] is False and len(one["tokens"]) == 1


def test_messages_are_the_same_prompt(run: Run, talker: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "talk.json", tmp_path / "a.zkllm"
    file.write_text(json.dumps([{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]))
    data = run("prove", talker, "--messages", file, "--out", out, "--json").json
    tokenizer = ModelPackage.load(talker).tokenizer
    assert tokenizer.decode(data["prompt_ids"]) == "u:a\nb:b\n<|endoftext|>"
    file.write_text("[]")
    refused = run("prove", talker, "--messages", file, "--out", out)
    assert refused.code == 2 and "not a list such as" in refused.err
    both = run("prove", talker, "--chat", "a", "--tokens", "1", "--out", out)
    assert both.code == 2 and "not allowed with" in both.err


def test_a_model_without_a_template_says_so(run: Run, package: Path, tmp_path: Path) -> None:
    refused = run("prove", package, "--chat", "hi", "--out", tmp_path / "x")
    refused.failed_in_one_line("has no chat template; give the prompt itself (--prompt)")


def test_what_ends_an_answer_is_part_of_the_package(
    run: Run, talking: Path, talker: Path, tmp_path: Path
) -> None:
    run("setup", talking, "--out", talker, "--check", "--quiet")
    other = Path(shutil.copytree(talking, tmp_path / "other"))
    (other / "generation_config.json").write_text('{"eos_token_id": 1}')
    refused = run("setup", other, "--out", talker, "--check")
    refused.failed_in_one_line("what ends an answer is not the checkpoint's")
    damaged = Path(shutil.copytree(talker, tmp_path / "damaged"))
    (damaged / "conversation.json").write_text('{"ends":[1],"template":null,"tokens":{}}')
    run("prove", damaged, "--chat", "hi", "--out", tmp_path / "x").failed_in_one_line(
        "conversation.json is damaged"
    )
    (other / "generation_config.json").write_text('{"eos_token_id": "x"}')
    out = tmp_path / "new"
    run("setup", other, "--out", out).failed_in_one_line("eos_token_id = x is not an id below 301")
    assert not (out / "weights").exists()


def test_a_package_without_the_file_is_what_it_was(checkpoint: Path, tmp_path: Path) -> None:
    """One of an earlier version: nothing ends an answer, and it is still the checkpoint's."""
    made = api.setup(checkpoint, tmp_path / "package", rows=8)
    assert made.conversation.ends == (END,)
    manifest = json.loads((made.folder / "manifest.json").read_text())
    del manifest["files"]["conversation.json"]
    (made.folder / "conversation.json").unlink()
    from zkllm.files import canonical_json

    (made.folder / "manifest.json").write_bytes(canonical_json(manifest))
    shutil.rmtree(made.folder / "keys")
    older = ModelPackage.load(made.folder)
    api.setup_keys(older, 8)
    assert older.conversation.ends == () and older.conversation.answered([END, 1]) == 2
    assert api.check_setup(checkpoint, made.folder).model_id == api.open_setup(older).model_id


def test_a_chat_is_asked_for_settled_and_shown(run: Run, talker: Path, chain: Rpc, tmp_path: Path) -> None:
    def settle(*words: object) -> Outcome:
        common = ("--network", "anvil", "--home", tmp_path / "home", "--quiet", "--model", talker)
        return run("settle", *words[:1], *common, *words[1:], "--json")

    assert settle("deploy").json["registered"]
    request = settle("request", "--chat", TEXT, "--reward", "0.5").json["request_id"]
    file = tmp_path / "talk.json"
    file.write_text(json.dumps([{"role": "user", "content": TEXT}]))
    done = run("settle", "--network", "anvil", "--home", tmp_path / "home", "--quiet", "--model", talker,
               "--messages", file, "--request", request, "--json")  # fmt: skip
    assert done.code == 0, done.err
    claim = done.json["claim_id"]
    assert settle("status", "--chat", TEXT).json["claim_id"] == claim
    shown = settle("show", claim, "--chat", TEXT)
    assert (
        shown.json["claims"][0] | {"claim_id": claim, "answers_the_prompt": True} == shown.json["claims"][0]
    )
    settle("show", claim, "--chat", TEXT + "!").failed_in_one_line(
        "is not this model's answer to this prompt"
    )


def test_the_demo_of_a_model_without_a_template(run: Run, tmp_path: Path) -> None:
    run("demo", "--chat", "hello", "--home", tmp_path).failed_in_one_line("no chat template", "--prompt")
