"""What the contract does with points: checks, the sum of scaled commitments, and the pairing's input."""

from __future__ import annotations

from collections.abc import Iterator

from verifier_gen.offsets import PAIR, POINT, WORD, commitments, field_bytes, field_name
from verifier_gen.spec import VerifierSpec

ADD, MULTIPLY, PAIRING = 0x06, 0x07, 0x08
"""Addresses of the precompiles."""
G2_COORDINATES = ("X_1", "X_0", "Y_1", "Y_0")
"""Imaginary parts first, as the pairing reads them."""
SCALED = POINT + WORD
"""Bytes of a point and its scalar."""
GENERATOR = ("1", "2")


def point_checks(spec: VerifierSpec) -> Iterator[str]:
    for name, size in field_bytes(spec).items():
        if size == POINT:
            yield "{"
            yield f"    let x := calldataload(CD_{name})"
            yield f"    let y := calldataload(add(CD_{name}, {WORD:#x}))"
            yield "    let onCurve := eq(mulmod(y, y, p), addmod(mulmod(mulmod(x, x, p), x, p), 3, p))"
            yield "    valid := and(valid, and(or(onCurve, iszero(or(x, y))), and(lt(x, p), lt(y, p))))"
            yield "}"


def term_lines(spec: VerifierSpec) -> Iterator[str]:
    """The sum of `_combineCommitments`, in line: a function's jumps would cost a tenth of the gas beside the
    precompiles'."""
    fields = field_bytes(spec)
    for name in commitments(spec):
        if name != "g":  # which two terms share
            sent = field_name(name) in fields
            yield from _term(
                f"CD_{field_name(name)}" if sent else (f"{name}_X", f"{name}_Y"), f"mload(M_S_{name.upper()})"
            )
    yield from _term("CD_W_PRIME", "mload(M_Z)")
    yield from _term(GENERATOR, "mload(M_S_ONE)")
    yield from _term("CD_G", "addmod(mload(M_S_G), sub(r, omega), r)")
    yield from _term("CD_Q", "mulmod(omega, mload(M_ALPHA), r)")
    columns: list[str | tuple[str, str]] = [
        (f"FIXED_{i}_X", f"FIXED_{i}_Y") for i in range(len(spec.fixed_columns))
    ]
    columns += [f"CD_{field_name(name)}" for name in spec.witness]
    for i, column in enumerate(columns):
        if i:
            yield "power := mulmod(power, theta, r)"
        yield from _term(column, "power")


def _term(point: str | tuple[str, str], scalar: str) -> Iterator[str]:
    """M_SUM += scalar * point; a point is one of the calldata, or two coordinates."""
    if isinstance(point, str):
        yield f"calldatacopy(M_TERM, {point}, {POINT:#x})"
    else:
        yield f"mstore(M_TERM, {point[0]})"
        yield f"mstore(M_TERM_Y, {point[1]})"
    yield f"mstore(M_SCALAR, {scalar})"
    yield "ok := and("
    yield f"    staticcall(gas(), {ADD:#04x}, M_SUM, {2 * POINT:#x}, M_SUM, {POINT:#x}),"
    yield f"    and({_multiplied('M_TERM')}, ok)"
    yield ")"


def omega_q_lines() -> Iterator[str]:
    """omega C_q, where the pairing reads it."""
    yield f"calldatacopy(M_OMEGA_Q, CD_Q, {POINT:#x})"
    yield f"mstore(add(M_OMEGA_Q, {POINT:#x}), omega)"
    yield f"ok := and({_multiplied('M_OMEGA_Q')}, ok)"


def _multiplied(place: str) -> str:
    return f"staticcall(gas(), {MULTIPLY:#04x}, {place}, {SCALED:#x}, {place}, {POINT:#x})"


def pair_lines() -> Iterator[str]:
    """A with [1]_2, -W' with [tau]_2, -omega C_q with [tau^b]_2; A and omega C_q are in place."""
    negated = "mod(sub(p, {}), p)".format
    yield "// A is at M_SUM, the start of the pairs"
    yield from _g2(0, "G2")
    yield f"mstore({_pair(1, 0)}, calldataload(CD_W_PRIME))"
    yield f"mstore({_pair(1, WORD)}, {negated('calldataload(CD_W_PRIME_Y)')})"
    yield from _g2(1, "TAU")
    y = _pair(2, WORD)
    yield f"// omega C_q is at {2 * PAIR:#x}"
    yield f"mstore({y}, {negated(f'mload({y})')})"
    yield from _g2(2, "TAU_B")


def _g2(pair: int, name: str) -> Iterator[str]:
    for i, coordinate in enumerate(G2_COORDINATES):
        yield f"mstore({_pair(pair, POINT + WORD * i)}, {name}_{coordinate})"


def _pair(pair: int, offset: int) -> str:
    return f"add(M_PAIRS, {PAIR * pair + offset:#x})"
