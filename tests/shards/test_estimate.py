"""What a worker of a sharded proof is said to take: too much of it is refused, and Ray is asked for it."""

from __future__ import annotations

import pytest

from tests.test_memory import XL
from zkllm.families import describe
from zkllm.memory import Term, estimate
from zkllm.protocol.description import Description
from zkllm.shards.estimate import coordinator_estimate, worker_estimate

MEASURED = {1: 4327, 2: 2803}
"""MiB that each of so many workers took at most, of GPT-2 XL at N = 16: the table of docs/sharding.md."""
COUNTS = (2, 3, 4, 5, 64)


@pytest.fixture(scope="module")
def protocol() -> Description:
    return describe(XL, 16, 1)


def sizes(terms: tuple[Term, ...]) -> dict[str, int]:
    return {term.name: term.bytes for term in terms}


def test_it_is_not_below_the_measured_peak(protocol: Description) -> None:
    for count, measured in MEASURED.items():
        said = worker_estimate(protocol, count)
        assert measured <= said.resident >> 20 <= 1.2 * measured
        assert said.private < said.resident


def test_what_one_process_holds_somebody_holds(protocol: Description) -> None:
    """In each stage: the only worker has what the coordinator has not."""
    whole, here, worker = estimate(protocol), coordinator_estimate(protocol), worker_estimate(protocol, 1)
    cut = 0
    for stage, terms in whole.stages.items():
        left, told = sizes(here.stages[stage]), sizes(worker.stages.get(stage, ()))
        for name, size in sizes(terms).items():
            if name in left:
                assert left[name] == size, (stage, name)
            elif (stage, name) != ("outer circuit", "SRS"):  # the coordinator's, in pages that are mapped
                assert told.get(name, 0) >= size, (stage, name)
                cut += 1
    assert cut == 9
    assert here.always == whole.always == worker.always


@pytest.mark.parametrize("count", COUNTS)
def test_cutting_loses_nothing(protocol: Description, count: int) -> None:
    """What one worker has, so many have together, and none of them more than the only one."""
    one, each = worker_estimate(protocol, 1), worker_estimate(protocol, count)
    assert list(each.stages) == list(one.stages)
    for stage, terms in one.stages.items():
        cut = sizes(each.stages[stage])
        for name, size in sizes(terms).items():
            assert size <= count * cut[name] and cut[name] <= size, (stage, name)
    assert each.resident < one.resident
