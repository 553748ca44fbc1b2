"""IgLM's pickled files become a folder that is read like any other, whose tokens keep their ids."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from scripts.models import iglm
from scripts.models.iglm import CONFIG, VOCABULARY, WHEEL, convert
from scripts.models.published import Refused
from zkllm.model.folder import load_folder

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"ACDEFGHIKLMNPQRSTVWY", *iglm.SPECIES, *iglm.CHAINS]
SHAPE = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16, "vocab_size": len(TOKENS)}

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the package's: a pickle with the masks of old versions, and ids beyond the vocabulary."""
    monkeypatch.setattr(iglm, "LONGEST", 8)
    torch.manual_seed(1)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**SHAPE, bos_token_id=0, eos_token_id=0))
    weights = dict(model.state_dict()) | {"transformer.h.0.attn.masked_bias": torch.tensor(-1e4)}
    return written(tmp_path, weights)


def written(folder: Path, weights: object) -> Path:
    torch.save(weights, folder / "weights.bin")
    config = SHAPE | {"model_type": "gpt2", "bos_token_id": 50256, "eos_token_id": 50256}
    with zipfile.ZipFile(folder / "iglm.whl", "w") as archive:
        archive.write(folder / "weights.bin", WHEEL.member)
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(VOCABULARY, "\n".join(TOKENS))
    return folder / "iglm.whl"


def test_the_folder_is_one_that_zkllm_takes(wheel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(wheel, out)
    checkpoint, tokenizer = load_folder(out)
    assert (checkpoint.gpt2.n_ctx, checkpoint.gpt2.pad_id) == (16, 0)
    text = "[HEAVY][HUMAN]EVQLVESGG[CLS]"
    assert tokenizer.encode(text) == [TOKENS.index(x) for x in ("[HEAVY]", "[HUMAN]", *"EVQLVESGG", "[CLS]")]
    drawn = (out / "calibration.txt").read_text()
    assert drawn.startswith("[HEAVY][HUMAN]") and drawn.count("[HEAVY]") >= 24 and "[PAD]" not in drawn
    assert len(tokenizer.encode(drawn)) > 48 * 3
    again = tmp_path / "again"
    convert(wheel, again)
    assert (again / "calibration.txt").read_text() == drawn


def test_tensors_that_are_missing_or_too_many_are_refused(wheel: Path, tmp_path: Path) -> None:
    weights = torch.load(tmp_path / "weights.bin", weights_only=True)
    for changed in (
        weights | {"x.weight": torch.zeros(1)},
        {k: v for k, v in weights.items() if "ln_f" not in k},
    ):
        with pytest.raises(Refused, match="missing or too many: .*(x.weight|ln_f)"):
            convert(written(tmp_path, changed), tmp_path / "out")


def test_a_pickle_that_would_run_code_is_not_opened(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="(?i)weights.only"):
        convert(written(tmp_path, Path("x")), tmp_path / "out")
