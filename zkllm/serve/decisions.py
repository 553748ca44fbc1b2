"""Which requests of the chain are worth a proof. Pure: what is known goes in, a decision with its reason
comes out."""

from __future__ import annotations

from dataclasses import dataclass

from zkllm.units import ether


@dataclass(frozen=True)
class Offer:
    """A request as it was posted. `reward` in wei, `deadline` in chain time; `prompt` is empty where only its
    digest was told."""

    request_id: bytes
    claim_id: bytes
    model_id: bytes
    certified: int
    reward: int
    deadline: int
    prompt: tuple[int, ...]
    block_number: int


@dataclass(frozen=True)
class Costs:
    """What answering takes: `gas` of the settlement, its `price` in wei a gas now, `data_fee` in wei beside;
    seconds of those who wait before, and of the proof, by experience."""

    gas: int
    price: int
    data_fee: int
    waiting_seconds: float
    proving_seconds: float

    @property
    def wei(self) -> int:
        return self.gas * self.price + self.data_fee


@dataclass(frozen=True)
class Policy:
    """`margin`: of a reward over the gas; `time_margin`: of the time left over the time to prove;
    `settle_seconds`: kept free for the transaction."""

    margin: float
    time_margin: float
    settle_seconds: float


@dataclass(frozen=True)
class Decision:
    take: bool
    reason: str


def decide(offer: Offer, costs: Costs, now: int, policy: Policy) -> Decision:
    """`now` in chain time."""
    left = offer.deadline - now
    needed = policy.time_margin * (costs.waiting_seconds + costs.proving_seconds) + policy.settle_seconds
    if left <= 0:
        return Decision(False, "its deadline has passed")
    if left < needed:
        return Decision(False, f"its deadline is {left} s away, and {needed:.0f} s are needed")
    wanted = int(policy.margin * costs.wei)
    if offer.reward < wanted:
        return Decision(
            False,
            f"its reward of {ether(offer.reward)} is below {ether(wanted)}: {policy.margin:g} times "
            f"{costs.gas:,} gas at the present price",
        )
    return Decision(
        True,
        f"its reward of {ether(offer.reward)} covers {ether(wanted)}, {left} s are left, {needed:.0f} needed",
    )
