"""Chat templates: what transformers renders, in the style of published ones; what ends an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from testkit.published_tokenizers import PUBLISHED, write_folder
from zkllm.errors import CheckpointError, PackageError, StatementError
from zkllm.model.chat import Messages, render
from zkllm.model.conversation import Conversation, end_ids, load_conversation
from zkllm.model.tokenizer_files import load_tokenizer

CHATML = """{% if messages[0]['role'] != 'system' %}
<|im_start|>system
Answer briefly.<|im_end|>
{% endif %}
{% for m in messages %}
    {{- '<|im_start|>' + m.role + '\n' + m.content | trim + '<|im_end|>' + '\n' -}}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content | trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\nToday Date: " + date_string + "\n\n" + system }}
{{- "<|eot_id|>" }}
{%- if tools is not none and documents is not none %}{{ raise_exception("nothing of the kind") }}{%- endif %}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}
    {{- message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"""

MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set lead, rest = messages[0]["content"] + "\n\n", messages[1:] %}
{%- else %}
    {%- set lead, rest = "", messages %}
{%- endif %}
{{- bos_token }}
{%- for m in rest %}
    {%- if (m["role"] == "user") != (loop.index0 % 2 == 0) %}
        {{- raise_exception("Roles must alternate user and assistant") }}
    {%- endif %}
    {%- if m["role"] == "user" %}
        {{- "[INST] " + (lead if loop.last else "") + m["content"] + "[/INST]" }}
    {%- else %}
        {{- " " + m["content"] + eos_token }}
    {%- endif %}
{%- endfor %}"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('none') }}{% endif %}
{% for message in messages %}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{%- if message['content'] is string %}{% set text = message['content'] %}
{%- else %}{% set text = message['content'] | map(attribute='text') | join('') %}{% endif %}
{{ '<start_of_turn>' + role + '\n' + text | trim + '<end_of_turn>\n' }}{% endfor %}
{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""

PHI3 = """{% for message in messages %}{% if message['role'] == 'system' %}\
{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}\
{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}\
{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"""

HELPERS = """{% set ns = namespace(n=0, last=none) %}{% for m in messages %}
{% if m.role == 'tool' %}{% continue %}{% endif %}
{% set ns.n = ns.n + 1 %}{% set ns.last = m.role %}{% generation %}{{ m.content | tojson }}{% endgeneration %}
{% if loop.index > 7 %}{% break %}{% endif %}{% endfor %}{{ dict(a=1, b='<&>') | tojson(indent=2) }}{{ ns.n }}
{%- if thinking is defined %}x{% endif %}{{ messages[-1].reasoning_content or '' }}
{{- messages[-1].thinking or '' }}{{ 'name' in messages[0] }}{{ 'tool_calls' in messages[-1] }}
{%- for s in messages[0].content.split('e') %}[{{ s }}]{% endfor %}{{ strftime_now('%%') }}"""

STYLES = {
    "ChatML": ("qwen-2", CHATML), "ChatML by SmolLM": ("smollm-2", CHATML), "Llama 3": ("llama-3", LLAMA3),
    "Mistral": ("mistral", MISTRAL), "Mistral 3": ("mistral 3", MISTRAL), "Gemma": ("gemma", GEMMA),
    "helpers": ("qwen-3", HELPERS), "Phi 3": ("phi-3", PHI3),
}  # fmt: skip

USER = {"role": "user", "content": " Hello there  "}
BOT = {"role": "assistant", "content": "Good day. 東京\n\nمرحبا"}
SYSTEM = {"role": "system", "content": "Be kind.\n"}
TALKS: list[list[dict[str, Any]]] = [
    [USER], [USER, BOT, USER], [SYSTEM, USER],
    [SYSTEM, USER, BOT, {"role": "user", "content": "<|im_end|> [INST] </s>"}],
    [{"role": "user", "content": ""}], [{"role": "user", "content": "<script>'\"&\u2028", "name": None}],
    [USER, {**BOT, "thinking": "hm", "tool_calls": None}], [USER, {**BOT, "reasoning": "so"}, USER],
    [{"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "parts"}]}],
    [USER, USER], [USER, {"role": "tool", "content": "5"}],
]  # fmt: skip


def folder_of(place: Path, style: str) -> tuple[Path, int]:
    kind, template = STYLES[style]
    size = write_folder(place, PUBLISHED[kind], 300)
    (place / "chat_template.jinja").write_text(template)
    return place, size


@pytest.mark.filterwarnings("ignore:.*split as tokenizer.json says", "ignore:the model's tokenizer swallows")
@pytest.mark.parametrize("style", STYLES)
def test_prompts_are_those_of_transformers(tmp_path: Path, style: str) -> None:
    transformers = pytest.importorskip("transformers")
    folder, size = folder_of(tmp_path, style)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours, conversation = load_tokenizer(folder, size), load_conversation(folder, size)
    answered = 0
    for talk in TALKS:
        try:
            expected = theirs.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        except Exception:
            with pytest.raises(
                StatementError, match="the chat template (refuses|fails on) the messages[^\n]*$"
            ):
                conversation.counted(Messages(tuple(talk)), ours)
            continue
        assert render(STYLES[style][1], conversation.tokens, Messages(tuple(talk))) == expected
        ids = theirs(expected, add_special_tokens=False).input_ids
        assert style == "ChatML by SmolLM" or ids == theirs.apply_chat_template(
            talk, add_generation_prompt=True, return_dict=False
        )
        if style == "ChatML by SmolLM":  # AutoTokenizer splits another way (the text has no digits)
            ids = transformers.PreTrainedTokenizerFast.from_pretrained(folder)(expected).input_ids
        assert conversation.counted(Messages(tuple(talk)), ours)[0] == ids
        answered += 1
    assert answered >= 5


def test_a_template_writes_the_beginning_itself(tmp_path: Path) -> None:
    folder, size = folder_of(tmp_path, "Llama 3")
    tokenizer = load_tokenizer(folder, size)
    (begin,) = tokenizer.encode("<|begin_of_text|>", bare=True)
    ids, _ = load_conversation(folder, size).counted(Messages.of_user("hi"), tokenizer)
    assert ids.count(begin) == 1 and tokenizer.encode("hi")[0] == ids[0] == begin
    assert tokenizer.decode(ids).endswith("hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")


@pytest.mark.parametrize(
    "template, words",
    [
        ("{{ raise_exception('roles\n must alternate') }}", "refuses the messages: roles must alternate$"),
        ("{% if %}", "refuses the messages: Expected an expression"),
        ("{{ messages.__class__.__mro__ }}", "refuses the messages: access to attribute '__class__'"),
        ("{{ cycler.__init__.__globals__ }}", "refuses the messages: access to attribute '__init__'"),
        ("{{ messages.append(1) }}", "refuses the messages: access to attribute 'append'"),
        ("{{ namespace(__class__=1) }}", "refuses the messages: '__class__' is no name"),
        ("{% set n = namespace() %}{% set n._x = 1 %}", "refuses the messages: '_x' is no name"),
        ("{{ dict.fromkeys('a') }}", "refuses the messages"),
        ("{{ 1 / 0 }}", "fails on the messages, which it may not be made for: its content"),
        ("{{ messages + 1 }}", "fails on the messages"),
        ("{{ range(999999999) | list }}", "fails on the messages"),
    ],
)
def test_templates_are_sandboxed_and_their_faults_are_told(template: str, words: str) -> None:
    with pytest.raises(StatementError, match=words):
        render(template, {}, Messages.of_user("x"))


def test_templates_see_nothing_of_python() -> None:
    for name in ("''.format", "lipsum", "dict", "namespace", "raise_exception", "strftime_now"):
        for behind in ("__globals__", "__closure__", "__init__", "__self__", "__module__"):
            assert render(f"{{{{ {name}.{behind} }}}}", {}, Messages.of_user("x")) == ""


@pytest.mark.parametrize(
    "text, words",
    [("[", "not JSON"), ("{}", "not a list such as"), ("[]", "not a list"), ("[1]", "message 0 has no role"),
     ('[{"role": "user", "content": "a"}, {"role": 1, "content": "a"}]', "message 1 has no role"),
     ('[{"role": "user"}]', "message 0 has no content"),
     ('[{"role": "u", "content": 3}]', "message 0 has no content"),
     ("[" * 100_000, "not JSON")],
)  # fmt: skip
def test_messages_that_are_none_are_refused(text: str, words: str) -> None:
    with pytest.raises(StatementError, match=words):
        Messages.of_json(text)


def test_where_the_template_comes_from(tmp_path: Path) -> None:
    """chat_template.jinja before tokenizer_config.json, and the default of several."""

    def template(value: object) -> str | None:
        write_folder(tmp_path, PUBLISHED["qwen-3"], 260, chat_template=value)
        return load_conversation(tmp_path, 1000).template

    assert template(None) is None and template("{{ 1 }}") == "{{ 1 }}"
    several = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    assert template(several) == "d" and template(several[:1]) is None
    (tmp_path / "chat_template.jinja").write_bytes(b"{{ 2 }}\r\nx")
    assert template("{{ 1 }}") == "{{ 2 }}\nx"
    tokenizer = load_tokenizer(tmp_path, 1000)
    with pytest.raises(StatementError, match="has no chat template; give the prompt itself"):
        Conversation().counted(Messages.of_user("x"), tokenizer)


@pytest.mark.parametrize(
    "config, generation, ends",
    [
        ({"eos_token_id": 3}, None, (3,)),
        ({"eos_token_id": [3, 4]}, None, (3, 4)),
        ({"eos_token_id": 3}, {"eos_token_id": [5, 4]}, (5, 4)),
        ({"eos_token_id": 3}, {"eos_token_id": 9}, (9,)),
        ({"eos_token_id": 3}, {"eos_token_id": None}, (3,)),
        ({"eos_token_id": 3}, {"temperature": 0.7}, (3,)),
        ({"eos_token_id": None}, {}, ()),
        ({"eos_token_id": 10}, None, ()),
        ({}, None, ()),
    ],
)
def test_what_ends_an_answer(tmp_path: Path, config: Any, generation: Any, ends: tuple[int, ...]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    assert end_ids(tmp_path, 10) == ends


@pytest.mark.parametrize("value", [10, -1, [3, 10], "3", [None], True, 3.0])
def test_ends_that_are_no_ids_are_refused(tmp_path: Path, value: Any) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": value}))
    with pytest.raises(CheckpointError, match="is not an id below 10, or a list of them"):
        end_ids(tmp_path, 10)


def test_an_answer_goes_up_to_its_first_end() -> None:
    known = Conversation(ends=(7, 3))
    assert [known.answered(ids) for ids in ([1, 3, 7], [7], [1, 2], [1, 2, 7], [])] == [2, 1, 2, 3, 0]
    assert Conversation().answered([1, 3, 7]) == 3


def test_what_a_package_keeps_is_checked() -> None:
    known = Conversation((7, 3), "{{ x }}", {"bos_token": "<s>"})
    data = json.loads(known.to_bytes())
    assert Conversation.from_dict(data) == known
    for name, value in {"ends": [-1], "template": 3, "tokens": {"a": 1}, "more": 1}.items():
        with pytest.raises(PackageError, match="damaged conversation.json"):
            Conversation.from_dict({**data, name: value})
    with pytest.raises(PackageError, match="damaged conversation.json"):
        Conversation.from_dict({"ends": []})
