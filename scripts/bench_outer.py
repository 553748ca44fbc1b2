"""Times the outer prover alone, on a circuit of idle permutations and two random columns.

python scripts/bench_outer.py [--rows-log2 15] [--mu 19] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from zkllm._native import FrVec, mercury_fold, poly_combine, poly_eq, poly_inner  # noqa: E402
from zkllm.field import R  # noqa: E402
from zkllm.outer.circuit import CircuitBuilder  # noqa: E402
from zkllm.outer.prover import Tail, prove_outer  # noqa: E402
from zkllm.outer.setup import setup_outer, srs_powers_needed  # noqa: E402
from zkllm.outer.transcript import public_input_names, statement_digest  # noqa: E402
from zkllm.outer.verifier import verify  # noqa: E402
from zkllm.pcs.mercury import eq_polynomial_at  # noqa: E402
from zkllm.pcs.srs import development_srs  # noqa: E402
from zkllm.poseidon2 import permute  # noqa: E402
from zkllm.statement import pack_words  # noqa: E402

SHAPE = dict(version=1, N=1, k=1, vocab_size=2, pad_id=0, n_ctx=1)
DIGESTS = dict.fromkeys(("model_id", "config_digest", "vocabulary_root"), bytes(32))


def timed(times: dict[str, float], name: str, run: Callable[[], Any]) -> Any:
    start, cpu = time.perf_counter(), time.process_time()
    result = run()
    times[name] = time.perf_counter() - start
    times[f"{name}_cpu"] = time.process_time() - cpu
    return result


def random_elements(n: int) -> FrVec:
    data = np.frombuffer(os.urandom(32 * n), np.uint8).reshape(n, 32).copy()
    data[:, 31] &= 0x1F  # below r
    return FrVec.from_bytes(data.tobytes())


def build(rows: int) -> CircuitBuilder:
    builder = CircuitBuilder()
    public = {name: builder.public(name) for name in public_input_names(1)}
    state = [public["seed"], *(builder.constant(i) for i in range(3))]
    for _ in range((rows - 24) // 66):
        state = builder.permute(state)
    builder.assert_equal(state[0], public["delta"], "delta")
    columns = [builder.input(), builder.input()]
    builder.assert_equal(columns[0] + columns[1] * public["theta"], public["v"], "v")
    return builder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows-log2", type=int, default=15, help="log2 of the circuit's rows")
    parser.add_argument("--mu", type=int, default=19, help="columns have 2^mu coefficients")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    times: dict[str, float] = {}
    circuit = timed(times, "compile", build((1 << args.rows_log2) - 1).compile)
    assert circuit.log2_size == args.rows_log2
    powers = srs_powers_needed(args.rows_log2, args.mu)
    srs = timed(times, "srs", lambda: development_srs((powers - 1).bit_length()))
    tables = [random_elements(1 << args.mu) for _ in range(2)]
    commitments = [timed(times, "commit", lambda t=t: srs.commit(t)) for t in tables]
    fields: dict[str, Any] = {**SHAPE, **DIGESTS}
    pk, vk = timed(times, "keys", lambda: setup_outer(circuit, srs, commitments[:1], 1, args.mu, fields))
    words = pack_words(1, [1, 1], 1)
    digest = statement_digest(vk.verifier_id, bytes(32), words, commitments[1:])
    state = [int.from_bytes(digest, "big") >> 8, 0, 1, 2]
    for _ in range((circuit.num_rows - 24) // 66 + 1):
        state = permute(state)
    point = [int.from_bytes(os.urandom(31), "big") for _ in range(args.mu)]
    row, col = point[: args.mu - vk.b_log2], point[args.mu - vk.b_log2 :]
    values = [poly_inner(poly_eq(row), mercury_fold(t, poly_eq(col))) for t in tables]

    def tail(theta: int, zeta: int) -> Tail:
        v = (values[0] + theta * values[1]) % R
        return Tail(v, *(eq_polynomial_at(u, x) for u in (col, row) for x in (zeta, pow(zeta, -1, R))), [])

    stages: list[tuple[int, float]] = []
    body = timed(
        times,
        "prove",
        lambda: prove_outer(
            pk,
            srs,
            digest=digest,
            witness_commitments=commitments[1:],
            words=words,
            delta=state[0],
            inputs=values,
            point=point,
            open_inner=lambda theta: poly_combine(tables, [1, theta]),
            tail=tail,
            progress=lambda done, _: stages.append((done, time.perf_counter())),
        ),
    )
    timed(times, "verify", lambda: verify(vk, bytes(32), words, body))
    steps = ["commitments to g, h, q", "C_SD", "C1", "C2", "W", "W'"]
    start = stages[-1][1] - times["prove"]
    for name, (_, end) in zip(steps, stages, strict=True):
        times[f"prove, up to {name}"] = end - start
    if args.json:
        print(json.dumps({"rows_log2": args.rows_log2, "mu": args.mu, "seconds": times}))
    else:
        for name, seconds in times.items():
            print(f"{name:40} {seconds:8.3f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
