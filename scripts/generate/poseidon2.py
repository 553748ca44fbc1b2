"""Derives the Poseidon2 constants of BN254's scalar field, t = 4, and writes them for Python, Rust and
JavaScript.

The procedure is the published one (Grassi, Khovratovich, Schofnegger, eprint 2023/323; the reference script
is poseidon2_rust_params.sage in github.com/HorizenLabs/poseidon2): a Grain LFSR seeded with the instance's
parameters gives the round constants, then candidates for the diagonal of the internal matrix until the
minimal polynomials of its powers 1..2t are irreducible of degree t (no invariant subspaces).

    python -m scripts.generate.poseidon2 [--check]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

from scripts import ROOT
from zkllm.field import R

HEADER = (
    "Constants of Poseidon2 over F, t = 4, written by scripts/generate/poseidon2.py (it names their source)."
)
WIDTH, FULL_ROUNDS, PARTIAL_ROUNDS, FIELD_BITS = 4, 8, 56, 254


def grain() -> Iterator[int]:
    """Bits of the Grain LFSR in self-shrinking mode: prime field, S-box x^alpha."""
    seed = f"{1:02b}{0:04b}{FIELD_BITS:012b}{WIDTH:012b}{FULL_ROUNDS:010b}{PARTIAL_ROUNDS:010b}" + "1" * 30
    bits = [int(b) for b in seed]

    def step() -> int:
        bit = bits[62] ^ bits[51] ^ bits[38] ^ bits[23] ^ bits[13] ^ bits[0]
        bits.append(bit)
        bits.pop(0)
        return bit

    for _ in range(160):
        step()
    while True:
        while step() == 0:
            step()
        yield step()


def draw(stream: Iterator[int]) -> int:
    """FIELD_BITS bits of the stream, most significant first."""
    value = 0
    for _ in range(FIELD_BITS):
        value = 2 * value + next(stream)
    return value


def draw_below_r(stream: Iterator[int]) -> int:
    """The round constants are sampled by rejection."""
    while (value := draw(stream)) >= R:
        pass
    return value


Poly = list[int]  # coefficients, lowest first


def poly_mod(a: Poly, m: Poly) -> Poly:
    """a modulo the monic m."""
    a = list(a)
    while len(a) >= len(m):
        lead = a.pop()
        shift = len(a) + 1 - len(m)
        for i, c in enumerate(m[:-1]):
            a[shift + i] = (a[shift + i] - lead * c) % R
    return a


def poly_mulmod(a: Poly, b: Poly, m: Poly) -> Poly:
    out = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return poly_mod([c % R for c in out], m)


def power_of_x(exponent: int, m: Poly) -> Poly:
    """X^exponent modulo m."""
    result, base = [1], [0, 1]
    while exponent:
        if exponent & 1:
            result = poly_mulmod(result, base, m)
        base = poly_mulmod(base, base, m)
        exponent >>= 1
    return result + [0] * (len(m) - 1 - len(result))


def trim(a: Poly) -> Poly:
    while a and a[-1] == 0:
        a = a[:-1]
    return a


def coprime(a: Poly, b: Poly) -> bool:
    a, b = trim(a), trim(b)
    while b:
        inv = pow(b[-1], -1, R)
        monic = [c * inv % R for c in b]
        a, b = monic, trim(poly_mod(a, monic))
    return len(a) == 1


def irreducible_quartic(f: Poly) -> bool:
    """Rabin's test for a monic f of degree 4: f | X^(r^4) - X and gcd(f, X^(r^2) - X) = 1."""
    x = [0, 1, 0, 0]
    if power_of_x(R**4, f) != x:
        return False
    frobenius2 = power_of_x(R**2, f)
    return coprime(f, [(a - b) % R for a, b in zip(frobenius2, x, strict=True)])


Matrix = list[list[int]]


def matmul(a: Matrix, b: Matrix) -> Matrix:
    return [[sum(x * b[k][j] for k, x in enumerate(row)) % R for j in range(WIDTH)] for row in a]


def characteristic_polynomial(m: Matrix) -> Poly:
    """Faddeev-LeVerrier. Irreducible of degree t means that it is the minimal polynomial too."""
    coefficients = [1]
    acc: Matrix = [[0] * WIDTH for _ in range(WIDTH)]
    for k in range(1, WIDTH + 1):
        acc = matmul(m, acc)
        for i in range(WIDTH):
            acc[i][i] = (acc[i][i] + coefficients[-1]) % R
        product = matmul(m, acc)
        coefficients.append(-sum(product[i][i] for i in range(WIDTH)) * pow(k, -1, R) % R)
    return coefficients[::-1]


def secure_internal_matrix(diagonal: list[int]) -> bool:
    m = [[diagonal[i] if i == j else 1 for j in range(WIDTH)] for i in range(WIDTH)]
    power = m
    for _ in range(2 * WIDTH):
        if not irreducible_quartic(characteristic_polynomial(power)):
            return False
        power = matmul(power, m)
    return True


def derive() -> tuple[list[list[int]], list[int]]:
    """(64 rows of round constants, diagonal of the internal matrix minus 1)."""
    stream = grain()
    half = FULL_ROUNDS // 2
    rounds = [[draw_below_r(stream) for _ in range(WIDTH)] for _ in range(half)]
    rounds += [[draw_below_r(stream), 0, 0, 0] for _ in range(PARTIAL_ROUNDS)]
    rounds += [[draw_below_r(stream) for _ in range(WIDTH)] for _ in range(half)]
    while True:
        diagonal = [draw(stream) % R for _ in range(WIDTH)]
        if secure_internal_matrix(diagonal):
            return rounds, [(d - 1) % R for d in diagonal]


def python_module(rounds: list[list[int]], diagonal: list[int]) -> str:
    out = f'"""{HEADER}"""\n\n'
    out += "DIAGONAL = [\n" + "".join(f"    0x{d:064X},\n" for d in diagonal) + "]\n"
    out += '"""Diagonal of the internal matrix minus 1: M_I = 1 + diag."""\n\n'
    out += "ROUND_CONSTANTS = [\n"
    for row in rounds:
        if any(row[1:]):
            out += "    [\n" + "".join(f"        0x{c:064X},\n" for c in row) + "    ],\n"
        else:
            out += f"    [0x{row[0]:064X}, 0, 0, 0],\n"
    return out + ']\n"""4 full rounds, 56 partial rounds (lane 0 only), 4 full rounds."""\n'


def rust_module(rounds: list[list[int]], diagonal: list[int]) -> str:
    out = f"//! {HEADER}\n"
    out += "\nuse crate::field::Fr;\nuse ark_ff::MontFp;\n"
    out += "\n/// Diagonal of the internal matrix minus 1.\npub const DIAGONAL: [Fr; 4] = [\n"
    out += "".join(f'    MontFp!("{d}"),\n' for d in diagonal) + "];\n"
    full = [row for row in rounds if any(row[1:])]
    out += "\n/// The 4 first and the 4 last rounds.\npub const FULL_ROUNDS: [[Fr; 4]; 8] = [\n"
    for row in full:
        out += "    [\n" + "".join(f'        MontFp!("{c}"),\n' for c in row) + "    ],\n"
    out += "];\n\n/// Lane 0 of the rounds between.\npub const PARTIAL_ROUNDS: [Fr; 56] = [\n"
    out += "".join(f'    MontFp!("{row[0]}"),\n' for row in rounds if not any(row[1:])) + "];\n"
    return out


def javascript_module(diagonal: list[int]) -> str:
    """For the explorer's verifier, which needs no rounds."""
    out = f"// {HEADER}\n\n/** Diagonal of the internal matrix minus 1. */\nexport const DIAGONAL = [\n"
    return out + "".join(f"  0x{d:064x}n,\n" for d in diagonal) + "];\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files, write nothing"
    )
    check = parser.parse_args().check
    constants = derive()
    files = {
        ROOT / "zkllm/poseidon2_constants.py": python_module(*constants),
        ROOT / "native/src/hash/poseidon2_constants.rs": rust_module(*constants),
        ROOT / "explorer/src/generated/poseidon2.js": javascript_module(constants[1]),
    }
    for path, text in files.items():
        if check and path.read_text() != text:
            print(f"{path.relative_to(ROOT)} differs from what this script derives", file=sys.stderr)
            return 1
        if not check:
            path.write_text(text)
            if path.suffix == ".rs":
                subprocess.run(["rustfmt", "--check", "--edition", "2024", str(path)], check=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
