"""Random small manifests with data, and parties to run parts of the protocol's text on them."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np

from zkllm.field import R
from zkllm.naive import NAIVE
from zkllm.protocol.data import Packed, ProverData
from zkllm.protocol.forms import Form
from zkllm.protocol.layout import pack
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.party import Prover, Verifier


def toy_protocol(manifest: Manifest, mu: int = 6) -> Any:
    """What parties need of a protocol: manifest, layout and IV."""
    return SimpleNamespace(
        manifest=manifest,
        fixed=(fixed := pack(manifest, True, mu)),
        witness=(witness := pack(manifest, False, mu)),
        num_columns=fixed.num_columns + witness.num_columns,
        shape=SimpleNamespace(config=SimpleNamespace(mu=mu)),
        iv=7,
    )


def random_data(manifest: Manifest, rng: random.Random) -> ProverData:
    """Random entries: small integers, or field elements as Python integers."""
    tensors: dict[str, np.ndarray | Packed] = {}
    for tensor in manifest.tensors.values():
        sizes = manifest.sizes(tensor.name)
        if rng.random() < 0.5:
            array = np.array([rng.randrange(-9, 9) for _ in range(int(np.prod(sizes)))], np.int64)
        else:
            array = np.array([rng.randrange(R) for _ in range(int(np.prod(sizes)))], object)
        tensors[tensor.name] = array.reshape(sizes)
    return ProverData(manifest, NAIVE, tensors)


def parties(protocol: Any, data: ProverData) -> tuple[Prover, Any]:
    """A prover, and a function that makes the verifier of its messages."""
    prover = Prover(protocol, 5, data)
    return prover, lambda: Verifier(protocol, 5, prover.messages)


def dense_form(data: ProverData, form: Form, axes: tuple[str, ...]) -> np.ndarray:
    """A form over all its axes as Python integers."""
    table = data.table(form, axes, {})
    sizes = [data.manifest.axes[a] for a in axes]
    values = table if isinstance(table, np.ndarray) else np.array(table, object)
    return values.astype(object).reshape(sizes) % R
