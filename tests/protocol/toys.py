"""Random small manifests with data, and parties to run parts of the protocol's text on them."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from testkit.blinding import seeded
from zkllm.field import R
from zkllm.naive import NAIVE
from zkllm.protocol.data import Packed, ProverData
from zkllm.protocol.forms import Form
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.masks import hidden_masks
from zkllm.protocol.party import Prover, Verifier
from zkllm.protocol.setting import Setting
from zkllm.protocol.shape import Shape, Vocabulary


@dataclass(frozen=True)
class ToyConfig:
    fixed_mu: int
    witness_mu: int
    mu: int
    hidden: bool = False
    limb_bits: int = 16
    n_ctx: int = 1
    vocabulary: Vocabulary = Vocabulary(1, 1, 0)

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def toy_protocol(manifest: Manifest, mu: int = 6, above: tuple[int, int] = (0, 2)) -> Setting:
    """What parties need of a protocol, without operations. `above`: by how many bits the opening's size is
    above that of fixed and of witness columns, of 2^mu at most."""
    sizes = ToyConfig(mu - above[0], mu - above[1], mu)
    return Setting(Shape(sizes, 1, 1), manifest, 7)


def random_data(setting: Setting, rng: random.Random) -> ProverData:
    """Random entries: small integers, or field elements as Python integers; random masks above, of fixed
    columns where hidden models have them."""
    manifest, witness = setting.manifest, setting.witness
    tensors: dict[str, np.ndarray | Packed] = {}
    for tensor in manifest.tensors.values():
        sizes = manifest.sizes(tensor.name)
        if rng.random() < 0.5:
            array = np.array([rng.randrange(-9, 9) for _ in range(int(np.prod(sizes)))], np.int64)
        else:
            array = np.array([rng.randrange(R) for _ in range(int(np.prod(sizes)))], object)
        tensors[tensor.name] = array.reshape(sizes)
    above = range(1 << witness.mu, 1 << setting.mu)
    masks = [rng.sample(above, min(len(above), 3)) for _ in range(witness.num_columns)]
    of_weights = (
        hidden_masks(setting.fixed, lambda _: rng.randrange(R)) if setting.fixed.mu < setting.mu else ()
    )
    return ProverData(manifest, NAIVE, tensors, seeded(masks, rng.randrange(1 << 30)), of_weights)


def parties(protocol: Setting, data: ProverData) -> tuple[Prover, Any]:
    """A prover, and a function that makes the verifier of its messages."""
    prover = Prover(protocol, 5, data)
    return prover, lambda: Verifier(protocol, 5, prover.messages)


def dense_form(data: ProverData, form: Form, axes: tuple[str, ...]) -> np.ndarray:
    """A form over all its axes as Python integers."""
    table = data.table(form, axes, {})
    sizes = [data.manifest.axes[a] for a in axes]
    values = table if isinstance(table, np.ndarray) else np.array(table, object)
    return values.astype(object).reshape(sizes) % R
