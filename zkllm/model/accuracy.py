"""The integer program against the float model (Hugging Face, torch), on a text.

Quantisation is not part of what is proved; this is how it is measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import exp, fsum, sqrt
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.files import JsonObject, read_json
from zkllm.model.architecture import load_architecture
from zkllm.model.build import stage_of
from zkllm.model.calibrate import default_ids, random_sequences, text_ids, text_sequences
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.execution import trace
from zkllm.model.family import family_of
from zkllm.model.hub import find_checkpoint
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.noise import Cost, costs, divergence, log_softmax
from zkllm.model.package import ModelPackage
from zkllm.model.ranges import RangeReport, RangeRow, format_rows
from zkllm.model.trace import Trace
from zkllm.requirements import FLOAT_MODEL, install

_CLASSES = {"gpt2": "GPT2LMHeadModel", "llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM",
            "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM", "gemma": "GemmaForCausalLM",
            "gemma2": "Gemma2ForCausalLM", "gemma3_text": "Gemma3ForCausalLM", "phi3": "Phi3ForCausalLM",
            "gpt_neox": "GPTNeoXForCausalLM"}  # fmt: skip
"""Of transformers, by model type."""
_WINDOW, _SEED = 64, 2  # the calibration's random ids are of seed 1
_LAYERS = 5  # that are named


@dataclass
class AccuracyReport:
    """Over `tokens` positions: agreement of the argmax, divergence, logit errors, cosines of the residual
    stream; perplexities over the `predicted` tokens that follow a position of their window."""

    measured_on: str = ""
    tokens: int = 0
    agreeing: int = 0
    kl_sum: float = 0.0  # of the float model's distribution from the program's, nats
    kl_max: float = 0.0
    predicted: int = 0
    float_loss: float = 0.0  # nats, summed
    program_loss: float = 0.0
    logit_max_error: float = 0.0
    logit_square_error: float = 0.0  # summed over tokens, mean over the vocabulary
    cosines: list[list[float]] = field(default_factory=list)  # by layer and position
    ranges: list[RangeRow] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)  # of rounding each tensor, over `costed` positions
    costed: int = 0

    @property
    def kl(self) -> float:
        return self.kl_sum / self.tokens

    @property
    def perplexities(self) -> tuple[float, float] | None:
        """Of the float model and of the program; None where no token is predicted."""
        if not self.predicted:
            return None
        return exp(self.float_loss / self.predicted), exp(self.program_loss / self.predicted)

    @property
    def agreement(self) -> float:
        return self.agreeing / self.tokens

    @property
    def logit_rms_error(self) -> float:
        return sqrt(self.logit_square_error / self.tokens)

    @property
    def cosine_mean(self) -> list[float]:
        return [fsum(of) / len(of) for of in self.cosines]

    @property
    def cosine_min(self) -> list[float]:
        """By layer, the worst token's."""
        return [min(of) for of in self.cosines]

    @property
    def cosine_hundredth(self) -> list[float]:
        """By layer, what one token in a hundred is below."""
        return [sorted(of)[len(of) // 100] for of in self.cosines]

    def to_dict(self) -> JsonObject:
        return {
            "measured_on": self.measured_on, "tokens": self.tokens, "top1_agreement": self.agreement,
            "kl_mean": self.kl, "kl_max": self.kl_max,
            "perplexity": dict(zip(("float", "program"), self.perplexities or (None, None), strict=True)),
            "logit_max_error": self.logit_max_error, "logit_rms_error": self.logit_rms_error,
            "layer_cosine_min": self.cosine_min, "layer_cosine_hundredth": self.cosine_hundredth,
            "layer_cosine_mean": self.cosine_mean,
            "ranges": [row.to_dict() for row in self.ranges],
            "costs": {"tokens": self.costed, "rounding": [cost.to_dict() for cost in self.costs]},
        }  # fmt: skip

    def format(self) -> str:
        lines = [
            f"measured on      {self.measured_on}",
            f"top-1 agreement  {self.agreement:.2%} of {self.tokens} positions",
            *self._perplexity_lines(),
            f"KL divergence    mean {self.kl:.2e}, largest {self.kl_max:.2e} nats",
            f"logit error      rms {self.logit_rms_error:.4f}, largest {self.logit_max_error:.4f}",
            "cosine of the residual stream after each layer (mean, below it one token in 100, worst token)",
        ]
        by_layer = zip(self.cosine_mean, self.cosine_hundredth, self.cosine_min, strict=True)
        for l, (mean, low, worst) in enumerate(by_layer):
            lines.append(f"  layer {l:3}  {mean:.7f}  {low:.7f}  {worst:.7f}")
        lines += [*self._cost_lines(), "tensors nearest to their bounds", format_rows(self.ranges)]
        return "\n".join(lines)

    def _perplexity_lines(self) -> list[str]:
        if self.perplexities is None:
            return []
        exact, program = self.perplexities
        return [f"perplexity       {exact:.4f} (float), {program:.4f} (program): {program / exact - 1:+.3%}"]

    def _cost_lines(self) -> list[str]:
        """What rounding costs by tensor, and the dearest by layer."""
        if not self.costs:
            return []
        by_tensor = [cost for cost in self.costs if cost.layer is None]
        layers = sorted((c for c in self.costs if c.layer is not None), key=lambda cost: -cost.kl)
        total = sum(cost.kl for cost in by_tensor) or 1.0
        lines = [f"what rounding costs, a tensor at a time (KL in nats, {self.costed} positions)"]
        lines += [f"  {cost.tensor:8}  {cost.kl:.2e}  {cost.kl / total:6.1%}" for cost in by_tensor]
        listed = ", ".join(f"{cost.layer} ({cost.kl:.1e})" for cost in layers[:_LAYERS])
        return [*lines, f"  {by_tensor[0].tensor} costs most in layers {listed}"]


def require_float_model() -> None:
    """A CheckpointError where torch or transformers is missing."""
    if any(find_spec(module) is None for module in FLOAT_MODEL):
        raise CheckpointError(f"the float model needs torch and transformers: {install(*FLOAT_MODEL)}")


class FloatReference:
    """The checkpoint as `transformers` runs it, in float32."""

    def __init__(self, checkpoint: str | Path):
        require_float_model()
        folder = find_checkpoint(checkpoint)
        import torch
        import transformers

        self._torch = torch
        with _quiet(transformers):
            model = getattr(transformers, _CLASSES[str(read_json(folder / "config.json")["model_type"])])
            self._model = model.from_pretrained(folder, dtype=torch.float32).eval()
        architecture = load_architecture(folder / "config.json")
        if isinstance(architecture, LlamaArchitecture) and architecture.embedding_scale != 1:
            # that of the type that the checkpoint is of
            self._model.base_model.embed_tokens.embed_scale = torch.tensor(architecture.embedding_scale)
        self._model.config.final_logit_softcapping = None  # logits keep their order under it

    def logits(self, ids: list[int]) -> np.ndarray:
        """float32[t, V]."""
        return self.run(ids)[0]

    def run(self, ids: list[int]) -> tuple[np.ndarray, list[np.ndarray]]:
        """(logits [t, V], residual stream after each block [t, d])."""
        streams: list[np.ndarray] = []

        def keep(module: object, inputs: object, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            streams.append(tensor.reshape(len(ids), -1).numpy())

        decoder = self._model.base_model
        blocks = decoder.h if hasattr(decoder, "h") else decoder.layers
        handles = [block.register_forward_hook(keep) for block in blocks]
        try:
            with self._torch.no_grad():
                logits = self._model(self._torch.tensor([ids]), use_cache=False).logits[0].numpy()
        finally:
            for handle in handles:
                handle.remove()
        return logits, streams


@contextlib.contextmanager
def _quiet(transformers: ModuleType) -> Iterator[None]:
    """No progress bars or notes while a model is loaded."""
    log = transformers.utils.logging
    level = log.get_verbosity()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        log.enable_progress_bar()


def residual_streams(trace: Trace) -> list[np.ndarray]:
    """The residual stream after each block, float64[t, d], in units of the integer program."""
    x, out = trace["x0"].astype(np.float64), []
    for l in range(trace.config.n_layer):
        x = x + trace["write"][2 * l] + trace["write"][2 * l + 1]
        out.append(x)
    return out


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def _measured_ids(package: ModelPackage, text: str | None) -> tuple[str, list[int]]:
    """What to measure on, and its ids; none for random ids."""
    if text is not None:
        return "the given text", text_ids(package.tokenizer, text, "text to measure on")
    if (text := package.calibration_text()) is not None:
        return "the calibration text", text_ids(package.tokenizer, text, "calibration text")
    ids = default_ids(package.tokenizer)
    return ("the calibration text" if ids else "random ids: the vocabulary cannot write English"), ids


def measure_accuracy(
    package: ModelPackage,
    checkpoint: str | Path | None = None,
    text: str | None = None,
    max_tokens: int = 4096,
    progress: Callable[[str, int, int], None] | None = None,
    costed: int = 0,
) -> AccuracyReport:
    """Compares on windows of `text`; every position counts. By default, of the text that the package was
    calibrated on, or of random ids where its vocabulary cannot write that of the project. On about `costed`
    of the positions it also measures what rounding each tensor costs.

    Raises QuantizationRangeError when the text leaves the ranges.
    """
    origin = checkpoint or package.checkpoint()
    if origin is None:
        raise CheckpointError(f"{package.folder}: name the checkpoint that it was made from")
    reference = FloatReference(origin)
    c = package.config
    length = min(c.n_ctx, _WINDOW)
    count = max(1, max_tokens // length)
    measured_on, ids = _measured_ids(package, text)
    sequences = text_sequences(ids, length, count)
    if not sequences:  # the even ones are not padded
        sequences = random_sequences(c.vocab_size, length, 2 * count, c.pad_id, _SEED)[::2]
    report, ranges = AccuracyReport(measured_on), RangeReport(c)
    report.cosines = [[] for _ in range(c.n_layer)]
    for i, window in enumerate(sequences):
        tr = trace(package.weights, [*window, c.pad_id], len(window), len(window), check=False)
        ranges.observe(tr)
        _compare(report, window, tr, 2.0**package.scales.logits, *reference.run(window))
        if progress:
            progress("accuracy", i + 1, len(sequences))
    report.ranges = ranges.rows()
    for row in report.ranges:
        if row.seen >= row.bound:
            raise CheckpointError(
                f"{row.tensor} reaches {row.seen}, beyond {row.bound}, on {report.measured_on}; recalibrate"
            )
    if costed:
        del reference
        chosen = sequences[:: max(1, len(sequences) * length // costed)]
        model = family_of(c).rounded(load_checkpoint(origin), package.weights, package.scales)
        report.costs = costs(model, chosen, stage_of(progress, "costs"))
        report.costed = len(chosen) * length
    return report


def _compare(
    report: AccuracyReport,
    ids: list[int],
    tr: Trace,
    unit: float,
    expected: np.ndarray,
    streams: list[np.ndarray],
) -> None:
    """Adds a window: its trace, whose logits are in units of 1 / `unit`, and the float model's logits and
    streams."""
    logits = tr["logits"] / unit
    error = logits - expected
    report.tokens += len(ids)
    report.agreeing += int((logits.argmax(axis=1) == expected.argmax(axis=1)).sum())
    report.logit_max_error = max(report.logit_max_error, float(np.abs(error).max()))
    report.logit_square_error += float((error**2).mean(axis=1).sum())
    exact, found = log_softmax(expected), log_softmax(logits)
    kl = divergence(exact, found)
    report.kl_sum += float(kl.sum())
    report.kl_max = max(report.kl_max, float(kl.max()))
    followed = np.arange(len(ids) - 1), ids[1:]
    report.predicted += len(ids) - 1
    report.float_loss -= float(exact[followed].sum())
    report.program_loss -= float(found[followed].sum())
    for l, (ours, theirs) in enumerate(zip(residual_streams(tr), streams, strict=True)):
        report.cosines[l] += _cosines(ours, theirs).tolist()
