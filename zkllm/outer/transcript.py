"""The order of messages between the outer prover and verifier, written once, and the keccak256 chain.

`SCHEDULE` is the table of docs/protocol.md: each round's messages, and the challenge drawn after them. The
proof's body is the witness commitments, the rounds' messages, and the inverse of all denominators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zkllm.errors import Malformed, ProofError
from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.outer.gates import SELECTORS, WIRES
from zkllm.pcs.curve import G1_BYTES, OffCurve, g1_coordinates

STATEMENT_TAG = keccak256(b"zkllm.v2.statement")
POINT_BYTES, SCALAR_BYTES = G1_BYTES, 32

PREPROCESSED = (*SELECTORS, "sigma1", "sigma2", "sigma3", "sigma4")
WIRES_NEXT = tuple(f"{w}_next" for w in WIRES)
EVALUATIONS = (
    *PREPROCESSED,  # at y
    *WIRES,  # at y
    *WIRES_NEXT,  # at w y
    "z",  # z'(y)
    *("z_next", "Tp_next", "Tg_next"),  # z', Tp, Tg at w y
    *("g_zeta", "g_zeta_inv", "h_zeta", "h_zeta_inv", "S_zeta", "S_zeta_inv"),
)


@dataclass(frozen=True)
class Round:
    """Messages of this round, then the challenge."""

    challenge: str
    points: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()
    points_first: bool = True

    @property
    def messages(self) -> tuple[str, ...]:
        return self.points + self.scalars if self.points_first else self.scalars + self.points


SCHEDULE = (
    Round("theta", scalars=("delta",)),
    Round("alpha", scalars=("v",), points=("h",), points_first=False),
    Round("gamma", points=("q", "g")),
    Round("zeta", points=("SD",)),
    Round("beta_p", scalars=("pc", "pci", "pr", "pri"), points=("C1",), points_first=False),
    Round("gamma_p"),
    Round("alpha_p"),
    Round("y", points=("C2",)),
    Round("beta", scalars=EVALUATIONS),
    Round("z", points=("W",)),
    Round("omega", points=("W_prime",)),
)
INVERSE = "inverse"


def public_input_names(num_words: int) -> tuple[str, ...]:
    """Public inputs of the circuit, in the order of its first rows."""
    words = (f"word{i}" for i in range(num_words))
    return ("seed", *words, "delta", "theta", "zeta", "v", "pc", "pci", "pr", "pri")


def public_inputs(
    seed: int, words: Sequence[int], scalars: Mapping[str, int], challenges: Mapping[str, int]
) -> list[int]:
    """Their values, from what is sent and what is drawn."""
    named = {"seed": seed, **{f"word{i}": w for i, w in enumerate(words)}}
    named |= {name: challenges[name] for name in ("theta", "zeta")}
    return [named[name] if name in named else scalars[name] for name in public_input_names(len(words))]


STATEMENT = ("tag", "verifier_id", "context", "words", "witness")
"""What H is the digest of, in order: the last two are the statement's words and the witness commitments."""


def statement_digest(verifier_id: bytes, context: bytes, words: list[int], witness: list[bytes]) -> bytes:
    parts = {
        "tag": STATEMENT_TAG,
        "verifier_id": verifier_id,
        "context": context,
        "words": b"".join(map(encode_scalar, words)),
        "witness": b"".join(witness),
    }
    return keccak256(*(parts[name] for name in STATEMENT))


def seed_of(digest: bytes) -> int:
    """What the inner protocol's sponge starts from: H without its last 8 bits, hence below r."""
    return int.from_bytes(digest, "big") >> 8


CHAIN_START = ("verifier_id", "H")
"""What stands before the first round's messages."""


class Transcript:
    """s <- keccak256(s | messages), s = `CHAIN_START` at first; a challenge is s mod r."""

    def __init__(self, verifier_id: bytes, digest: bytes, schedule: tuple[Round, ...] = SCHEDULE):
        start = {"verifier_id": verifier_id, "H": digest}
        self._prefix = b"".join(start[name] for name in CHAIN_START)
        self._schedule = schedule
        self._round = 0
        self.log: list[tuple[str, bytes | int]] = [("H", digest)]
        """Every message and challenge so far, in order."""

    @property
    def state(self) -> bytes:
        """s after the last challenge; keccak256 of everything before, so it stands for all of it."""
        return self._prefix

    def challenge(self, name: str, messages: dict[str, bytes | int]) -> int:
        """Absorbs the messages of the next round of the schedule, which must draw this challenge."""
        expected = self._schedule[self._round]
        if expected.challenge != name or set(messages) != set(expected.messages):
            raise AssertionError(f"out of order: {name} {sorted(messages)}, the schedule says {expected}")
        encoded = b"".join(encode(messages[m]) for m in expected.messages)
        self._prefix = keccak256(self._prefix, encoded)
        self._round += 1
        value = int.from_bytes(self._prefix, "big") % R
        self.log += [(m, messages[m]) for m in expected.messages] + [(name, value)]
        return value


def encode_scalar(x: int) -> bytes:
    return x.to_bytes(SCALAR_BYTES, "big")


def encode(message: bytes | int) -> bytes:
    return message if isinstance(message, bytes) else encode_scalar(message)


def body_elements(num_witness_columns: int, schedule: tuple[Round, ...] = SCHEDULE) -> list[tuple[str, bool]]:
    """(name, is it a point) of each element of the body, in order."""
    layout = [(f"witness{i}", True) for i in range(num_witness_columns)]
    for r in schedule:
        layout += [(m, m in r.points) for m in r.messages]
    return [*layout, (INVERSE, False)]


def body_bytes(num_witness_columns: int) -> int:
    return sum(
        POINT_BYTES if is_point else SCALAR_BYTES for _, is_point in body_elements(num_witness_columns)
    )


def encode_body(witness_commitments: list[bytes], messages: dict[str, bytes | int]) -> bytes:
    return b"".join([*witness_commitments, *(encode(messages[name]) for name, _ in body_elements(0))])


def decode_body(
    body: bytes, num_witness_columns: int
) -> tuple[list[bytes], dict[str, int], dict[str, bytes]]:
    """(witness commitments, scalars, points). Refuses every encoding but the canonical one; points keep their
    bytes and are known to have coordinates below p that satisfy the curve's equation."""
    expected = body_bytes(num_witness_columns)
    if len(body) != expected:
        raise ProofError(f"length: the proof's body has {len(body)} bytes instead of {expected}")
    witness: list[bytes] = []
    scalars: dict[str, int] = {}
    points: dict[str, bytes] = {}
    offset = 0
    for name, is_point in body_elements(num_witness_columns):
        size = POINT_BYTES if is_point else SCALAR_BYTES
        data = body[offset : offset + size]
        offset += size
        if is_point:
            check_point(name, data)
            if name.startswith("witness"):
                witness.append(data)
            else:
                points[name] = data
        else:
            value = int.from_bytes(data, "big")
            if value >= R:
                raise ProofError(f"canonical scalar: {name} is not below r")
            scalars[name] = value
    return witness, scalars, points


def check_point(name: str, data: bytes) -> None:
    try:
        g1_coordinates(data)
    except OffCurve:
        raise ProofError(f"point on curve: {name} is not a point of G1") from None
    except Malformed:
        raise ProofError(f"canonical point: a coordinate of {name} is not below p") from None
