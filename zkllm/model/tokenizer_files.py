"""The tokenizer of a Hugging Face folder, with the ids that transformers' AutoTokenizer gives.

AutoTokenizer makes a GPT-2's tokenizer in one of two ways. As a GPT2Tokenizer, the default, it takes the
vocabulary, merges and post-processor from the folder, and the rest of the pipeline is GPT-2's own, with the
prefix space of tokenizer_config.json. As a PreTrainedTokenizerFast it takes tokenizer.json as it is. To both
it adds tokens that any of four files may name. Here the same is done without transformers: the result is one
definition in the format of tokenizer.json. What would be made otherwise is refused.

Tokenizers of other families come from tokenizer.json. Where the class that AutoTokenizer makes them with
would surround the vocabulary with something else than the file says (`tokenizer_classes`), the file is
believed, and that is told.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from zkllm.errors import TokenizerError, ZkllmWarning
from zkllm.files import JsonObject, read_json, reading
from zkllm.model.pipeline import parts
from zkllm.model.tokenizer import (
    BPE_DEFAULTS,
    ByteLevelTokenizer,
    added_around,
    assigned_ids,
    parse_definition,
    template,
)
from zkllm.model.tokenizer_classes import GPT2, VERBATIM, class_of, recipe

DEFINITION, CONFIG, SPECIAL_MAP, ADDED = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
)  # fmt: skip
TOKENIZER_FILES = (DEFINITION, CONFIG, SPECIAL_MAP, ADDED, "vocab.json", "merges.txt")

_MAX_BYTES = 1 << 28
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
# arguments of the class that stand for the files themselves, or that lead past what is done here
_FOREIGN = ("vocab", "merges", "tokenizer_object", "post_processor", "gguf_file", "init_inputs", "auto_map",
            "fast_tokenizer_files", "split_special_tokens")  # fmt: skip
_OTHER_VOCABULARIES = re.compile(r"tekken\.json|tokenizer\.model|tiktoken\.model")


@dataclass(frozen=True)
class Added:
    """A token that is found in the text before the vocabulary's; equal where all of it is, as transformers
    compares it."""

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False

    @classmethod
    def read(cls, source: str, data: object, special: bool | None = None) -> Added:
        """`special`: what it is whatever the data say."""
        options = {"single_word", "lstrip", "rstrip", "normalized", "special"}
        if not isinstance(data, dict) or not isinstance(data.get("content"), str):
            raise TokenizerError(f"{source}: an added token is damaged")
        given = {name: value for name, value in data.items() if name in options and value is not None}
        if set(data) - options - {"content", "id", "__type"} or any(
            type(v) is not bool for v in given.values()
        ):
            raise TokenizerError(f"{source}: the added token {data['content'][:40]!r} has unknown options")
        if special is not None:
            given["special"] = special
        given.setdefault("normalized", not given.get("special", False))
        return cls(data["content"], **given)


Token = str | Added  # a token by name alone becomes a special one


class _Settings:
    """The arguments with which transformers would make the tokenizer, from all files but the vocabulary."""

    def __init__(self, folder: Path, config: JsonObject, definition: JsonObject | None):
        self._folder = folder
        self.values = {k: v for k, v in config.items() if k != "tokenizer_class"}
        for name in ("additional_special_tokens", "extra_special_tokens"):
            self._require_tokens(name, self.values.get(name))
        if "additional_special_tokens" in self.values and not self.values.get("extra_special_tokens"):
            self.values["extra_special_tokens"] = self.values.pop("additional_special_tokens")
        self.decoder: dict[int, Added] = {}  # the tokens that have an id in a file
        self._by_content: dict[str, Added] = {}
        self._of_model = self._take_model_tokens()
        if "added_tokens_decoder" in self.values:
            self._read_decoder(self.values["added_tokens_decoder"])
        else:
            self._read_older_files(definition)
        self._named: dict[str, Token] = {}
        for name in _NAMED:
            if (token := self._token(name, self.values.get(name))) is not None:
                self._named[name] = self._by_content.get(_content(token), token)
        others = {n: v for n, v in self.values.items() if n not in _NAMED and n.endswith("_token")}
        tokens = {n: v for n, v in others.items() if isinstance(v, str | Added) or _is_token(v)}
        self._of_model = {**tokens, **self._of_model}
        self._extra = [self._token("extra_special_tokens", value) for value in self._extra_list()]

    def _require_tokens(self, name: str, value: object) -> None:
        if not isinstance(value, list | dict | None):
            raise TokenizerError(f"{self._folder}: {name} = {str(value)[:40]} is not a list of tokens")

    def _take_model_tokens(self) -> JsonObject:
        names = [
            n for n, v in self.values.items() if n not in _NAMED and n.endswith("_token") and type(v) is str
        ]
        tokens = {name: self.values.pop(name) for name in names}
        if isinstance(self.values.get("extra_special_tokens"), dict):
            tokens.update(self.values.pop("extra_special_tokens"))
        return tokens or self._dict(CONFIG, self.values.get("model_specific_special_tokens") or {})

    def _dict(self, name: str, data: object) -> JsonObject:
        if not isinstance(data, dict):
            raise TokenizerError(f"{self._folder / name}: is not what a tokenizer's file holds")
        return data

    def _read_decoder(self, data: object) -> None:
        for index, token in self._dict(CONFIG, data).items():
            if not str(index).isdecimal():
                raise TokenizerError(f"{self._folder / CONFIG}: {str(index)[:40]!r} is not a token id")
            self._declare(int(index), Added.read(str(self._folder / CONFIG), token))

    def _declare(self, index: int, token: Added) -> None:
        self.decoder[index] = self._by_content[token.content] = token

    def _read_older_files(self, definition: JsonObject | None) -> None:
        source = str(self._folder / SPECIAL_MAP)
        for name, value in self._dict(SPECIAL_MAP, _read_json(self._folder / SPECIAL_MAP, {})).items():
            if name == "extra_special_tokens" and isinstance(value, list):
                before = list(self.values.get(name) or [])
                tokens = [Added.read(source, v, special=True) if isinstance(v, dict) else v for v in value]
                value = before + [token for token in tokens if token not in before]
            elif isinstance(value, dict) and name != "extra_special_tokens":
                value = Added.read(source, value, special=True)
            self.values[name] = value
            if name.endswith("_special_tokens"):
                self._require_tokens(name, value)
        extra = self.values.get("extra_special_tokens")
        if isinstance(extra, dict):
            self._of_model.update(self.values.pop("extra_special_tokens"))
        special = {_content(self.values[name]) for name in _NAMED if self.values.get(name)}
        special.update(_content(token) for token in extra or [])
        for content, index in self._dict(ADDED, _read_json(self._folder / ADDED, {})).items():
            if type(index) is not int:
                raise TokenizerError(f"{self._folder / ADDED}: {str(index)[:40]!r} is not a token id")
            known = content in special
            self._declare(index, Added(content, normalized=not known, special=known))
        for token in (definition or {}).get("added_tokens") or []:
            self._declare(token["id"], Added.read(str(self._folder / DEFINITION), token))

    def _extra_list(self) -> list[object]:
        return list(
            self.values.get("extra_special_tokens", self.values.get("additional_special_tokens")) or []
        )

    def _token(self, name: str, value: object) -> Token | None:
        if value is None or isinstance(value, str | Added):
            return value
        if _is_token(value):
            return Added.read(f"{self._folder / CONFIG}", value)
        raise TokenizerError(f"{self._folder}: {name} = {str(value)[:40]} is not a token")

    def named(self, defaults: dict[str, str]) -> dict[str, Token | None]:
        """The tokens that have a part to play, by its name."""
        named = {name: self._named.get(name) for name in _NAMED}
        named.update({name: token for name, token in defaults.items() if name not in self.values})
        named.update({name: self._token(name, value) for name, value in self._of_model.items()})
        return named

    def added_to(self, present: list[Added], defaults: dict[str, str]) -> list[Added]:
        """The tokens that are given to a tokenizer that has the tokens `present`, in order."""
        named = self.named(defaults)
        tokens: list[Token] = [t for _, t in sorted(self.decoder.items()) if t not in present]
        contents = {_content(t) for t in [*present, *tokens]}
        specials = [token for token in named.values() if token is not None]
        for token in [*specials, *(token for token in self._extra if token is not None)]:
            if _content(token) not in contents:
                tokens.append(token)
        names = {_content(token) for token in specials}
        return [_as_added(token, names) for token in tokens]


def _is_token(value: object) -> bool:
    return isinstance(value, dict) and value.get("__type") == "AddedToken"


def _content(token: object) -> str:
    return token.content if isinstance(token, Added) else str(token)


def _as_added(token: Token, special: set[str]) -> Added:
    if isinstance(token, str):
        return Added(token, normalized=False, special=True)
    options = asdict(token)
    return Added(**{**options, "special": token.special or token.content in special})


def _read_json(path: Path, default: JsonObject | None) -> JsonObject | None:
    """A JSON object; `default` where there is no such file."""
    if not path.exists():
        return default
    with reading(path, "tokenizer's file", TokenizerError, "download it again"):
        return read_json(path, _MAX_BYTES)


def load_tokenizer(folder: Path, vocab_size: int) -> ByteLevelTokenizer:
    """From tokenizer.json, or from GPT-2's older pair vocab.json and merges.txt."""
    config = _read_json(folder / CONFIG, {}) or {}
    for name in _FOREIGN:
        if config.get(name) not in (None, False) and (config[name] != [] or name == "merges"):
            raise TokenizerError(f"{folder / CONFIG}: {name} is not supported; save the tokenizer without it")
    definition, kind, settings, defaults = _read_folder(folder, config)
    base = definition if definition is not None else _from_pair(folder, settings.values)
    if kind == GPT2:
        base = _as_gpt2(base, config, str(folder / DEFINITION))
    verbatim = kind == VERBATIM[0]
    complete = _with_added(base, settings, verbatim, defaults, definition is None, str(folder))
    source = folder / (DEFINITION if definition is not None else "vocab.json")
    tokenizer = ByteLevelTokenizer(json.dumps(complete, ensure_ascii=False), vocab_size, str(source))
    tokenizer.encode("")  # the merges are checked now, not when a text is first encoded
    return tokenizer


def named_tokens(folder: Path) -> dict[str, str]:
    """The tokens that have a part to play, by its name: bos_token and others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZkllmWarning)  # it is told where the tokenizer is loaded
        _, _, settings, defaults = _read_folder(folder, _read_json(folder / CONFIG, {}) or {})
    return {name: _content(token) for name, token in settings.named(defaults).items() if token is not None}


def _read_folder(
    folder: Path, config: JsonObject
) -> tuple[JsonObject | None, str, _Settings, dict[str, str]]:
    """tokenizer.json, the class that the tokenizer is made with, its settings, and the tokens that the class
    takes for granted."""
    definition = _read_json(folder / DEFINITION, None)
    if definition is not None:
        parse_definition(definition, str(folder / DEFINITION))
    kind, model_type = _class_of(folder, config, definition)
    if definition is None and (kind == VERBATIM[0] or model_type not in (None, "gpt2")):
        raise TokenizerError(
            f"{folder}: no tokenizer.json, which a {kind} is made from; it is published with the model, or "
            "made of older files (transformers: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(NEW))"
        )
    if model_type not in (None, "gpt2"):
        kind = _as_the_file_says(kind, definition or {}, config, str(folder))
    defaults = {} if kind == VERBATIM[0] else recipe(kind, config).named
    return definition, kind, _Settings(folder, config, definition), defaults


def _class_of(folder: Path, config: JsonObject, definition: JsonObject | None) -> tuple[str, str | None]:
    """The tokenizer's class, and the model's type where that is known. A GPT-2's is GPT-2's, or that of
    tokenizer.json alone."""
    model = _read_json(folder / "config.json", {}) or {}
    model_type = model.get("model_type")
    declared = config.get("tokenizer_class")
    if declared is None:
        declared = model.get("tokenizer_class")
    if model_type not in (None, "gpt2"):
        return class_of(str(model_type), declared, definition, str(folder)), str(model_type)
    if declared is None or declared in (GPT2, f"{GPT2}Fast"):
        return GPT2, model_type
    if declared not in VERBATIM:
        raise TokenizerError(
            f"{folder}: tokenizer_class = {str(declared)[:60]!r} is neither {GPT2} nor {VERBATIM[0]}"
        )
    return VERBATIM[0], model_type


def _as_the_file_says(kind: str, definition: JsonObject, config: JsonObject, source: str) -> str:
    """The class, unless it would not do what the definition says."""
    if kind == VERBATIM[0] or recipe(kind, config).is_of(definition):
        return kind
    warnings.warn(
        f"{source}: text is split as tokenizer.json says; transformers' {kind} ignores that, and may give "
        "other ids",
        ZkllmWarning,
        stacklevel=3,
    )
    return VERBATIM[0]


def _from_pair(folder: Path, values: JsonObject) -> JsonObject:
    vocabulary = _read_json(folder / "vocab.json", None)
    try:
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        lines = None
    except (OSError, ValueError):
        raise TokenizerError(f"{folder}: damaged merges.txt; download it again") from None
    if vocabulary is None or lines is None:
        raise TokenizerError(f"{folder}: no tokenizer.json, and no vocab.json with merges.txt")
    if others := sorted(p.name for p in folder.iterdir() if _OTHER_VOCABULARIES.search(p.name)):
        raise TokenizerError(f"{folder}: {others[0]} is another tokenizer beside vocab.json; remove one")
    if not isinstance(vocabulary, dict):
        raise TokenizerError(f"{folder / 'vocab.json'}: is not a vocabulary")
    rules = [line for line in lines if line and not line.startswith("#version")]
    return {"model": {"vocab": vocabulary, "merges": rules}}


def _as_gpt2(base: JsonObject, config: JsonObject, source: str) -> JsonObject:
    """Vocabulary, merges and post-processor of `base`, in GPT-2's pipeline."""
    given = "pre_tokenizer" in base  # else there is a pair of files, which says nothing of it
    levels = parts(base.get("pre_tokenizer"), "pretokenizers")
    plain = [level["type"] for level in levels] == ["ByteLevel"] and levels[0].get("use_regex", True) is True
    if parts(base.get("normalizer"), "normalizers"):
        raise TokenizerError(f"{source}: a normalizer changes the text and is refused")
    if (given and not plain) or base["model"].get("ignore_merges"):
        raise TokenizerError(
            f"{source}: is not split as a {GPT2} splits; name {VERBATIM[0]} as tokenizer_class"
        )
    prefix = config.get("add_prefix_space", False)
    if type(prefix) is not bool:
        raise TokenizerError(f"{source}: add_prefix_space = {str(prefix)[:40]!r} is not true or false")
    level = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True}
    model = {**BPE_DEFAULTS, "vocab": base["model"]["vocab"], "merges": base["model"]["merges"]}
    return {"pre_tokenizer": level, "post_processor": base.get("post_processor"), "model": model}


def _with_added(
    base: JsonObject,
    settings: _Settings,
    verbatim: bool,
    defaults: dict[str, str],
    from_pair: bool,
    source: str,
) -> JsonObject:
    """The definition with every token that transformers adds. It takes no notice of the ids in the files: new
    tokens get the next ones."""
    present = base.get("added_tokens") or [] if verbatim else []
    tokens = [Added.read(source, token) for token in present]
    tokens += settings.added_to(tokens, defaults)
    last = {token.content: token for token in tokens if token.content}
    ids = assigned_ids(base["model"]["vocab"], list(last))
    declared = {token.content: index for index, token in settings.decoder.items()}
    for content, index in [*declared.items(), *((token["content"], token["id"]) for token in present)]:
        if ids.get(content, index) != index:
            raise TokenizerError(
                f"{source}: the added token {content[:40]!r} has id {index} in the files, but transformers "
                f"gives it {ids[content]}; save the tokenizer again"
            )
    if from_pair:
        named = settings.named(defaults)
        around = [
            [ids[_plain(source, named[f"{name}_token"])]]
            if settings.values.get(f"add_{name}_token") and named[f"{name}_token"]
            else []
            for name in ("bos", "eos")
        ]
    else:
        around = list(added_around(base.get("post_processor"), source))
    merges = [m.split(" ") if isinstance(m, str) else m for m in base["model"]["merges"]]
    level = base["pre_tokenizer"]
    byte_level = isinstance(level, dict) and level["type"] == "ByteLevel"
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": ids[content], **asdict(token)} for content, token in last.items()],
        "normalizer": base.get("normalizer") if parts(base.get("normalizer"), "normalizers") else None,
        "pre_tokenizer": level,
        "decoder": level if byte_level else base["decoder"],
        "post_processor": template(*around), "model": {**base["model"], "merges": merges},
    }  # fmt: skip


def _plain(source: str, token: object) -> str:
    """A token that transformers can write into a template."""
    content = _content(token)
    if not content or content.startswith("$") or re.search(r"[\s:]", content):
        raise TokenizerError(f"{source}: {content[:40]!r} cannot be put before or after a prompt")
    return content
