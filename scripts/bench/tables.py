"""What making an opening table takes on this machine, by its parts, beside the definition: as JSON lines.

    python -m scripts.bench.tables [--mu 16 18 20]

A random model of four layers of width 256, packed as any other. Of each size: the transform of the SRS (from
a part of it), one column by transforms (contractions of its integers, multi-scalar multiplications, the
transform back), and the same column by definition, a commitment to what is left of it for each row (from one
commitment: half as many are as long). Processor seconds over the cores, so that a busy machine gives about
the figures of an idle one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from zkllm._native import field_backend
from zkllm.commitments import column_segments
from zkllm.families import describe
from zkllm.field import R
from zkllm.gpt2.config import ProgramConfig
from zkllm.kernels.native import NATIVE
from zkllm.measure.limits import processor_seconds
from zkllm.model.tiny import tiny_model
from zkllm.model.weights import QuantizedModel
from zkllm.pcs.mercury import column_bits
from zkllm.pcs.srs import Srs, development_srs
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.protocol.contractions import RowSums
from zkllm.protocol.witness import fixed_tensors
from zkllm.timings import available_cores
from zkllm.transformed_srs import root_of_blocks

PLACES = 16
"""Of a block, that are transformed: the others take as long."""


def measured(model: QuantizedModel, config: ProgramConfig, srs: Srs) -> dict[str, float]:
    protocol, mu, b_log2 = describe(config, 16, 1), config.mu, column_bits(config.mu)
    rows, b = 1 << mu - b_log2, 1 << b_log2
    tensors = fixed_tensors(protocol.manifest, model)
    sums = RowSums(NATIVE, protocol.fixed, tensors, mu, b_log2)
    segments = column_segments(protocol.fixed, tensors, 0)
    root, back = (pow(root_of_blocks(n), -1, R) for n in (rows, 2 * rows))
    scalars = sums.column_along_columns(0, root)
    values = NATIVE.decode_points(b"".join(srs.points[i] for i in range(2 * rows)))
    parts = {
        "transform_srs_s": b / PLACES * seconds(lambda: srs.points.transform(rows, b, root, 0, PLACES)),
        "contractions_s": 2 * rows * seconds(lambda: sums.column_along_columns(0, root)),
        "multiplications_s": 2 * rows * seconds(lambda: srs.points.msm(scalars)),
        "back_s": seconds(lambda: values.transform(2 * rows, 1, back, 0, 1)),
        "by_definition_s": (rows - 1) / 2 * seconds(lambda: [*map(srs.commit_ints, segments.values())]),
    }
    return {"mu": mu, "rows": rows, "columns": protocol.fixed.num_columns, **parts}


def seconds(run: Callable[[], object]) -> float:
    return processor_seconds(run) / available_cores()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mu", type=int, nargs="+", default=[16, 18, 20], help="log2 of a column's length")
    given = parser.parse_args()
    srs = development_srs(max(given.mu))
    model = tiny_model(1, n_layer=4, n_head=4, head_dim=64, d_inner=1024, vocab_size=1000, n_ctx=64)
    for mu in given.mu:
        found = measured(model, model.config.with_columns(ColumnSizes.full(mu)), srs)
        print(json.dumps({"backend": field_backend(), "cores": available_cores(), **found}))


if __name__ == "__main__":
    main()
