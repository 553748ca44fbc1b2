"""No array of a package is taken on trust: one entry that is off by one is found, in whichever array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zkllm.errors import PackageError
from zkllm.model.audit import check_package
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.package import ModelPackage
from zkllm.model.weights import ARRAYS

from .conftest import DEMO

OF_THE_TABLES = {"exp": "exp table", "gelu": "GELU table"}
"""Arrays that follow from the configuration: a predicate has found them before the checkpoint is read."""


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(DEMO)


@pytest.mark.parametrize("end", [0, -1], ids=["first entry", "last entry"])
@pytest.mark.parametrize("name", ARRAYS)
def test_one_entry_of_an_array(
    demo_package: ModelPackage, checkpoint: Checkpoint, name: str, end: int
) -> None:
    array = np.array(getattr(demo_package.weights, name))
    flat = array.reshape(-1)
    flat[end] += 1 if flat[end] <= 0 else -1
    package = replace(demo_package, weights=replace(demo_package.weights, **{name: array}))
    said = OF_THE_TABLES.get(name, f"array {name} is not what the checkpoint quantises to")
    with pytest.raises(PackageError, match=said):
        check_package(package, checkpoint, allow_scales=True)
