"""The native kernels under the names of their naive twins (`naive.py`), where each is described."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .._native import (
    FrVec,
    LogUpTree,
    ReductionInstance,
    SumcheckInstance,
    accumulate,
    contract,
    eq_table,
    inner,
    linear_combination,
    sum_tables,
    tensor_product,
)
from ..field import R

Vector = FrVec
Table = FrVec | np.ndarray

__all__ = [
    "LogUpTree",
    "ReductionInstance",
    "SumcheckInstance",
    "Table",
    "Vector",
    "accumulate",
    "contract",
    "eq_table",
    "from_list",
    "from_table",
    "inner",
    "linear_combination",
    "slice",
    "sum_tables",
    "tensor_product",
    "to_list",
    "write",
    "zeros",
]


def from_list(values: Iterable[int]) -> FrVec:
    return FrVec.from_list([int(v) % R for v in values])


def from_table(table: Table) -> FrVec:
    if isinstance(table, FrVec):
        return table
    return from_list(table.reshape(-1).tolist()) if table.dtype == object else FrVec.from_array(table)


def to_list(vector: FrVec) -> list[int]:
    return vector.to_list()


def zeros(n: int) -> FrVec:
    return FrVec.zeros(n)


def slice(vector: FrVec, start: int, stop: int) -> FrVec:
    return vector.slice(start, stop)


def write(target: FrVec, address: int, table: Table) -> None:
    target.write(address, table)
