"""One sumcheck for many relations: instances in lock-step under shared challenges.

Independent instances (`relations.py`) run side by side; only their round polynomials are added. Their axes
share coordinates through pools: every axis belongs to a pool (`manifest.Axis`), the axes of an instance in
one pool take its coordinates in order, and the challenges of a pool are drawn once. No instance has two axes
on the same coordinates.

* zero-check (`tau` given): every instance is weighted by eq(tau, x); an axis that it lacks contributes
  sum eq(tau, x) = 1. Rounds are normalised (Gruen, eprint 2024/108): the eq factors of the bound variables
  are common to all instances and are divided out.
* product sum: an instance lives on x = 0 of every variable that it lacks, i.e. it is multiplied by 1 - x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from typing import TypeVar

from ..field import R
from ..kernels.interface import Factor as KernelFactor
from ..kernels.interface import Vector
from .algebra import Point, Scalar
from .data import ProverData, exact_table
from .manifest import POOLS, Manifest
from .party import Party
from .relations import Factor, FormFactor, Instance, PublicFactor

S = TypeVar("S", bound=Scalar)
Schedule = list[tuple[str, int]]  # (pool, coordinate) of each round


def schedule(manifest: Manifest, instances: Sequence[Instance]) -> Schedule:
    lengths = {pool: 0 for pool in POOLS}
    for instance in instances:
        for pool in POOLS:
            bits = sum(manifest.bits(a) for a in instance.axes if manifest.pool(a) == pool)
            lengths[pool] = max(lengths[pool], bits)
    return [(pool, j) for pool in POOLS for j in range(lengths[pool])]


def placement(manifest: Manifest, instance: Instance) -> dict[tuple[str, int], str]:
    """Which of the instance's axes each round variable belongs to."""
    used = {pool: 0 for pool in POOLS}
    order = [POOLS.index(manifest.pool(a)) for a in instance.axes]
    if order != sorted(order):
        raise ValueError(f"{instance.name}: axes are not in pool order")
    where = {}
    for a in instance.axes:
        pool = manifest.pool(a)
        for _ in range(manifest.bits(a)):
            where[pool, used[pool]] = a
            used[pool] += 1
    return where


@dataclass
class SumcheckPoint:
    """Coordinates of each pool after a sumcheck. `extend` lengthens a pool where a later step needs more."""

    pools: dict[str, list[Scalar]]

    def of(self, manifest: Manifest, names: Sequence[str]) -> dict[str, tuple[Scalar, ...]]:
        """Coordinates of named axes, each pool dealt out in order."""
        used = {pool: 0 for pool in POOLS}
        point = {}
        for a in names:
            pool, k = manifest.pool(a), manifest.bits(a)
            point[a] = tuple(self.pools[pool][used[pool] : used[pool] + k])
            if len(point[a]) != k:
                raise ValueError(f"pool {pool} has too few coordinates for {names}")
            used[pool] += k
        return point

    def extend(self, party: Party, pool: str, length: int) -> None:
        missing = length - len(self.pools[pool])
        if missing > 0:
            self.pools[pool] += party.challenges(missing)


def horner(coefficients: Sequence[S], x: S) -> S:
    result = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = result * x + c
    return result


def interpolate(values: Sequence[int]) -> list[int]:
    """Monomial coefficients of the polynomial with these values at 0, 1, .., d."""
    n = len(values)
    result = [0] * n
    for i, v in enumerate(values):
        basis, scale = [1], 1
        for j in range(n):
            if j != i:
                basis = [(a - j * b) % R for a, b in zip([0, *basis], [*basis, 0], strict=True)]
                scale = scale * (i - j) % R
        factor = v * pow(scale, -1, R) % R
        result = [(a + factor * b) % R for a, b in zip(result, basis, strict=True)]
    return result


def round_message(
    party: Party, degree: int, claim: Scalar, tau: Scalar | None, values: Callable[[], Sequence[int]]
) -> list[Scalar]:
    """Sends a round polynomial h of the given degree; returns all its coefficients.

    One coefficient follows from the claim: with tau, claim = (1 - tau) h(0) + tau h(1) gives h_0 and h_1,
    h_2, .. are sent; without, claim = h(0) + h(1) gives h_1 and h_0, h_2, .. are sent.
    """
    cache: list[int] = []
    party.error("sumcheck rounds", degree + (tau is not None))  # the eq factor raises the degree by one

    def coefficient(i: int) -> int:
        if not cache:
            cache.extend(interpolate(values()))
            cache.extend([0] * (degree + 1 - len(cache)))
        return cache[i]

    if tau is not None:
        sent = [party.send(partial(coefficient, i)) for i in range(1, degree + 1)]
        total: Scalar = 0
        for s in sent:
            total = total + s
        return [claim - tau * total, *sent]
    sent = [party.send(partial(coefficient, i)) for i in (0, *range(2, degree + 1))]
    linear = claim - 2 * sent[0]
    for s in sent[1:]:
        linear = linear - s
    return [sent[0], linear, *sent[1:]]


class _Running:
    """The prover's state of one instance."""

    def __init__(self, data: ProverData, instance: Instance, tau: Mapping[str, Point] | None):
        axes, numbers = data.manifest.axes, {a: i for i, a in enumerate(instance.axes)}
        factors = instance.factors()
        tables: list[KernelFactor[Vector]] = []
        for f in factors:
            table = data.table(f.form, f.axes, f.bound) if isinstance(f, FormFactor) else f.table(data)
            tables.append(([numbers[a] for a in f.axes], exact_table(data.kernels, table)))
        terms = self.terms = [(int(c) % R, [factors.index(f) for f in fs]) for c, fs in instance.terms]
        self.tau = [[int(c) for c in tau[a]] for a in instance.axes] if tau is not None else None
        self.kernel = data.kernels.sumcheck([axes[a] for a in instance.axes], tables, terms, self.tau)
        self.flat_tau = [c for t in self.tau for c in t] if self.tau is not None else None
        self.bound = 0
        self.evaluations: list[int] | None = None
        self.claim = int(instance.claim) % R if tau is None else self._claim_from_next()

    def round(self) -> list[int]:
        if self.evaluations is None:
            self.evaluations = [int(v) for v in self.kernel.round()]
        return self.evaluations

    @cached_property
    def values(self) -> list[int]:
        """Of the factors, once every variable is bound."""
        return [int(v) for v in self.kernel.values()]

    def _claim_from_next(self) -> int:
        """sum eq(tau, x) f(x) over the unbound variables, from the next round's values."""
        if not self.kernel.remaining():  # every axis has one entry
            return sum(c * prod(self.values[i] for i in fs) for c, fs in self.terms) % R
        assert self.flat_tau is not None
        h, tau = self.round(), self.flat_tau[self.bound]
        return ((1 - tau) * h[0] + tau * h[1]) % R

    def bind(self, c: int) -> None:
        self.claim = int(horner(interpolate(self.round()), c)) % R
        self.kernel.bind(c)
        self.bound += 1
        self.evaluations = None


def lockstep(
    party: Party,
    name: str,
    instances: Sequence[Instance],
    batching: Sequence[Scalar],
    claim: Scalar,
    tau: SumcheckPoint | None = None,
) -> SumcheckPoint:
    """Reduces claim = sum_i batching_i instance_i to claims on the factors at one point."""
    manifest = party.protocol.manifest
    rounds = schedule(manifest, instances)
    places = [placement(manifest, i) for i in instances]
    for instance in instances:
        for _, fs in instance.terms:
            if {a for f in fs for a in f.axes} != set(instance.axes):
                raise ValueError(f"{instance.name}: a term lacks an axis")
        for f in instance.factors():
            if isinstance(f, FormFactor) and (
                set(f.form.axes) != {*f.axes, *f.bound} or set(f.bound) & set(instance.axes)
            ):
                raise ValueError(f"{instance.name}: {f.name} is not a form over its free and bound axes")
    running = party.own(
        lambda data: [_Running(data, i, tau.of(manifest, i.axes) if tau else None) for i in instances]
    )
    point = SumcheckPoint({pool: [] for pool in POOLS})
    lacking: list[Scalar] = [1] * len(instances)

    for pool, j in rounds:
        here = [place.get((pool, j)) for place in places]
        degree = max(1, *(i.degree(a) for i, a in zip(instances, here, strict=True) if a is not None))

        def values(here: list[str | None] = here, degree: int = degree) -> list[int]:
            total = [0] * (degree + 1)
            for run, a, b, lack in zip(running(), here, batching, lacking, strict=True):
                if a is None:
                    own = [run.claim * (1 if tau else 1 - x) for x in range(degree + 1)]
                else:
                    c = interpolate(run.round())
                    own = [horner(c, x) for x in range(degree + 1)]
                scale = int(b) * int(lack)
                total = [(t + scale * o) % R for t, o in zip(total, own, strict=True)]
            return total

        h = round_message(party, degree, claim, tau.pools[pool][j] if tau else None, values)
        c = party.challenge()
        party.count_round()
        claim = horner(h, c)
        point.pools[pool].append(c)
        for i, a in enumerate(here):
            if a is None and tau is None:
                lacking[i] = lacking[i] * (1 - c)
            if running and a is not None:
                running()[i].bind(int(c))

    def final(instance: int, factor: int) -> int:
        return running()[instance].values[factor]

    total: Scalar = 0
    sent: dict[Factor, Scalar] = {}
    places_sent: dict[Factor, dict[str, tuple[Scalar, ...]]] = {}
    for i, instance in enumerate(instances):
        env = point.of(manifest, instance.axes)
        factors = instance.factors()
        for position, f in enumerate(factors):
            here_at = {a: env[a] for a in f.axes}
            if f in sent:
                if places_sent[f] != here_at:
                    raise ValueError(f"{instance.name}: a shared factor sits at two points")
                continue
            places_sent[f] = here_at
            if isinstance(f, PublicFactor):
                sent[f] = f.at(env)
                continue
            value = party.send(partial(final, i, position))
            sent[f] = value
            if isinstance(f, FormFactor):
                party.claim(f"{name}: {f.name}", [(1, f.form, {**f.bound, **env})], value)
            else:
                party.defer(f.label, here_at, value)
        own: Scalar = 0
        for coefficient, fs in instance.terms:
            product: Scalar = coefficient
            for f in fs:
                product = product * sent[f]
            own = own + product
        total = total + batching[i] * (lacking[i] * own)
    party.check(name, total, claim)
    return point
