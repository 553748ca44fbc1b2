"""A pool of proving actors: orders go to whoever is idle, results come as they are made.

An actor whose process ends in the middle of a proof is replaced, and its order given to another: that costs
one of the order's attempts, and nothing else. Restarts are this module's, not Ray's, so that no order waits
for an actor that has no machine to start on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from zkllm.cluster.errors import ClusterError
from zkllm.cluster.placement import Placement
from zkllm.cluster.prover import News, NotProved, Order, Proved, Prover
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
        @property
        def news(self) -> _Method: ...


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


@dataclass(frozen=True)
class At(Generic[Name]):
    """The stage that an order is in; of a standing pool."""

    name: Name
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Refused:
    """Why an actor of a standing pool cannot work; the others go on."""

    reason: str


@dataclass(frozen=True)
class Census:
    """Actors: at work, without an order, starting or without a machine to start on, and those that cannot
    work."""

    busy: int
    idle: int
    starting: int
    refused: int


@dataclass(eq=False)
class _Member(Generic[Name]):
    """`begun`: orders that it was given; `at`: the one that it has, where it has one."""

    actor: _Actor
    begun: int = 0
    at: Name | None = None


class Pool(Generic[Name]):
    """Of some packages. `attempts`: how often an order is tried where the next one may end otherwise.
    `standing`: for orders that come by and by. Actors are there before any is, one that dies without an order
    is replaced at once, they say what stage they are in, and one that cannot open a package keeps its place
    while others work, so that none is started there again and again."""

    def __init__(
        self, told: Sequence[ToldPackage], placement: Placement, attempts: int, standing: bool = False
    ):
        import ray

        self._told, self._placement, self._attempts = tuple(told), placement, attempts
        self._standing = standing
        self._class = ray.remote(Prover).options(
            num_cpus=placement.cores,
            memory=placement.memory,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=2 if standing else 1,  # its news, and its work
        )
        self._waiting: deque[Name] = deque()
        self._orders: dict[Name, Order] = {}
        self._tried: dict[Name, int] = {}
        self._starting: dict[ObjectRef[object], _Member[Name]] = {}
        self._busy: dict[ObjectRef[object], _Member[Name]] = {}
        self._idle: list[_Member[Name]] = []
        self._refused: list[_Member[Name]] = []
        self._news: dict[ObjectRef[object], _Member[Name]] = {}
        self._dead_starts = 0
        self._idled = 0.0

    def run(self, orders: Mapping[Name, Order]) -> Iterator[Done[Name]]:
        """Each order's end, in the order in which they end. Raises ClusterError where no actor starts."""
        for name, order in orders.items():
            self.give(name, order)
        while self._orders:
            for event in self.look(LOOK_SECONDS):
                if isinstance(event, Done):
                    yield event

    def give(self, name: Name, order: Order) -> None:
        self._orders[name], self._tried[name] = order, 0
        self._waiting.append(name)

    def drop(self, name: Name) -> None:
        """Nobody wants it any more: the actor that is at it ends."""
        import ray

        if self._orders.pop(name, None) is None:
            return
        del self._tried[name]
        if name in self._waiting:
            self._waiting.remove(name)
        for reference, member in list(self._busy.items()):
            if member.at == name:
                del self._busy[reference]
                ray.kill(cast("ActorHandle[Prover]", member.actor))

    def look(self, seconds: float) -> Iterator[Done[Name] | At[Name] | Refused]:
        """Hands out what waits, and looks for so long for what happens. Raises ClusterError where no actor
        starts."""
        import ray

        self._fill()
        while self._waiting and self._idle:
            member, name = self._idle.pop(), self._waiting.popleft()
            self._tried[name] += 1
            member.begun, member.at = member.begun + 1, name
            self._busy[member.actor.prove.remote(self._orders[name])] = member
        looked = [*self._starting, *self._busy, *self._news]
        ready, _ = ray.wait(looked, num_returns=1, timeout=seconds)
        self._require_start(0.0 if ready else seconds)
        for reference in ready:
            if reference in self._starting:
                yield from self._started(reference)
            elif reference in self._news:
                yield from self._heard(reference)
            elif reference in self._busy:
                yield from self._ended(reference)

    def census(self) -> Census:
        return Census(len(self._busy), len(self._idle), len(self._starting), len(self._refused))

    def _fill(self) -> None:
        """As many actors as the orders that are left want, or as there are places."""
        present = len(self._starting) + len(self._busy) + len(self._idle) + len(self._refused)
        wanted = min(self._placement.count, len(self._waiting) + len(self._busy))
        for _ in range((self._placement.count if self._standing else wanted) - present):
            actor = cast("_Actor", self._class.remote(self._told, self._placement.cores))
            self._starting[actor.start.remote()] = _Member(actor)

    def _require_start(self, idled: float) -> None:
        """A ClusterError where orders wait and nobody has started for long."""
        self._idled = self._idled + idled if self._waiting and idled and not self._busy else 0.0
        if self._idled > START_SECONDS:
            raise ClusterError(
                f"no proving process has started within {START_SECONDS:.0f} s: the cluster has no room "
                "for one any more; give the same command again later"
            )

    def _started(self, reference: ObjectRef[object]) -> Iterator[Refused]:
        """It is idle then. One that was killed as it started is replaced; one that cannot open the package
        ends the run, unless others of a standing pool may go on: the next would not either."""
        import ray

        member = self._starting.pop(reference)
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
            if not self._standing or not (self._starting or self._busy or self._idle):
                raise ClusterError(told.reason)
            self._refused.append(member)
            yield Refused(told.reason)
            return
        self._dead_starts = 0
        self._idle.append(member)
        if self._standing:
            self._news[member.actor.news.remote(0)] = member

    def _heard(self, reference: ObjectRef[object]) -> Iterator[At[Name]]:
        """What an actor is at; or that it has died: what it was proving ends by itself."""
        import ray

        member = self._news.pop(reference)
        try:
            news = ray.get(reference)
        except ray.exceptions.RayError:
            if member in self._idle:
                self._idle.remove(member)
            return
        if not isinstance(news, News):
            raise TypeError(f"a prover said {type(news).__name__}")
        self._news[member.actor.news.remote(news.number)] = member
        if member.at is not None and news.begun == member.begun:
            yield At(member.at, news.stage, news.done, news.total)

    def _ended(self, reference: ObjectRef[object]) -> Iterator[Done[Name]]:
        member = self._busy.pop(reference)
        name, member.at = cast("Name", member.at), None
        outcome = self._outcome(reference, member)
        if isinstance(outcome, NotProved) and outcome.again and self._tried[name] < self._attempts:
            self._waiting.append(name)
            return
        del self._orders[name]
        yield Done(name, outcome, self._tried.pop(name))

    def _outcome(self, reference: ObjectRef[object], member: _Member[Name]) -> Proved | NotProved:
        import ray

        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayActorError:
            return NotProved("its process was killed, or its machine has gone or has too little memory", True)
        except ray.exceptions.RayError as error:
            ray.kill(cast("ActorHandle[Prover]", member.actor))
            return NotProved(_words(error), again=True)
        self._idle.append(member)
        if not isinstance(outcome, Proved | NotProved):
            raise TypeError(f"a prover said {type(outcome).__name__}")
        return outcome


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
