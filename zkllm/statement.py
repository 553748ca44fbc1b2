"""What is claimed: that a model answers a prompt with certain tokens. Pure Python, no proof in sight.

Statement: model_id, T, k, ids x_0..x_T; x_{T-k+1}..x_T are the certified tokens (docs/protocol.md, 1). Of a
sealed one the prompt x_0..x_{T-k} is not told, and P stands for it (`zkllm.sealed`). A context ties a proof
to one chain, contract, sender and request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkllm.errors import StatementError
from zkllm.field import R
from zkllm.hashing import keccak256

LIMB_BITS = 24
LIMBS_PER_WORD = 10
DIGEST_BYTES = 32
ADDRESS_BYTES = 20
SEALED_TAG = keccak256(b"zkllm.v2.sealed claim")


def num_limb_words(limbs: int) -> int:
    """Words that hold so many limbs."""
    return -(-limbs // LIMBS_PER_WORD)


def num_words(N: int, k: int, sealed: bool) -> int:
    """Words of a statement: T and N + 1 ids; of a sealed one P, and k ids."""
    return 1 + num_limb_words(k) if sealed else num_limb_words(N + 2)


def pack_limbs(limbs: Sequence[int]) -> list[int]:
    """Limbs of 24 bits as words: limb i at bit 24 (9 - i mod 10) of word i div 10, unused ones zero.

    Each word is below 2^240, hence a field element.
    """
    if not all(0 <= limb < 1 << LIMB_BITS for limb in limbs):
        raise StatementError(f"a statement's numbers and ids have {LIMB_BITS} bits each")
    words = [0] * num_limb_words(len(limbs))
    for i, limb in enumerate(limbs):
        words[i // LIMBS_PER_WORD] |= limb << LIMB_BITS * (LIMBS_PER_WORD - 1 - i % LIMBS_PER_WORD)
    return words


def unpack_limbs(words: Sequence[int], count: int) -> list[int]:
    """Inverse of `pack_limbs` on `count` limbs. Refuses words that are not its output."""
    expected = num_limb_words(count)
    if len(words) != expected or not all(0 <= w < 1 << LIMB_BITS * LIMBS_PER_WORD for w in words):
        raise StatementError(f"expected {expected} words below 2^{LIMB_BITS * LIMBS_PER_WORD}")
    limbs = [
        w >> LIMB_BITS * (LIMBS_PER_WORD - 1 - j) & (1 << LIMB_BITS) - 1
        for w in words
        for j in range(LIMBS_PER_WORD)
    ]
    if any(limbs[count:]):
        raise StatementError("limbs after the last id must be zero")
    return limbs[:count]


def pack_words(T: int, ids: Sequence[int], N: int) -> list[int]:
    """T, then N + 1 ids."""
    if len(ids) != N + 1:
        raise StatementError(f"expected {N + 1} ids, got {len(ids)}")
    return pack_limbs([T, *ids])


def unpack_words(words: Sequence[int], N: int) -> tuple[int, list[int]]:
    """Inverse of `pack_words`: (T, N + 1 ids)."""
    T, *ids = unpack_limbs(words, N + 2)
    return T, ids


def sealed_words(sealed_prompt: int, answer: Sequence[int]) -> list[int]:
    """P, then the answered ids as limbs."""
    return [sealed_prompt, *pack_limbs(answer)]


def unpack_sealed_words(words: Sequence[int], k: int) -> tuple[int, list[int]]:
    """Inverse of `sealed_words`: (P, k ids)."""
    if not words or not 0 <= words[0] < R:
        raise StatementError("expected P, below r")
    return words[0], unpack_limbs(words[1:], k)


def prompt_of(ids: Sequence[int], T: int, k: int) -> tuple[int, ...]:
    """x_0 .. x_{T-k}; `ids` may go on with padding."""
    return tuple(ids[: T - k + 1])


def answer_of(ids: Sequence[int], T: int, k: int) -> tuple[int, ...]:
    """The certified tokens x_{T-k+1} .. x_T."""
    return tuple(ids[T - k + 1 : T + 1])


@dataclass(frozen=True)
class Statement:
    """ids: x_0..x_T without padding."""

    model_id: bytes
    k: int
    ids: tuple[int, ...]

    @property
    def T(self) -> int:
        return len(self.ids) - 1

    def check(self, *, N: int, k: int, vocab_size: int, n_ctx: int) -> None:
        """1 <= k <= T <= N <= n_ctx and every id below the vocabulary's size: whether it can be a claim of a
        shape at all. The prover's limits (`model.trace.check_statement`) and the verifier's
        (`outer.verifier.check_words`) are these, and about padding; each is checked by itself."""
        if len(self.model_id) != DIGEST_BYTES:
            raise StatementError("model_id must have 32 bytes")
        if self.k != k:
            raise StatementError(f"the statement certifies {self.k} tokens, this key {k}")
        if not 1 <= self.k <= self.T <= N <= n_ctx:
            raise StatementError(
                f"need 1 <= k <= T <= N <= n_ctx, got k={self.k} T={self.T} N={N} n_ctx={n_ctx}"
            )
        for i, token in enumerate(self.ids):
            if not 0 <= token < vocab_size:
                raise StatementError(
                    f"id {token} at position {i} is not below the vocabulary's size {vocab_size}"
                )

    def padded_ids(self, N: int, pad_id: int) -> list[int]:
        """x_0..x_N: the declared pad id follows x_T."""
        return [*self.ids, *[pad_id] * (N - self.T)]

    def words(self, N: int, pad_id: int) -> list[int]:
        return pack_words(self.T, self.padded_ids(N, pad_id), N)

    @property
    def prompt(self) -> tuple[int, ...]:
        return prompt_of(self.ids, self.T, self.k)

    @property
    def answer(self) -> tuple[int, ...]:
        return answer_of(self.ids, self.T, self.k)

    def claim_id(self) -> bytes:
        """The question's id, whatever its answer: the model has one."""
        return claim_id(self.model_id, self.k, prompt_digest(self.prompt))


@dataclass(frozen=True)
class SealedStatement:
    """What is public of a statement whose prompt is sealed. answer: x_{T-k+1}..x_T; T is not told."""

    model_id: bytes
    k: int
    sealed_prompt: int  # P
    answer: tuple[int, ...]

    def words(self) -> list[int]:
        return sealed_words(self.sealed_prompt, self.answer)

    def claim_id(self) -> bytes:
        return sealed_claim_id(self.model_id, self.k, self.sealed_prompt)


def statement_of(
    words: Sequence[int], model_id: bytes, N: int, k: int, sealed: bool
) -> Statement | SealedStatement:
    """What the words of a shape say of a model. Raises StatementError where they say nothing."""
    if sealed:
        sealed_prompt, answer = unpack_sealed_words(words, k)
        return SealedStatement(model_id, k, sealed_prompt, tuple(answer))
    T, ids = unpack_words(words, N)
    if not k <= T <= N:
        raise StatementError(f"need k <= T <= N, got k={k} T={T} N={N}")
    return Statement(model_id, k, tuple(ids[: T + 1]))


def prompt_digest(prompt: Sequence[int]) -> bytes:
    """keccak256(abi.encodePacked(uint32[] prompt)): a word of 32 bytes for each id."""
    return keccak256(b"".join(x.to_bytes(32, "big") for x in prompt))


def claim_id(model_id: bytes, k: int, digest: bytes) -> bytes:
    """keccak256(abi.encode(bytes32 modelId, uint256 k, bytes32 promptDigest))."""
    return keccak256(model_id, k.to_bytes(32, "big"), digest)


def sealed_claim_id(model_id: bytes, k: int, sealed_prompt: int) -> bytes:
    """keccak256(abi.encode(bytes32 SEALED_TAG, bytes32 modelId, uint256 k, uint256 P)), P below r: P + r
    would be another id of the same question."""
    if not 0 <= sealed_prompt < R:
        raise StatementError("a sealed prompt P must be below r")
    return keccak256(SEALED_TAG, model_id, k.to_bytes(32, "big"), sealed_prompt.to_bytes(32, "big"))


def request_id(requester: bytes, salt: bytes) -> bytes:
    """keccak256(abi.encode(address requester, bytes32 salt)): the settlement's id of a request."""
    return keccak256(requester.rjust(32, b"\0"), salt)


@dataclass(frozen=True)
class Context:
    """Where a proof may be settled. All zero: no chain, and the context's digest is 32 zero bytes."""

    chain_id: int = 0
    contract: bytes = bytes(ADDRESS_BYTES)
    sender: bytes = bytes(ADDRESS_BYTES)
    request_id: bytes = bytes(DIGEST_BYTES)

    def __post_init__(self) -> None:
        if not 0 <= self.chain_id < 1 << 64:
            raise StatementError("the chain id must have at most 64 bits")
        if len(self.contract) != ADDRESS_BYTES or len(self.sender) != ADDRESS_BYTES:
            raise StatementError("contract and sender must be addresses of 20 bytes")
        if len(self.request_id) != DIGEST_BYTES:
            raise StatementError("the request id must have 32 bytes")

    @property
    def is_empty(self) -> bool:
        return not (self.chain_id or any(self.contract) or any(self.sender) or any(self.request_id))

    def digest(self) -> bytes:
        """keccak256(abi.encode(uint256 chainid, address contract, address sender, bytes32 requestId))."""
        if self.is_empty:
            return bytes(DIGEST_BYTES)
        return keccak256(
            self.chain_id.to_bytes(32, "big"),
            self.contract.rjust(32, b"\0"),
            self.sender.rjust(32, b"\0"),
            self.request_id,
        )
