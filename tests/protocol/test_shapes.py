"""Honest proofs of many shapes pass the interpreted verifier and the circuit; the circuit's growth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.predicates import check_predicates
from zkllm.model.reference import generate_reference, trace_reference
from zkllm.model.tiny import tiny_model
from zkllm.naive import NAIVE
from zkllm.outer.rows import Circuit
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.protocol.witness import prover_data

from .circuits import unsatisfied
from .harness import Case, Proof, named, prove, verify
from .scene import packed

pytestmark = pytest.mark.slow

LITTLE: dict[str, Any] = dict(n_layer=1, n_head=1, head_dim=2, d_inner=3, vocab_size=5, n_ctx=7, mu=8)


def honest(model_seed: int, rows: int, certified: int, T: int, **config: Any) -> tuple[Case, Proof]:
    """A greedy answer of T - k + 1 prompt tokens, traced by the reference."""
    model = tiny_model(model_seed, **{**LITTLE, **config})
    check_predicates(model)
    prompt = [(3 * i + 1) % model.config.vocab_size for i in range(T - certified + 1)]
    ids, length = generate_reference(model, prompt, certified, rows)
    assert length == T
    case = Case(model, rows, certified, list(ids), T)
    data = prover_data(case.protocol, model, trace_reference(model, ids, certified, T), NAIVE)
    return case, prove(case, data.tensors)


def accepted(case: Case, proof: Proof) -> None:
    verdict = verify(case, proof)
    assert named(case, proof, verdict) == [] and unsatisfied(case, proof) == []


@pytest.mark.parametrize("T, k", [(T, k) for T in (1, 2, 3) for k in range(1, T + 1)])
def test_every_statement_of_three_rows(T: int, k: int) -> None:
    accepted(*honest(T, 3, k, T))


SHAPES: dict[str, tuple[int, int, int, dict[str, Any]]] = {  # rows, certified, T, configuration
    "one entry everywhere": (1, 1, 1, dict(head_dim=1, d_inner=1, vocab_size=1, n_ctx=1)),
    "one row": (1, 1, 1, {}),
    "all rows certified": (4, 4, 4, {}),
    "five rows": (5, 2, 4, {}),
    "six rows": (6, 3, 5, {}),
    "seven rows, one certified": (7, 1, 2, {}),
    "two layers": (3, 1, 3, dict(n_layer=2)),
    "three layers": (2, 1, 2, dict(n_layer=3)),
    "five layers": (2, 1, 1, dict(n_layer=5)),
    "five heads in five slots": (2, 1, 2, dict(n_head=5, slots=5)),
    "five heads in one slot": (2, 1, 2, dict(n_head=5, slots=1)),
    "six heads in three slots": (2, 1, 2, dict(n_head=6, slots=3)),
    "odd head size": (3, 2, 3, dict(n_head=3, head_dim=3)),
    "prime inner width in slots": (2, 1, 2, dict(d_inner=7, inner_slots=7)),
    "prime inner width, no slots": (2, 1, 2, dict(d_inner=7, inner_slots=1)),
    "prime vocabulary, no slots": (2, 1, 2, dict(vocab_size=13, vocab_slots=1)),
    "prime vocabulary in slots": (2, 2, 2, dict(vocab_size=13, vocab_slots=3)),
    "one id a slot": (2, 1, 2, dict(vocab_size=4, vocab_slots=4)),
    "no slots at all": (3, 1, 2, dict(n_head=2, slots=1, inner_slots=1, vocab_slots=1)),
    "another pad id": (4, 1, 2, dict(pad_id=3)),
    "limbs of five bits": (2, 1, 2, dict(limb_bits=5)),
    "limbs of three bits": (2, 1, 2, dict(limb_bits=3, n_head=2)),
    "columns shorter than tensors": (4, 1, 3, dict(n_head=2, mu=7, fixed_mu=3, witness_mu=3)),
    "one column": (2, 1, 2, dict(mu=12)),
    "wider tables": (2, 1, 2, dict(exp_bits=6, gelu_bits=7)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_honest_proofs_are_accepted(name: str) -> None:
    rows, certified, T, config = SHAPES[name]
    accepted(*honest(1, rows, certified, T, **config))


def test_the_bent_program_is_the_reference() -> None:
    scene = packed()
    case = scene.case
    trace = trace_reference(case.model, case.ids, case.certified, case.T)
    data = prover_data(case.protocol, case.model, trace, NAIVE)
    own = case.tensors(scene.values)
    assert set(own) == set(data.tensors)
    for name in case.manifest.tensors:
        if not case.manifest.tensors[name].fixed:
            assert np.array_equal(own[name].astype(object), data.array(name).astype(object)), name


def config(layers: int, heads: int = 3, vocabulary: int = 500, **changes: Any) -> ProgramConfig:
    """The demo model's scales, at other sizes."""
    fields = dict(
        n_layer=layers, n_head=heads, head_dim=16, d_inner=64 * heads, vocab_size=vocabulary, n_ctx=64,
        pad_id=0, wte_shift=6, wpe_shift=6, kappa=40, ln_shift=28, qkv_shift=14, o_shift=14, fc1_shift=14,
        fc2_shift=14, final_shift=14, exp_shift=14, eps_int=1, act_bits=16, write_bits=32, rho_bits=32,
        norm_bits=96, over_bits=16, div_bits=28, logit_bits=48, diff_bits=48, exp_bits=14, gelu_bits=16,
        mlp_class=(0,) * layers, fc1_gains=(0,), fc2_gains=(0,),
        limb_bits=16, slots=heads, slot_bits=50, inner_slots=4, inner_slot_bits=50, vocab_slots=5,
        vocab_slot_bits=50, **ColumnSizes.full(changes.pop("mu", 19))._asdict(),
    )  # fmt: skip
    return ProgramConfig(**{**fields, **changes})


def compiled(c: ProgramConfig, rows: int = 16, certified: int = 1) -> Circuit:
    return build_circuit(describe(c, rows, certified))


def test_circuits_grow_logarithmically_with_layers() -> None:
    """16 times the layers: a few rounds more."""
    rows = [compiled(config(n, mu=mu)).num_rows for n, mu in ((3, 19), (12, 19), (48, 20))]
    assert rows[0] < rows[1] < rows[2] < 1.35 * rows[0]
    assert rows[2] - rows[1] < 1.5 * (rows[1] - rows[0]) + 1000


def test_circuits_grow_logarithmically_with_width_and_vocabulary() -> None:
    small, wide = compiled(config(3)), compiled(config(3, head_dim=64, d_inner=1024, mu=20))
    words = compiled(config(3, vocabulary=50257, mu=20))
    assert wide.num_rows < 1.25 * small.num_rows and words.num_rows < 1.25 * small.num_rows


def test_circuits_are_the_same_every_time() -> None:
    a, b = compiled(config(3)), compiled(config(3))
    assert (
        (a.own_wires == b.own_wires).all() and a.selectors == b.selectors and (a.equal_to == b.equal_to).all()
    )
