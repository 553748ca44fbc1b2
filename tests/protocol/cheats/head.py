"""The final LayerNorm's gain, the head and the argmax."""

from __future__ import annotations

import numpy as np

from zkllm.field import R

from ..bending import Bends, add, bent, to
from ..harness import Values
from ..scene import Scene, ragged
from .base import Cheat, add_to, claim, equation, lookup, products


def _kept_diff(s: Scene) -> Bends:
    size = s.case.model.config.vocab_size
    return {
        ("logit", s.row): add(1),
        **{("diff", s.row, v): to(s.value("diff", s.row, v)) for v in range(size)},
    }


def _dull(s: Scene) -> int:
    """A feature that favours the certified token least: raising it there would only help another."""
    wte, token = s.head.astype(int), s.case.ids[s.case.T - s.case.certified + 1]
    lead = (wte[token] - np.delete(wte, token, axis=0)).min(axis=0)
    return int(lead.argmax())


def _second_best(s: Scene) -> int:
    logits = s.honest.logits[s.row]
    best = logits[s.answer]
    return max((v for v in range(len(logits)) if logits[v] < best), key=lambda v: logits[v])


def _shifted_logit(s: Scene) -> tuple[int, list[int], int]:
    """A false id; L outside its range and the best of each slot, so that all packed slots agree."""
    c, logits = s.case.model.config, s.honest.logits[s.row]
    J, K = c.vocab_block, c.vocab_slot_bits
    own = s.answer // J
    false = max((v for v in range(c.vocab_size) if v // J != own), key=lambda v: (logits[v], -v))
    best = [
        max(z + (w * J + i < false) for i, z in enumerate(logits[w * J : (w + 1) * J]))
        for w in range(c.vocab_slots)
    ]
    total = sum(b << K * w for w, b in enumerate(best))
    return false, best, total * pow(sum(1 << K * w for w in range(c.vocab_slots)), -1, R) % R


def _shift_all(s: Scene, values: Values) -> None:
    false, best, top = _shifted_logit(s)
    c, logits, J = s.case.model.config, s.honest.logits[s.row], s.case.model.config.vocab_block
    values["logit"][s.row] = top
    for v in range(c.vocab_size):
        full = (c.vocab_slots - 1) * J + v % J < c.vocab_size  # all slots of this coefficient are real
        values["diff"][s.row, v] = (best[v // J] if full else top) - logits[v] - (v < false)


def _of_the_row_before(s: Scene) -> list[int]:
    """The statement whose last token is the answer of the row before."""
    case = s.case
    logits = bent(case.model, case.ids, 1, case.T - 1).logits[0]
    return s.statement(logits.index(max(logits)))


def _first_false(s: Scene) -> list[int]:
    """The second best as the first of two certified tokens, then what follows from it."""
    case, logits = s.case, s.honest.logits[0]
    own = case.ids[case.T - 1]
    second = max((v for v in range(len(logits)) if logits[v] < logits[own]), key=lambda v: logits[v])
    ids = [*case.ids[: case.T - 1], second, *case.ids[case.T :]]
    after = case.trace(ids=ids).logits[1]
    ids[case.T] = after.index(max(after))
    return ids


HEAD = [
    Cheat(
        "the certified row is another one",
        (equation("final norm"),),
        ids=_of_the_row_before,
        shift=-1,
        scene=ragged,
    ),
    Cheat(
        "final norm: y_f beyond its range, remainder compensates",
        (lookup("yf"), lookup("yf_rem^")),
        lambda s: {("yf", 0, _dull(s)): add(1 << s.case.model.config.act_bits)},
    ),
    Cheat(
        "final norm: y_f + 1, remainder compensates", (lookup("yf_rem^"),), lambda s: {("yf", 0, 1): add(1)}
    ),
    Cheat(
        "final norm: y_f + 1, remainder kept",
        (equation("final norm"),),
        lambda s: {("yf", 0, 1): add(1), ("yf_rem", 0, 1): to(s.value("yf_rem", 0, 1))},
    ),
    Cheat("L + 1, D follows", (claim("head: D at id"),), lambda s: {("logit", s.row): add(1)}),
    Cheat("L + 1, D kept", (products("head"),), _kept_diff),
    Cheat(
        "false argmax: the second best, L its logit",
        (lookup("diff^"),),
        ids=lambda s: s.statement(_second_best(s)),
    ),
    Cheat(
        "false argmax: the second best, L the maximum",
        (claim("head: D at id"),),
        lambda s: {("logit", s.row): to(s.honest.logits[s.row][s.answer] + 1)},
        ids=lambda s: s.statement(_second_best(s)),
    ),
    Cheat(
        "false argmax of the first of two certified tokens, L the maximum",
        (claim("head: D at id"),),
        lambda s: {("logit", 0): to(max(s.honest.logits[0]) + 1)},
        ids=_first_false,
    ),
    Cheat("tie: the higher id", (lookup("diff^"),), ids=lambda s: s.statement(s.twin)),
    Cheat(
        "tie: the higher id, D of the lower one raised to 0",
        (products("head"),),
        lambda s: {("diff", s.row, s.answer): to(0)},
        ids=lambda s: s.statement(s.twin),
    ),
    Cheat(
        "false argmax: all packed slots shift together, L out of range",
        (lookup("logit^"),),
        post=_shift_all,
        ids=lambda s: s.statement(_shifted_logit(s)[0]),
    ),
    Cheat(
        "the same with a vocabulary slot that is not full",
        (lookup("logit^"), lookup("diff^")),
        post=_shift_all,
        ids=lambda s: s.statement(_shifted_logit(s)[0]),
        scene=ragged,
    ),
    Cheat(
        "a padded vocabulary entry made the maximum",
        (claim("head: D at id"),),
        post=lambda s, v: (
            add_to(v, "logit", (0,), 1),
            v["diff"].__setitem__(
                (0, slice(0, s.case.model.config.vocab_size)),
                v["diff"][0, : s.case.model.config.vocab_size] + 1,
            ),
        ),
        scene=ragged,
    ),
]
