"""Real keys, proofs and files where a shape, a prompt or a package is at an end of what is allowed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from testkit.checkpoints import write_checkpoint
from zkllm import api
from zkllm.errors import PackageError
from zkllm.model.build import BuildOptions, build_package
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import QuantizerOptions
from zkllm.shape_protocol import protocol_of

pytestmark = pytest.mark.long

END = 300  # <|endoftext|>: the highest id and the pad id


@pytest.fixture(scope="module")
def odd(package: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return ModelPackage.load(
        shutil.copytree(package, tmp_path_factory.mktemp("odd") / "package")
    )  # it gets keys of more shapes


def answered(package: ModelPackage, tokens: list[int], certified: int, rows: int) -> api.ProofResult:
    """Proves and verifies; the answer is what the program generates."""
    result = api.prove(package, tokens=tokens, certified=certified, rows=rows)
    api.verify(result.proof.to_bytes(), result.verifying_key)
    assert result.prompt_ids == tokens and len(result.answer_ids) == certified
    assert result.statement == api.answer(package, tokens, certified, rows)
    return result


def test_one_row(odd: ModelPackage) -> None:
    """One token in, one out: nothing is padded."""
    result = answered(odd, [END], 1, 1)
    assert (result.proof.N, result.proof.T) == (1, 1)


def test_every_row_certified(odd: ModelPackage) -> None:
    result = answered(odd, [72], 8, 8)
    assert result.proof.k == result.proof.N == result.proof.T == 8


@pytest.mark.parametrize(
    "tokens",
    [[END] * 8, [299, END, 1, 0, 72, 72, 0, 0]],
    ids=str,
)
def test_special_ids(odd: ModelPackage, tokens: list[int]) -> None:
    """0, the highest id, the pad id inside the prompt, repeated ids, up to the last row."""
    assert odd.config.pad_id == END == odd.config.vocab_size - 1
    answered(odd, tokens, 1, 8)


def with_options(tmp_path: Path, mu: int, **slots: int) -> ModelPackage:
    checkpoint = write_checkpoint(tmp_path / "model", layers=3, heads=2, width=48, vocab_size=270, n_ctx=8)
    options = BuildOptions(quantizer=QuantizerOptions(mu=mu, **slots), rows=3)
    package = build_package(checkpoint, tmp_path / "package", options)
    api.setup_keys(package, 3)
    return package


def test_nothing_packed(tmp_path: Path) -> None:
    """C = 1: one value a coefficient; and a column that is mostly empty."""
    package = with_options(tmp_path, 20, slots=1, inner_slots=1, vocab_slots=1)
    assert package.config.slots == package.config.inner_slots == package.config.vocab_slots == 1
    answered(package, [0, 269], 1, 3)


def test_short_columns(tmp_path: Path) -> None:
    """Many, some of them layered."""
    package = with_options(tmp_path, 12)
    protocol = protocol_of(package, 3, 1)
    layered = [g for g in range(protocol.fixed.num_columns) if protocol.fixed.outer_of(g)]
    assert 0 < len(layered) < protocol.fixed.num_columns
    answered(package, [0, 269], 1, 3)


def test_mu_outside_is_refused_before_work(run, checkpoint: Path, tmp_path: Path) -> None:
    for mu in ("9", "26"):
        assert run("setup", checkpoint, "--out", tmp_path / "p", "--mu", mu).code == 2
    with pytest.raises(PackageError, match="mu = 26"):
        api.setup(checkpoint, tmp_path / "p", mu=26)
    assert not (tmp_path / "p").exists()


def test_memory_budget(run, package: Path, tmp_path: Path) -> None:
    out = tmp_path / "proof"
    command = ["prove", package, "--tokens", "72", "--out", out, "--memory-budget"]
    run(*command, "64MiB").failed_in_one_line("more than the budget of 0.06 GiB", "--max-tokens", "--mu")
    assert not out.exists()
    assert run(*command, "4G").code == 0 and out.exists()
    assert run(*command, "lots").code == 2
    copy = shutil.copytree(package, tmp_path / "copy", ignore=shutil.ignore_patterns("keys"))
    checkpoint = (package / "checkpoint.txt").read_text().strip()
    refused = run("setup", checkpoint, "--out", copy, "--max-tokens", 8, "--memory-budget", "0.1G")
    assert refused.code == 1 and "budget of 0.10 GiB" in refused.err
    assert not (copy / "keys" / "setup.json").exists()


def test_a_shape_s_protocol_is_made_once(odd: ModelPackage) -> None:
    assert protocol_of(odd, 3, 1) is protocol_of(odd, 3, 1) is not protocol_of(odd, 3, 2)
