"""One proof, from a trace to the body: witness columns, inner protocol, outer proof and opening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .blinding import Blinding
from .commitments import commit_columns
from .field import R
from .kernels.interface import Kernels
from .mapped import release
from .model.models import Model
from .model.trace import Trace
from .opening_table import OpeningTable
from .outer.prover import Coefficients, Combined, Tail, prove_outer
from .outer.setup import ProvingKey
from .outer.transcript import seed_of, statement_digest
from .pcs.srs import Srs
from .protocol.circuit import opening_tail
from .protocol.columns import combine_columns
from .protocol.data import ProverData
from .protocol.description import Description
from .protocol.party import Prover
from .protocol.program import InnerStatement, run_inner
from .protocol.witness import prover_data
from .tabled import Tabled
from .timings import Timings


def prove_trace(
    protocol: Description,
    model: Model,
    trace: Trace,
    pk: ProvingKey,
    srs: Srs,
    context: bytes,
    kernels: Kernels,
    timings: Timings | None = None,
    blinding: Blinding | None = None,
    table: OpeningTable | None = None,
    salt: int | None = None,
    fixed_masks: Sequence[Mapping[int, int]] = (),
    keep_trace: bool = True,
) -> bytes:
    """The proof's body for a traced statement. `context` is the 32-byte digest of a `Context`, `salt` that
    of a sealed prompt. Without `keep_trace` the trace's arrays are given up once the columns are made.

    `blinding`: None draws it; another than a fresh one is for tests, since it may reveal the witness.
    `table`: the model's, with which the same proof takes less work. `fixed_masks`: of a hidden model.
    """
    timings = timings or Timings()
    release(array for _, array in model.arrays())
    with timings.stage("witness"):
        data = prover_data(protocol, model, trace, kernels, blinding=blinding, fixed_masks=fixed_masks)
    if not keep_trace:
        trace.clear()
    return prove_data(protocol, data, trace.ids, trace.T, pk, srs, context, timings, table, salt, strict=True)


def prove_data(
    protocol: Description,
    data: ProverData,
    ids: list[int],
    T: int,
    pk: ProvingKey,
    srs: Srs,
    context: bytes,
    timings: Timings,
    table: OpeningTable | None = None,
    salt: int | None = None,
    strict: bool = False,
) -> bytes:
    """The same from the tensors. A false witness gives a body too, which verifiers reject; where strict, a
    ProofError that names the check."""
    statement = InnerStatement(T, list(ids), salt)
    words = statement.words(protocol.shape)
    with timings.stage("commit witness") as report:
        masks = data.all_masks(protocol.witness)
        witness = commit_columns(srs, protocol.witness, data.tensors, report, masks=masks)
    srs.points.release()
    digest = statement_digest(pk.vk.verifier_id, context, words, witness)
    with timings.stage("inner proof"):
        prover = Prover(protocol, seed_of(digest), data, tell=timings.step, strict=strict)
        result = run_inner(protocol, prover, words, statement)

    def open_columns(theta: int) -> Combined:
        """f = sum theta^g C_g."""
        powers = [pow(theta, g, R) for g in range(protocol.num_columns)]
        if table is not None:
            return Tabled(protocol, data, srs, pk.vk, witness, table, powers)
        b_log2 = pk.vk.b_log2
        size = -(-protocol.coefficients >> b_log2) << b_log2  # whole rows
        f = combine_columns(data, (protocol.fixed, protocol.witness), powers, size)
        return Coefficients(data.kernels, srs, f, 1 << b_log2, 1 << protocol.mu - b_log2)

    def tail(theta: int, zeta: int) -> Tail:
        inverse = prover.advice(lambda: pow(zeta, -1, R))
        scalars = opening_tail(prover, result, prover.constant(theta), prover.constant(zeta), inverse)
        v, pc, pci, pr, pri = map(int, scalars)
        return Tail(v, pc, pci, pr, pri, [int(inverse)])

    with timings.stage("outer proof") as report:
        return prove_outer(
            pk,
            srs,
            data.kernels,
            data.blinding,
            digest=digest,
            witness_commitments=witness,
            words=words,
            delta=int(result.digest),
            inputs=list(prover.inputs),
            point=[int(x) for x in result.point],
            open_inner=open_columns,
            tail=tail,
            progress=report,
            on_step=timings.step,
        )
