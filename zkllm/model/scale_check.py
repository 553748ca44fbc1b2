"""What is asked of a package's scales, widths and tables, from the checkpoint alone.

Two kinds of requirements. Equalities: the configuration computes the checkpoint's function at the scales
that it declares. Floors: no scale is so coarse that a matrix, a table or an activation is rounded to nothing.
A floor is what the quantiser would choose if every activation were as large as the weights allow at all:
LayerNorm's output has a norm of at most sqrt(width), so |W y + b| is at most sqrt(width) |W| + |b|. What it
chooses from ranges that were measured is never coarser, on whatever text, so that no package that it made is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log, log2, sqrt
from typing import Any

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.activations import ACTIVATIONS
from zkllm.model.architecture import Architecture
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.float_model import read_layers
from zkllm.model.folding import FoldedLinear, finite_maxima
from zkllm.model.quantize import (
    COARSEST_STEP,
    GAIN_BITS,
    TARGET_BITS,
    WEIGHT_BITS,
    QuantizerOptions,
    Scales,
    fit,
    fit_weight,
)
from zkllm.model.weights import TableSpec

MAX_CLASSES = 2  # of layers
LEAST_WORD = 12  # bits of an activation, of a GELU table's input and of a limb
LEAST_RHO_BITS = 8  # significant bits of rho on a typical embedding: the quantiser keeps 10 on the widest row
_ROOM = 1 << QuantizerOptions().headroom_bits
_ROUNDING = 1.001  # of the float model that measured the ranges
_ROWS = 1 << 12  # of a matrix, that are looked at together


@dataclass(frozen=True)
class CheckpointFacts:
    """Of the folded weights: largest magnitudes by kind, and bounds that no activation can exceed."""

    weights: dict[str, float]
    layers: dict[str, list[float]]  # "fc1", "fc2": largest weights by layer; "f": bound by layer
    q: float
    k: float
    v: float
    yf: float
    logits: float
    embedding: float  # standard deviation of a typical embedding at the first position

    @classmethod
    def read(cls, checkpoint: Checkpoint) -> CheckpointFacts:
        width = checkpoint.gpt2.width
        weights = {
            name: finite_maxima(name, checkpoint.stored(f"{name}.weight"))[0] for name in ("wte", "wpe")
        }
        layers: dict[str, list[float]] = {"fc1": [], "fc2": [], "f": []}
        bounds = {"q": 0.0, "k": 0.0, "v": 0.0}
        for layer in read_layers(checkpoint):
            for kind, linear in layer.items():
                names = "qkv" if kind == "qkv" else (kind,)
                for name, most in zip(names, linear.maxima(), strict=True):
                    weights[name] = max(weights.get(name, 0.0), most)
                    if name in layers:
                        layers[name].append(most)
            for name, bound in zip("qkv", largest_outputs(layer["qkv"], width), strict=True):
                bounds[name] = max(bounds[name], bound)
            layers["f"] += largest_outputs(layer["fc1"], width)
        gain = np.abs(checkpoint.tensor("ln_f.weight"))
        bias = np.abs(checkpoint.tensor("ln_f.bias"))
        longest, deviation = _embeddings(checkpoint)
        return cls(
            weights,
            layers,
            **bounds,
            yf=_ROUNDING * float((gain * sqrt(width) + bias).max()),
            logits=_ROUNDING * longest * float(gain.max() * sqrt(width) + np.linalg.norm(bias)),
            embedding=deviation,
        )


def largest_outputs(linear: FoldedLinear, width: int) -> list[float]:
    """A bound on |W y + b| for each part of the columns, where y has the norm sqrt(width)."""
    squares = np.zeros(linear.weight.shape[1])
    for start in range(0, len(linear.weight), _ROWS):
        rows = linear.weight[start : start + _ROWS].astype(np.float64)
        if linear.gain is not None:
            rows *= linear.gain[start : start + _ROWS, None]
        squares += np.einsum("ij,ij->j", rows, rows)
    parts = np.array(linear.divisors)[:, None]
    norms = np.sqrt(squares).reshape(len(parts), -1) / parts
    bounds = (sqrt(width) * norms + np.abs(linear.folded_bias())).max(axis=1)
    return [_ROUNDING * float(bound) for bound in bounds]


def _embeddings(checkpoint: Checkpoint) -> tuple[float, float]:
    """(largest norm of a token's embedding, median deviation of wte + wpe at the first position)."""
    wte, first = checkpoint.stored("wte.weight"), checkpoint.tensor("wpe.weight")[0]
    longest, deviations = 0.0, []
    for start in range(0, len(wte), _ROWS):
        rows = wte[start : start + _ROWS].astype(np.float64)
        longest = max(longest, float(np.linalg.norm(rows, axis=1).max()))
        deviations.append((rows + first).std(axis=1))
    return longest, float(np.median(np.concatenate(deviations)))


@dataclass(frozen=True)
class Requirement:
    name: str
    got: Any
    want: Any
    relation: str = ""  # "", "at least" or "at most"

    @property
    def holds(self) -> bool:
        if self.relation == "at least":
            return bool(self.got >= self.want)
        if self.relation == "at most":
            return bool(self.got <= self.want)
        return bool(self.got == self.want)

    def __str__(self) -> str:
        return f"{self.name} is {self.got}, not {f'{self.relation} ' if self.relation else ''}{self.want}"


def scale_errors(
    checkpoint: Checkpoint,
    config: ProgramConfig,
    s: Scales,
    spec: TableSpec,
    facts: CheckpointFacts | None = None,
) -> list[str]:
    """Where a configuration does not compute this checkpoint's function at these scales, or too coarsely.

    With these requirements, the arrays of `quantize_arrays` and the predicates, a package is a program of
    this checkpoint whatever its ranges were chosen on. `facts` are the checkpoint's, where they are known.
    """
    a = checkpoint.gpt2
    if config.mlp_classes > MAX_CLASSES:
        return [f"{config.mlp_classes} classes of layers, not at most {MAX_CLASSES}"]
    if config.mlp_classes != len(s.f):
        return [f"{config.mlp_classes} classes of layers, not {len(s.f)} as the scales have"]
    found = equalities(a, config, s, spec)
    found += floors(a, config, s, spec, facts or CheckpointFacts.read(checkpoint))
    return [str(requirement) for requirement in found if not requirement.holds]


def equalities(a: Architecture, c: ProgramConfig, s: Scales, spec: TableSpec) -> list[Requirement]:
    """What follows from the checkpoint's configuration and the declared scales."""
    epsilon = max(1, round(a.layer_norm_epsilon * 2 ** (2 * s.residual) * a.width**3))
    equal = {
        "n_layer": (c.n_layer, a.n_layer), "n_head": (c.n_head, a.n_head),
        "head_dim": (c.head_dim, a.head_dim), "d_inner": (c.d_inner, a.d_inner),
        "vocab_size": (c.vocab_size, a.vocab_size),
        "n_ctx": (c.n_ctx, a.n_ctx), "pad_id": (c.pad_id, a.pad_id), "eps_int": (c.eps_int, epsilon),
        "wte_shift": (c.wte_shift, s.residual - s.wte), "wpe_shift": (c.wpe_shift, s.residual - s.wpe),
        "ln_shift": (c.ln_shift, c.kappa - s.y), "o_shift": (c.o_shift, s.v + s.w_o - s.residual),
        "q": (c.qkv_shift, s.y + s.w_qkv[0] - s.q), "k": (c.qkv_shift, s.y + s.w_qkv[1] - s.k),
        "v": (c.qkv_shift, s.y + s.w_qkv[2] - s.v),
        "final_shift": (c.final_shift, s.y + s.gain - s.yf),
        "exp step": (spec.exp_step_log2, c.exp_shift - s.q - s.k),
        "exp_top": (spec.exp_top, 1 << min(15, c.act_bits - 1)),
        "score divisor": (spec.score_divisor, a.head_dim if a.scale_scores else 1),
        "activation": (spec.activation, a.activation),
        "GELU input": (spec.gelu_in_log2, s.f), "GELU output": (spec.gelu_out_log2, s.g),
    }  # fmt: skip
    output = ACTIVATIONS[a.activation].output
    for p in range(c.mlp_classes):
        # a class cannot silence its layers: the output's scale follows the input's, and every shift rounds
        equal[f"GELU output of class {p}"] = (s.g[p], output(s.f[p], c.act_bits, c.gelu_bits))
        equal[f"fc1_shift of class {p}"] = (c.fc1_shift - c.fc1_gains[p], s.y + s.w_fc1[p] - s.f[p])
        equal[f"fc2_shift of class {p}"] = (c.fc2_shift - c.fc2_gains[p], s.g[p] + s.w_fc2[p] - s.residual)
    return [Requirement(name, got, want) for name, (got, want) in equal.items()]


def floors(
    a: Architecture, c: ProgramConfig, s: Scales, spec: TableSpec, facts: CheckpointFacts
) -> list[Requirement]:
    """The coarsest scales, widths and tables that the quantiser can come to for these weights."""
    d, word, weights = a.width, c.act_bits, facts.weights
    classes = range(c.mlp_classes)

    def of_class(kind: str, p: int) -> float:
        layers = zip(c.mlp_class, facts.layers[kind], strict=False)
        return max((most for q, most in layers if q == p), default=0.0)

    # Activations. Powers of two that move between q and k, and between v and o, leave their sizes within a
    # factor of sqrt(2), and of 2; q, k and v share a shift.
    def least_scale(bits: int, most: float) -> int:
        return fit(bits, _ROOM * most) if most else -100  # of nothing, any

    scores = max(sqrt(2 * facts.q * facts.k) or max(facts.q, facts.k), facts.v)
    wte = fit(min(word, WEIGHT_BITS), weights["wte"])
    yf = least_scale(word, facts.yf)
    if facts.logits:  # differences of logits in at most two limbs, and they may be twice the largest
        yf = min(yf, floor(log2((1 << min(62, 2 * c.limb_bits)) / (2 * _ROOM * facts.logits))) - s.wte)
    written = (s.g[p] + fit_weight(of_class("fc2", p)) - 1 for p in classes)
    least = {
        "act_bits": (c.act_bits, LEAST_WORD), "gelu_bits": (c.gelu_bits, LEAST_WORD),
        "limb_bits": (c.limb_bits, LEAST_WORD),
        "scale of y": (s.y, fit(word, sqrt(d) + 2.0 ** (2 - word))),
        "scale of q k": (s.q + s.k, 2 * least_scale(word, scores)),
        "scale of v": (s.v, least_scale(word, facts.v) - 1),
        "scale of yf": (s.yf, yf),
        "scale of the residual stream": (
            s.residual, min(max(wte, 12) - 2, s.v + fit_weight(weights["o"]) - 1, *written),
        ),
        "scale of wte": (s.wte, min(wte, s.residual)),
        "scale of wpe": (s.wpe, min(fit(WEIGHT_BITS, weights["wpe"]), s.residual)),
        "scale of the final gain": (s.gain, min(GAIN_BITS, word + s.yf - s.y)),
    }  # fmt: skip
    for p in classes:
        least[f"scale of f of class {p}"] = s.f[p], least_scale(c.gelu_bits, of_class("f", p))

    # Matrices: as fine as 16 bits allow, or as a remainder of a whole word makes any use of.
    parts = [weights[name] * 2.0**scale for name, scale in zip("qkv", (s.q, s.k, s.v), strict=True)]
    matrices = [("w_qkv", max(parts), s.y, 0, c.qkv_shift)]
    matrices += [("w_o", weights["o"], s.v, s.residual, s.v + s.w_o - s.residual)]
    for p in classes:
        fc1, fc2 = of_class("fc1", p), of_class("fc2", p)
        matrices += [(f"w_fc1 of class {p}", fc1, s.y, s.f[p], s.y + s.w_fc1[p] - s.f[p])]
        matrices += [(f"w_fc2 of class {p}", fc2, s.g[p], s.residual, s.g[p] + s.w_fc2[p] - s.residual)]
    for name, most, before, after, shift in matrices:
        finest = before + fit_weight(most) - after if most else 1
        least[f"bits that rounding takes off {name}"] = shift, max(1, min(word, finest))

    # LayerNorm and softmax.
    if facts.embedding:
        kappa = ceil(LEAST_RHO_BITS + log2(d * facts.embedding) + s.residual)
        least["kappa"] = c.kappa, min((TARGET_BITS - ceil_log2(d)) // 2, kappa)
    divisor = sqrt(spec.score_divisor)
    end = log(2 * spec.exp_top) * divisor / 2.0**spec.exp_step_log2  # what is beyond rounds to 0 by itself
    least["exp_bits"] = c.exp_bits, ceil_log2(floor(end) + 2)
    coarsest = floor(log2(COARSEST_STEP * divisor * 2.0 ** (s.q + s.k)))
    found = [Requirement(name, got, want, "at least") for name, (got, want) in least.items()]
    return [*found, Requirement("exp_shift", c.exp_shift, max(1, coarsest), "at most")]
