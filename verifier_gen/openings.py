"""The contract's side of the one opening: denominators and the batch, from the description's openings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from itertools import groupby

from verifier_gen.offsets import (
    commitments,
    denominator_names,
    field_bytes,
    field_name,
    modulus_name,
    point_name,
)
from verifier_gen.spec import Modulus, Opening, VerifierSpec

LARGEST_POWER = 4
"""z^2 to z^4 have variables; higher powers of z are put together from them."""
ONE_PARAGRAPH = 2
"""Coefficients of a remainder up to which openings of one commitment share a paragraph."""


# ------------------------------------------------------------------------------------ denominators


def modulus_lines(spec: VerifierSpec) -> Iterator[str]:
    """M_DEN_ of every modulus at z. In scope: y and yw, and `power` to be used."""
    moduli = list(dict.fromkeys(o.modulus for o in spec.openings))
    yield "let z := mload(M_Z)"
    yield "let z2 := mulmod(z, z, r)"
    yield "let z3 := mulmod(z2, z, r)"
    yield "let z4 := mulmod(z2, z2, r)"
    of_y = [m for m in moduli if m.point in ("y", "y_next")]
    low = [m for m in of_y if m.degree <= LARGEST_POWER]
    yield from (_stored(m, _power(m.degree), point_name(m.point).lower()) for m in low)
    yield from _higher([m for m in of_y if m.degree > LARGEST_POWER], {"y": "y", "y_next": "yw"})
    others = [m for m in moduli if m not in of_y]
    if others:
        yield ""
    uses = Counter(m.point for m in others)
    values = {p: p if uses[p] > 1 else f"mload(M_{p.upper()})" for p in uses}
    yield from (f"let {p} := mload(M_{p.upper()})" for p in uses if uses[p] > 1)
    yield from (_stored(m, _power(m.degree), values[m.point]) for m in others if m.degree <= LARGEST_POWER)
    yield from _higher([m for m in others if m.degree > LARGEST_POWER], values)


def _higher(moduli: list[Modulus], values: dict[str, str]) -> Iterator[str]:
    for degree, group in groupby(moduli, lambda m: m.degree):
        yield from _raised(degree)
        yield from (_stored(m, "power", values[m.point]) for m in group)


def _power(degree: int) -> str:
    return "z" if degree == 1 else f"z{degree}"


def _raised(degree: int) -> Iterator[str]:
    """`power` becomes z^degree, for degrees above `LARGEST_POWER`."""
    if degree >= 4 * LARGEST_POWER:
        yield from _raised(degree // 2)
        yield f"power := mulmod(power, power, r) // z^{degree // 2 * 2}"
        factors = [1] * (degree % 2)
    elif degree >= 2 * LARGEST_POWER:
        yield f"power := mulmod(z4, z4, r) // z^{2 * LARGEST_POWER}"
        rest = degree - 2 * LARGEST_POWER
        factors = [f for f in (min(rest, LARGEST_POWER), max(rest - LARGEST_POWER, 0)) if f]
    else:
        yield f"power := mulmod(z4, {_power(degree - LARGEST_POWER)}, r) // z^{degree}"
        factors = []
    if factors:
        product = "power"
        for factor in factors:
            product = f"mulmod({product}, {_power(factor)}, r)"
        yield f"power := {product} // z^{degree}"


def _stored(modulus: Modulus, power: str, point: str) -> str:
    if modulus.inverted:
        value = f"addmod(mulmod({power}, {point}, r), sub(r, 1), r)"
    else:
        value = f"addmod({power}, sub(r, {point}), r)"
    return f"mstore(M_DEN_{modulus_name(modulus)}, {value})"


def prefix_lines(spec: VerifierSpec) -> Iterator[str]:
    """`product` becomes that of all M_DEN_; M_PREFIX_ is the product of those before."""
    first, *others = denominator_names(spec)
    yield f"let product := mload(M_DEN_{first})"
    for name in others:
        yield f"mstore(M_PREFIX_{name}, product)"
        yield f"product := mulmod(product, mload(M_DEN_{name}), r)"


def inverse_lines(spec: VerifierSpec) -> Iterator[str]:
    """Backwards: `inverse`, of the product of all M_DEN_, becomes that of the product of fewer and fewer."""
    first, *others = denominator_names(spec)
    for name in reversed(others):
        yield f"own := mulmod(inverse, mload(M_PREFIX_{name}), r)"
        yield f"inverse := mulmod(inverse, mload(M_DEN_{name}), r)"
        yield f"mstore(M_DEN_{name}, own)"
    yield f"mstore(M_DEN_{first}, inverse)"


# --------------------------------------------------------------------------------------- the batch


def batch_lines(spec: VerifierSpec) -> Iterator[str]:
    """`sum` becomes sum_e s_e remainder_e(z), M_S_ of a commitment the sum of its s_e."""
    order = [c for c, _ in groupby(spec.openings, lambda o: o.commitment)]
    if tuple(order) != commitments(spec):
        raise ValueError("the openings of one commitment must follow each other")
    return _Batch(spec).lines()


class _Batch:
    """Writes one opening after the other, and remembers which variables there are."""

    def __init__(self, spec: VerifierSpec):
        self._openings = spec.openings
        self._fields = field_bytes(spec)
        self._declared: set[str] = set()

    def lines(self) -> Iterator[str]:
        paragraphs = [
            list(group) for _, group in groupby(enumerate(self._openings), lambda e: self._paragraph(*e))
        ]
        for paragraph in paragraphs:
            yield _heading([i for i, _ in paragraph], [o for _, o in paragraph])
            for index, _ in paragraph:
                yield from self._opening(index)
            yield ""

    def _paragraph(self, index: int, opening: Opening) -> tuple[str, int]:
        is_long = len(opening.remainder) > ONE_PARAGRAPH
        return opening.commitment, index if is_long else -1

    def _opening(self, index: int) -> Iterator[str]:
        opening = self._openings[index]
        same = [i for i, o in enumerate(self._openings) if o.commitment == opening.commitment]
        is_first, is_last = index == same[0], index == same[-1]
        collected, is_long = len(same) > 1, len(opening.remainder) > ONE_PARAGRAPH
        # the first scalar of a commitment is where the others are added to
        scalar = "both" if collected and is_first and not is_long else "s"
        store = f"mstore(M_S_{opening.commitment.upper()}, {{}})"
        if index == 1:
            yield self._set("power", "beta")
        elif index:
            yield self._set("power", "mulmod(power, beta, r)")
        inverse = f"mload(M_DEN_{modulus_name(opening.modulus)})"
        yield self._set(scalar, f"mulmod(power, {inverse}, r)" if index else inverse)
        if not collected:
            yield store.format("s")
        remainder = yield from self._remainder(opening)
        term = f"mulmod({scalar}, {remainder}, r)"
        yield self._set("sum", f"addmod(sum, {term}, r)" if index else term)
        if collected and is_first and is_long:
            yield self._set("both", "s")
        elif collected and is_last:
            yield store.format("addmod(both, s, r)")
        elif collected and not is_first:
            yield self._set("both", "addmod(both, s, r)")

    def _remainder(self, opening: Opening) -> Generator[str, None, str]:
        """Lines that compute the remainder at z; returns where it is then."""
        values = [self._value(name) for name in opening.remainder]
        if len(values) == 1:
            return values[0]
        if len(values) == ONE_PARAGRAPH:
            yield self._set("rem", f"addmod({values[0]}, mulmod(z, {values[1]}, r), r)")
            return "rem"
        *others, top = values
        if "rem" in self._declared:
            top = f"addmod(mulmod({top}, z, r), {others.pop()}, r)"
        yield self._set("rem", top)
        for value in reversed(others):
            yield self._set("rem", f"addmod(mulmod(rem, z, r), {value}, r)")
        return "rem"

    def _value(self, name: str) -> str:
        """A coefficient: of the proof, or derived by an earlier phase."""
        field = field_name(name)
        return f"calldataload(CD_{field})" if field in self._fields else f"mload(M_{name.upper()})"

    def _set(self, variable: str, value: str) -> str:
        let = "" if variable in self._declared else "let "
        self._declared.add(variable)
        return f"{let}{variable} := {value}"


def _heading(indices: list[int], openings: list[Opening]) -> str:
    first = openings[0]
    if first.modulus.degree == 1:
        said = f"{first.commitment} at {_listed([_place(o.modulus) for o in openings])}"
    else:
        said = f"{first.commitment} mod {' and mod '.join(_binomial(o.modulus) for o in openings)}"
    notes = [o.note for o in openings if o.note]
    return f"// {', '.join(map(str, indices))}: {', '.join([said, *notes])}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _word(point: str) -> str:
    return "wy" if point == "y_next" else point


def _place(modulus: Modulus) -> str:
    return f"1/{_word(modulus.point)}" if modulus.inverted else _word(modulus.point)


def _binomial(modulus: Modulus) -> str:
    power, point = f"X^{modulus.degree}", _word(modulus.point)
    return f"{point} {power} - 1" if modulus.inverted else f"{power} - {point}"
