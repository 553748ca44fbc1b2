"""What the text may not say is refused where it is said: a claim, a factor or a statement of a wrong form
would otherwise prove something else than it names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from zkllm.families import describe
from zkllm.outer.builder import CircuitBuilder
from zkllm.protocol.algebra import eq_index
from zkllm.protocol.forms import AddressTerm, Form, block_weight
from zkllm.protocol.operation import Run
from zkllm.protocol.party import Verifier
from zkllm.protocol.program import InnerStatement, run_inner, zero_check
from zkllm.protocol.public import bind_statement
from zkllm.protocol.relations import Equation, FormFactor, Instance
from zkllm.protocol.sumcheck import lockstep
from zkllm.statement import pack_words

from .harness import Case
from .scene import packed


@pytest.fixture
def case() -> Case:
    return packed().case


@pytest.fixture
def run(case: Case) -> Run:
    statement: Any = SimpleNamespace()
    return Run(Verifier(case.protocol, 3, [0] * 1000), statement)


def test_a_party_runs_its_own_protocol(case: Case, run: Run) -> None:
    other = describe(case.model.config, case.rows, case.certified)
    words = pack_words(case.T, case.ids, case.rows)
    with pytest.raises(ValueError, match="the party was made for another protocol"):
        run_inner(other, run.party, words, InnerStatement(case.T, case.ids))


@pytest.mark.parametrize("change", ["word", "id"])
@pytest.mark.parametrize("by", [1, -1])
def test_a_statement_has_the_shape_s_words_and_ids(case: Case, run: Run, change: str, by: int) -> None:
    words, ids = list(pack_words(case.T, case.ids, case.rows)), list(case.ids)
    bind_statement(run.party, case.protocol.shape, words, case.T, ids)
    changed = words if change == "word" else ids
    changed[:] = [*changed, 0][: len(changed) + by]
    with pytest.raises(ValueError, match="a statement of"):
        bind_statement(run.party, case.protocol.shape, words, case.T, ids)


def test_one_claim_on_a_virtual_tensor(run: Run) -> None:
    run.party.defer("Q", {}, 1)
    with pytest.raises(RuntimeError, match="two claims on Q"):
        run.party.defer("Q", {}, 2)


def test_a_linear_part_is_broadcast_over_every_axis(run: Run) -> None:
    axes = ("l", "t")
    for linear in (Form(axes, ()), Form(("t",), ())):
        equation = Equation("own", axes, [(1, [FormFactor("f", Form(axes, ()), axes)])], linear)
        if linear.axes == axes:
            zero_check(run, [equation])
        else:
            with pytest.raises(ValueError, match="must be broadcast over every axis"):
                zero_check(run, [equation])


def test_a_factor_for_every_index(run: Run) -> None:
    size = run.axes["t"]
    run.eq("t", (), [2] * size)
    for count in (size - 1, size + 1):
        with pytest.raises(ValueError, match=f"axis t has {size} indices, got {count} factors"):
            run.eq("t", (), [2] * count)


@pytest.mark.parametrize(
    "factor",
    [
        FormFactor("f", Form(("t", "l"), ()), ("t",)),
        FormFactor("f", Form(("t",), ()), ("t",), {"l": ()}),
        FormFactor("f", Form(("t",), ()), ("t",), {"t": ()}),
    ],
    ids=["an axis is neither free nor bound", "a bound axis is not the form's", "an axis is free and bound"],
)
def test_the_axes_of_a_factor(run: Run, factor: FormFactor) -> None:
    with pytest.raises(ValueError, match="is not a form over its free and bound axes"):
        lockstep(run.party, "sum", [Instance("own", ("t",), [(1, [factor])])], [1], 0)


def test_a_shared_factor_sits_at_one_point(run: Run) -> None:
    """Two instances that deal the same axis other coordinates cannot share the value of a factor."""
    run.party.challenge()  # as the text does before its first message
    shared, other = (FormFactor(a, Form((a,), ()), (a,)) for a in ("e", "f"))
    own, behind = (
        Instance("own", ("e",), [(1, [shared])]),
        Instance("behind", ("f", "e"), [(1, [other, shared])]),
    )
    assert run.axes["e"] > 1 and run.axes["f"] > 1
    with pytest.raises(ValueError, match="a shared factor sits at two points"):
        lockstep(run.party, "sum", [own, behind], [1, 1], 0)


def test_outputs_are_cut_as_their_inputs(case: Case, run: Run) -> None:
    layout = case.protocol.witness
    ours, theirs = (layout.blocks[name][0] for name in ("g", "mult.exp"))
    assert ours.spans != theirs.spans
    with pytest.raises(ValueError, match="g and mult.exp are cut differently"):
        block_weight(layout, AddressTerm(1, "g", "mult.exp", ()), 0, ours, ())


def test_indices_have_as_many_bits_as_the_point(run: Run) -> None:
    with pytest.raises(ValueError, match="more bits than the point"):
        eq_index(4, (1, 1))


def test_the_permutation_has_four_lanes() -> None:
    builder = CircuitBuilder()
    wire = builder.input()
    for count in (3, 5):
        with pytest.raises(ValueError, match=f"has 4 lanes, got {count}"):
            builder.permute([wire] * count)


def test_states_that_differ_in_anything_are_permuted_apart() -> None:
    """The builder keeps a permutation for equal states alone: by factor, node and constant of each lane."""
    builder = CircuitBuilder()
    wires = [builder.input() for _ in range(4)]
    first = builder.permute(wires)
    assert builder.permute(list(wires)) is first and len(builder.permutations) == 1
    for lane in range(4):
        for other in (wires[lane] + 1, 2 * wires[lane], wires[lane - 1]):
            before = len(builder.permutations)
            builder.permute([*wires[:lane], other, *wires[lane + 1 :]])
            assert len(builder.permutations) == before + 1
