"""Damaged statements and proofs: each must be rejected, by the Python verifier and by the contract alike."""

from __future__ import annotations

from collections.abc import Iterator

from zkllm.field import P, R
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.opening import denominators, product
from zkllm.outer.transcript import POINT_BYTES, SCALAR_BYTES, body_elements, decode_body, statement_digest
from zkllm.outer.verifier import draw_challenges
from zkllm.pcs.curve import G1_GENERATOR

Case = tuple[str, bytes, list[int], bytes]
REPAIRED = ("delta", "v", "h", "q", "g", "SD", "pci", "C1", "C2", "sigma3", "z", "S_zeta_inv", "W", "W_prime")


def offsets(vk: VerifyingKey) -> dict[str, tuple[int, bool]]:
    """Where each element of the body starts, and whether it is a point."""
    out, offset = {}, 0
    for name, is_point in body_elements(vk.num_witness_columns):
        out[name] = (offset, is_point)
        offset += POINT_BYTES if is_point else SCALAR_BYTES
    return out


def replace(body: bytes, offset: int, data: bytes | int) -> bytes:
    data = data if isinstance(data, bytes) else data.to_bytes(SCALAR_BYTES, "big")
    return body[:offset] + data + body[offset + len(data) :]


def repair_inverse(vk: VerifyingKey, context: bytes, words: list[int], body: bytes) -> bytes:
    """The inverse that belongs to a body, so that the last check of the verifier is the one to reject it."""
    witness, scalars, points = decode_body(body, vk.num_witness_columns)
    digest = statement_digest(vk.verifier_id, context, words, witness)
    challenges = draw_challenges(vk, digest, {**scalars, **points})
    inverse = pow(product(denominators(vk.domain, vk.num_public, challenges)), -1, R)
    return replace(body, len(body) - SCALAR_BYTES, inverse)


def damaged_cases(vk: VerifyingKey, context: bytes, words: list[int], body: bytes) -> Iterator[Case]:
    """(name, context, words, body)."""
    elements = dict(damaged_elements(vk, body))
    for name, damaged in elements.items():
        yield name, context, words, damaged
    for name in REPAIRED:
        damaged = elements.get(f"{name} + 1") or elements[f"{name} negated"]
        yield f"{name} changed, inverse repaired", context, words, repair_inverse(vk, context, words, damaged)
    at = offsets(vk)
    h, q = at["h"][0], at["q"][0]
    exchanged = replace(replace(body, h, body[q : q + POINT_BYTES]), q, body[h : h + POINT_BYTES])
    yield "h and q exchanged", context, words, exchanged
    yield "one byte less", context, words, body[:-1]
    yield "one byte more", context, words, body + b"\0"
    yield "one word less", context, words, body[:-32]
    yield "one word more", context, words, body + bytes(32)
    yield "empty", context, words, b""
    yield "another context", bytes(32), words, body
    yield "T + 1", context, [words[0] + (1 << 216), *words[1:]], body
    yield "another id", context, [words[0] ^ (1 << 192), *words[1:]], body
    other = [words[0] ^ (1 << 192), *words[1:]]
    yield "another id, inverse repaired", context, other, repair_inverse(vk, context, other, body)
    yield "another padding id", context, [*words[:-1], words[-1] ^ (1 << 216)], body
    yield "a spare limb", context, [*words[:-1], words[-1] + 1], body
    yield "a high bit of a word", context, [words[0] + (1 << 240), *words[1:]], body
    yield "a word + r", context, [words[0] + R, *words[1:]], body
    yield "a word more", context, [*words, 0], body
    yield "a word less", context, words[:-1], body


def damaged_elements(vk: VerifyingKey, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Every element of the body changed, to canonical values and to others."""
    for name, (offset, is_point) in offsets(vk).items():
        word = lambda start: int.from_bytes(body[start : start + 32], "big")
        if not is_point:
            yield f"{name} + 1", replace(body, offset, (word(offset) + 1) % R)
            yield f"{name} = 0", replace(body, offset, 0)
            yield f"{name} + r", replace(body, offset, word(offset) + R)
            continue
        y = offset + 32
        yield f"{name} = generator", replace(body, offset, G1_GENERATOR)
        yield f"{name} = infinity", replace(body, offset, bytes(POINT_BYTES))
        yield f"{name} negated", replace(body, y, P - word(y))
        yield f"{name} off the curve", replace(body, y, word(y) ^ 1)
        yield f"{name}: infinity as (p, 0)", replace(body, offset, P.to_bytes(32, "big") + bytes(32))
        yield f"{name}: infinity as (0, p)", replace(body, offset, bytes(32) + P.to_bytes(32, "big"))
        for part, start in (("x", offset), ("y", y)):
            if word(start) + P < 1 << 256:
                yield f"{name}: {part} + p", replace(body, start, word(start) + P)
