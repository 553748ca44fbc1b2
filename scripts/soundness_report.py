"""The soundness report of GPT-2 XL, in bits, from the program's sizes alone: no checkpoint, no key, no run.

    python -m scripts.soundness_report [--rows 16 64] [--mu 24] [--certified 1] [--package DIR]

Widths and packing are those that the quantiser chose for the synthetic checkpoint, or a package's. Prints a
markdown table; `zkllm inspect` gives the same terms for a package with keys.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.measure.inspection import run_on_wires
from zkllm.measure.soundness import OuterSizes, Term, report
from zkllm.model.build import sized
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.protocol.description import Description

XL = ProgramConfig(
    n_layer=48, n_head=25, head_dim=64, d_inner=6400, vocab_size=50257, n_ctx=1024, pad_id=50256,
    wte_shift=0, wpe_shift=2, kappa=41, ln_shift=32, qkv_shift=13, o_shift=13, fc1_shift=16, fc2_shift=6,
    final_shift=16, exp_shift=12, eps_int=43980465111040,
    act_bits=16, write_bits=32, rho_bits=32, norm_bits=96, over_bits=16, div_bits=32, logit_bits=32,
    diff_bits=32, exp_bits=11, gelu_bits=16, limb_bits=16,
    mlp_class=tuple(int(l != 2) for l in range(48)), fc1_gains=(0, 2), fc2_gains=(5, 0),
    slots=5, slot_bits=50, inner_slots=5, inner_slot_bits=50, vocab_slots=4, vocab_slot_bits=63,
    **ColumnSizes.full(24)._asdict(),
)  # fmt: skip


def terms_of(config: ProgramConfig, rows: int, certified: int) -> tuple[Description, OuterSizes, list[Term]]:
    protocol = describe(config, rows, certified)
    sizes = OuterSizes(
        build_circuit(protocol).log2_size, protocol.num_columns, config.mu, protocol.shape.num_words
    )
    return protocol, sizes, report(run_on_wires(protocol), sizes)


def table(config: ProgramConfig, rows: list[int], certified: int) -> list[str]:
    found = [terms_of(config, n, certified) for n in rows]
    line = lambda cells: "| " + " | ".join(cells) + " |"
    head = [f"N = {n}" for n in rows]
    lines = [line(["term", *head, "kind", "source"]), line(["---"] * (len(rows) + 3))]
    for terms in zip(*(terms for _, _, terms in found), strict=True):
        first = terms[0]
        bits = [f"{t.bits:.1f}" for t in terms]
        lines.append(line([first.name, *bits, first.kind, first.source]))
    least = [min(terms, key=lambda t: t.bits) for _, _, terms in found]
    lines.append(line(["**binding**", *(f"**{t.bits:.0f}** ({t.name})" for t in least), "", ""]))
    sizes = [
        f"N = {n}: 2^{s.n_log2} rows, {p.fixed.num_columns} columns of 2^{p.fixed.mu} and "
        f"{p.witness.num_columns} of 2^{p.witness.mu}"
        for n, (p, s, _) in zip(rows, found, strict=True)
    ]
    return ["; ".join(sizes) + ".", "", *lines]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 64], metavar="N")
    parser.add_argument("--certified", type=int, default=1, metavar="K")
    parser.add_argument("--mu", type=int, help="log2 of a column (default: the configuration's)")
    parser.add_argument("--package", type=Path, metavar="DIR", help="take a package's configuration")
    given = parser.parse_args()
    config = XL
    if given.package is not None:
        data = json.loads((given.package / "manifest.json").read_text(encoding="utf-8"))
        config = ProgramConfig.from_dict(data["config"])
    else:
        config = sized(config, max(given.rows), 24)
    if given.mu is not None:
        config = sized(config, max(given.rows), given.mu)
    print("\n".join(table(config, given.rows, given.certified)))


if __name__ == "__main__":
    main()
