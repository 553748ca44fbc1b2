"""Layouts of weights: what transformers loads to the same function loads here, to the same values."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from zkllm.errors import CheckpointError
from zkllm.model.checkpoint import load_checkpoint, tensor_shapes

from .conftest import DEMO

Tensors = dict[str, np.ndarray]
Change = Callable[[Tensors], Tensors | None]
BASE = "transformer."
EMBEDDING, HEAD = BASE + "wte.weight", "lm_head.weight"
IDS = np.arange(12)[None] * 7


def renamed(rule: Callable[[str], str]) -> Change:
    return lambda tensors: {rule(name): value for name, value in tensors.items()}


def copied(source: str, name: str, by: float = 0.0) -> Change:
    return lambda tensors: tensors.update({name: tensors[source] + np.float32(by)})


def head_alone(tensors: Tensors) -> None:
    tensors[HEAD] = tensors.pop(EMBEDDING)


def with_others(tensors: Tensors) -> None:
    tensors["score.weight"] = np.ones((2, 48), np.float32)
    tensors["transformer.h.3.ln_1.weight"] = np.ones(48, np.float32)  # beyond n_layer
    tensors["transformer.h.0.attn.bias"] = np.ones((1, 1, 64, 64), np.uint8)
    tensors["transformer.h.0.attn.masked_bias"] = np.array(-1e4, np.float32)
    tensors["multiple_choice_head.summary.weight"] = np.ones((1, 48), np.float32)


NAMES: dict[str, Change] = {
    "as they are": lambda tensors: None,
    "without prefix": renamed(lambda name: name.removeprefix(BASE)),
    "prefix twice": renamed(lambda name: BASE + name),
    "prefix thrice": renamed(lambda name: 2 * BASE + name),
    "torch.compile": renamed(lambda name: "_orig_mod." + name),
    "DataParallel": renamed(lambda name: "module." + name),
    "DataParallel of compiled": renamed(lambda name: "module._orig_mod." + name.removeprefix(BASE)),
    "TRL": renamed(lambda name: "pretrained_model." + name),
    "of another kind": renamed(lambda name: name.replace("attn", "self_attention")),
}
CHANGES: dict[str, Change] = {
    "all": lambda tensors: None,
    "head alone": head_alone,
    "head too": copied(EMBEDDING, HEAD),
    "another head": copied(EMBEDDING, HEAD, 0.5),
    "head in the base": copied(EMBEDDING, BASE + HEAD),
    "embedding twice": copied(EMBEDDING, BASE + EMBEDDING),
    "embeddings that differ": copied(EMBEDDING, BASE + EMBEDDING, 0.5),
    "others": with_others,
    "one lost": lambda tensors: {n: v for n, v in tensors.items() if n != "transformer.h.1.ln_2.bias"},
    "half": lambda tensors: {n: v.astype(np.float16) for n, v in tensors.items()},
    "double": lambda tensors: {n: v.astype(np.float64) for n, v in tensors.items()},
}
CONFIGS: dict[str, dict[str, object]] = {"tied": {}, "untied": {"tie_word_embeddings": False}}


def write(folder: Path, tensors: Tensors, shards: int, config: dict[str, object]) -> Path:
    folder.mkdir(parents=True)
    settings = json.loads((DEMO / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, **config}))
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    names = list(tensors)
    random.Random(shards).shuffle(names)
    parts = {f"{i}.safetensors": {n: tensors[n] for n in names[i::shards]} for i in range(shards)}
    for name, part in parts.items():
        save_file(part, folder / name)
    index = {"metadata": {}, "weight_map": {n: name for name, part in parts.items() for n in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def loads_alike(folder: Path) -> bool:
    """Whether we load it; then transformers finds every parameter, with the same values."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        ours = load_checkpoint(folder)
    except CheckpointError as error:
        assert "\n" not in str(error)
        return False
    theirs, info = transformers.GPT2LMHeadModel.from_pretrained(
        folder, dtype=torch.float64, output_loading_info=True
    )
    assert not info["missing_keys"]
    parameters = {name.removeprefix(BASE): value.numpy() for name, value in theirs.state_dict().items()}
    assert set(parameters) - {HEAD} == set(tensor_shapes(ours.architecture))
    for name in tensor_shapes(ours.architecture):
        assert (ours.tensor(name) == parameters[name]).all(), name
    assert (ours.tensor("wte.weight") == parameters[HEAD]).all()
    return True


def test_generated_layouts_load_as_transformers_loads_them(tmp_path: Path) -> None:
    accepted = set()
    original = load_file(DEMO / "model.safetensors")
    for i, (names, rename) in enumerate(NAMES.items()):
        for j, (contents, change) in enumerate(CHANGES.items()):
            for kind, config in CONFIGS.items():
                tensors = dict(original)
                tensors = change(tensors) or tensors
                tensors = rename(tensors) or tensors
                case = (names, contents, kind)
                folder = write(tmp_path / "-".join(case), tensors, 1 + (i + j) % 3, config)
                try:
                    if loads_alike(folder):
                        accepted.add(case)
                except AssertionError as error:
                    raise AssertionError(case) from error
    plain = {"as they are", "without prefix", "prefix twice"}
    refused = {"another head", "embeddings that differ", "one lost"}
    expected = {(n, c, "tied") for n in plain for c in CHANGES.keys() - refused}
    expected |= {(n, c, "untied") for n in plain for c in ("head too", "head in the base")}
    # with a prefix more, the second embedding and the head have one that transformers does not know
    expected |= {("prefix twice", "embeddings that differ", "tied")}
    expected -= {("prefix twice", "head in the base", "untied")}
    assert accepted == expected


@pytest.mark.parametrize(
    "names, contents, config, words",
    [
        ("torch.compile", "all", "tied", "wte.weight and 39 more are missing.*'_orig_mod.' .torch.compile"),
        ("DataParallel", "all", "tied", "prefix 'module.' .DataParallel"),
        ("DataParallel of compiled", "all", "tied", "torch.compile, DataParallel"),
        ("TRL", "all", "tied", "TRL"),
        ("prefix thrice", "all", "tied", "prefix 'transformer.transformer.'"),
        ("of another kind", "all", "tied", "c_attn.weight and 11 more are missing; .*self_attention"),
        ("as they are", "one lost", "tied", "tensor h.1.ln_2.bias is missing$"),
        ("as they are", "another head", "tied", "untied head"),
        ("as they are", "embeddings that differ", "tied", "stored twice, with different values"),
        (
            "as they are",
            "all",
            "untied",
            "tie_word_embeddings is false, and tensor lm_head.weight is missing",
        ),
        ("as they are", "head alone", "untied", "is false, and tensor wte.weight is missing"),
    ],
)
def test_refusals_name_the_cause(tmp_path: Path, names: str, contents: str, config: str, words: str) -> None:
    tensors = load_file(DEMO / "model.safetensors")
    tensors = CHANGES[contents](tensors) or tensors
    tensors = NAMES[names](tensors) or tensors
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(write(tmp_path / "x", tensors, 1, CONFIGS[config]))


def test_what_safetensors_itself_saves_of_a_tied_model_loads(tmp_path: Path) -> None:
    """`save_model` keeps one name of each shared tensor: the head's."""
    pytest.importorskip("torch")
    from safetensors.torch import save_model
    from transformers import GPT2LMHeadModel

    folder = write(tmp_path / "x", load_file(DEMO / "model.safetensors"), 1, {})
    save_model(GPT2LMHeadModel.from_pretrained(DEMO), folder / "model.safetensors")
    assert EMBEDDING not in load_file(folder / "model.safetensors")
    assert loads_alike(folder)


@pytest.mark.parametrize("name", ["transformer.h.0.ln_1.weight", "lm_head.weight"])
def test_integers_are_refused_by_name(tmp_path: Path, name: str) -> None:
    tensors = load_file(DEMO / "model.safetensors")
    shape = tensors[EMBEDDING if name == HEAD else name].shape
    tensors[name] = np.ones(shape, np.int8)
    with pytest.raises(CheckpointError, match="dtype I8; save it as"):
        load_checkpoint(write(tmp_path / "x", tensors, 1, {}))


def test_tensors_that_are_not_read_may_have_any_dtype(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    folder = write(tmp_path / "x", {"x": np.zeros(1)}, 1, {})
    tensors = load_file(DEMO / "model.safetensors")
    tensors["extra"] = torch.ones(3).to(torch.float8_e4m3fn)
    save_file(tensors, folder / "model.safetensors")
    assert loads_alike(folder)
    tensors["transformer.ln_f.bias"] = torch.ones(48).to(torch.float8_e4m3fn)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="dtype F8_E4M3; save it as"):
        load_checkpoint(folder)


def test_folders_without_weights_of_a_model_say_what_is_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", {"x": np.zeros(1)}, 1, {})
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="merge it into its model"):
        load_checkpoint(folder)
    (folder / "adapter_config.json").unlink()
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match="no model.safetensors .weights.safetensors would have"):
        load_checkpoint(folder)
