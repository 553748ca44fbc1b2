"""A pool of proving actors: orders go to whoever is idle, results come as they are made.

An actor whose process ends in the middle of a proof is replaced, and its order given to another: that costs
one of the order's attempts, and nothing else. Restarts are this module's, not Ray's, so that no order waits
for an actor that has no machine to start on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from zkllm.cluster.errors import ClusterError
from zkllm.cluster.placement import Placement
from zkllm.cluster.prover import NotProved, Order, Proved, Prover
from zkllm.cluster.told import ToldPackage

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

    class _Method(Protocol):
        def remote(self, *arguments: object) -> ObjectRef[object]: ...

    class _Actor(Protocol):
        """A `Prover` in another process."""

        @property
        def start(self) -> _Method: ...
        @property
        def prove(self) -> _Method: ...


START_SECONDS = 300.0
"""Where no actor works, another one has so long to start."""
LOOK_SECONDS = 0.5
MOST_DEAD_STARTS = 3
"""Of each place, one after the other: a machine that kills whatever starts there would be tried forever."""
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Done(Generic[Name]):
    """How an order ended, after so many attempts."""

    name: Name
    outcome: Proved | NotProved
    attempts: int


class Pool(Generic[Name]):
    """Of one package. `attempts`: how often an order is tried where the next one may end otherwise."""

    def __init__(self, told: ToldPackage, placement: Placement, attempts: int):
        import ray

        self._told, self._placement, self._attempts = told, placement, attempts
        self._class = ray.remote(Prover).options(
            num_cpus=placement.cores, memory=placement.memory, max_restarts=0, max_task_retries=0
        )
        self._starting: dict[ObjectRef[object], _Actor] = {}
        self._busy: dict[ObjectRef[object], tuple[_Actor, Name]] = {}
        self._idle: list[_Actor] = []
        self._dead_starts = 0

    def run(self, orders: Mapping[Name, Order]) -> Iterator[Done[Name]]:
        """Each order's end, in the order in which they end. Raises ClusterError where no actor starts."""
        import ray

        waiting, tried = deque(orders), dict.fromkeys(orders, 0)
        idled = 0.0
        while waiting or self._busy:
            self._fill(len(waiting))
            while waiting and self._idle:
                actor, name = self._idle.pop(), waiting.popleft()
                tried[name] += 1
                self._busy[actor.prove.remote(orders[name])] = actor, name
            ready, _ = ray.wait([*self._starting, *self._busy], timeout=LOOK_SECONDS)
            idled = 0.0 if ready or self._busy else idled + LOOK_SECONDS
            if idled > START_SECONDS:
                raise ClusterError(
                    f"no proving process has started within {START_SECONDS:.0f} s: the cluster has no room "
                    "for one any more; give the same command again later"
                )
            for reference in ready:
                if reference in self._starting:
                    self._started(reference)
                    continue
                actor, name = self._busy.pop(reference)
                outcome = self._outcome(reference, actor)
                if isinstance(outcome, NotProved) and outcome.again and tried[name] < self._attempts:
                    waiting.append(name)
                else:
                    yield Done(name, outcome, tried[name])

    def _fill(self, waiting: int) -> None:
        """As many actors as the orders that are left want."""
        present = len(self._starting) + len(self._busy) + len(self._idle)
        wanted = min(self._placement.count, waiting + len(self._busy))
        for _ in range(wanted - present):
            actor = cast("_Actor", self._class.remote(self._told, self._placement.cores))
            self._starting[actor.start.remote()] = actor

    def _started(self, reference: ObjectRef[object]) -> None:
        """It is idle then. One that was killed as it started is replaced; one that cannot open the package
        ends the run: the next would not either."""
        import ray

        actor = self._starting.pop(reference)
        try:
            told = ray.get(reference)
        except ray.exceptions.RayActorError:
            self._dead_starts += 1
            if self._dead_starts > MOST_DEAD_STARTS * self._placement.count:
                raise ClusterError(
                    "proving processes end as they start: their machines have too little memory, or kill them"
                ) from None
            return
        except ray.exceptions.RayError as error:
            raise ClusterError(f"a proving process cannot start: {_words(error)}") from None
        if isinstance(told, NotProved):
            raise ClusterError(told.reason)
        self._dead_starts = 0
        self._idle.append(actor)

    def _outcome(self, reference: ObjectRef[object], actor: _Actor) -> Proved | NotProved:
        import ray

        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayActorError:
            return NotProved("its process was killed, or its machine has gone or has too little memory", True)
        except ray.exceptions.RayError as error:
            ray.kill(cast("ActorHandle[Prover]", actor))
            return NotProved(_words(error), again=True)
        self._idle.append(actor)
        if not isinstance(outcome, Proved | NotProved):
            raise TypeError(f"a prover said {type(outcome).__name__}")
        return outcome


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
