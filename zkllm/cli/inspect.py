"""Shows what is inside of a proof file (statement, context, size of every part) or of a model package
(sub-blocks, parameters, columns, lookups, circuit rows, and each soundness error term with its bits). Of a
private package it lists what others learn, and what they do not."""

from __future__ import annotations

import argparse
from pathlib import Path

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.files import JsonObject
from zkllm.model import hub
from zkllm.shape_id import ShapeId

PUBLIC = (
    ("program", "architecture, scales, shifts, widths, packing, classes of layers: the configuration"),
    ("lookup tables", "exp and activation, which anyone recomputes, in columns of their own"),
    ("vocabulary", "every token's bytes: a settlement shows that the answer's are those"),
    ("commitments", "to the other columns, masked: they tell nothing of the weights"),
    ("keys", "model_id, and of each shape vk.json and the contract: made from the above (zkllm publish)"),
    ("proofs", "statement, answer included; that one was made, and when"),
)
HIDDEN = (
    ("weights", "embeddings, matrices, biases, gains"),
    ("calibration", "ranges.json, calibration.json, the text; the values that a proof meets"),
    ("this folder", "manifest.json and keys/ hold digests of the weights, and hiding.key undoes the masks"),
)
"""Of a private package."""

SUMMARY = "show what is inside of a proof or a model package"
EXAMPLES = """
{program} answer.zkllm
{program} build/demo
{program} build/demo --max-tokens 16 --new-tokens 2 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        type=paths.ModelOrFile,
        metavar="FILE_OR_DIR",
        help=f"proof file, model package, {hub.HELP}",
    )
    types.add_shape(parser)
    types.add_sealed(parser)


def misuse(arguments: argparse.Namespace) -> str | None:
    return types.shape_misuse(arguments)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.measure import inspection

    if Path(arguments.path).is_file():
        from zkllm.proof import Proof

        data = inspection.inspect_proof(Proof.load(Path(arguments.path)))
        console.result({"ok": True, **data}, _proof_lines(data))
        return 0
    from zkllm import api

    package = api.open_package(arguments.path, progress=console.progress)
    data = inspection.inspect_package(
        package, arguments.rows, arguments.certified, console.progress, arguments.sealed
    )
    console.result({"ok": True, **data}, _package_lines(data))
    return 0


def _proof_lines(data: JsonObject) -> list[str]:
    from zkllm.cli.text import pairs, srs_kind_in_words, table
    from zkllm.settle.rpc import checksum_address

    statement, context = data["statement"], data["context"]
    hidden = statement["prompt_ids"] is None
    shape = ShapeId(statement["N"], statement["k"], hidden)
    rows: list[tuple[str, object]] = [
        ("VERIFIER_ID", "0x" + data["verifier_id"].hex()),
        ("shape", f"{shape}" + ("" if hidden else f" T={statement['T']}")),
        ("sealed prompt", f"0x{statement['sealed_prompt']:064x}")
        if hidden
        else ("prompt ids", ", ".join(map(str, statement["prompt_ids"]))),
        ("answer ids", ", ".join(map(str, statement["answer_ids"]))),
        ("SRS", srs_kind_in_words("development" if data["development_srs"] else "ceremony")),
    ]
    if any(context["digest"]):
        rows += [
            ("chain", context["chain_id"]),
            ("contract", checksum_address(context["contract"])),
            ("sender", checksum_address(context["sender"])),
            ("request", "0x" + context["request_id"].hex()),
        ]
    else:
        rows.append(("context", "none: it can be verified, not settled"))
    parts = [(part["part"], part["bytes"]) for part in data["parts"]]
    return [*pairs(rows), "", *table(("part", "bytes"), [*parts, ("total", data["bytes"])])]


def _package_lines(data: JsonObject) -> list[str]:
    from zkllm.cli.text import pairs, srs_kind_in_words, table
    from zkllm.model.ranges import RangeRow, format_rows

    a, shape, columns, circuit = data["architecture"], data["shape"], data["columns"], data["circuit"]
    shape_id = ShapeId(shape["N"], shape["k"], shape["sealed"])
    kinds: dict[str, list[int]] = {}
    for block in data["sub_blocks"]:
        entry = kinds.setdefault(block["block"], [0, 0, 0])
        for i, value in enumerate((1, block["parameters"], block["multiply_accumulates"])):
            entry[i] += value
    srs = data["srs_kind"]
    lines = pairs(
        [
            ("source", data["source"]),
            ("model_id", "0x" + data["model_id"].hex()),
            ("vocabulary root", "0x" + data["vocabulary_root"].hex()),
            ("architecture", ", ".join(f"{name} {value:,}" for name, value in a.items())),
            ("parameters", f"{data['parameters']:,}"),
            ("quality", data["quality"] or "options of its own"),
            ("shape", f"{shape_id}, VERIFIER_ID 0x{shape['verifier_id'].hex()}"),
            ("proof body", f"{shape['proof_body_bytes']:,} B, {shape['public_inputs']} public inputs"),
            ("SRS", srs_kind_in_words(srs)),
        ]
    )
    if data["private"]:
        for title, what in (("others see", PUBLIC), ("others do not see", HIDDEN)):
            lines += ["", title, *pairs(what)]
    lines += ["", "headroom: the values of the calibration that came nearest to the ranges"]
    lines += format_rows([RangeRow(**row) for row in data["ranges"]]).splitlines()
    lines += ["", "sub-blocks (3 a layer), over all layers"]
    lines += table(("sub-block", "count", "parameters", "MACs"), [(name, *v) for name, v in kinds.items()])
    lines += ["", f"columns of 2^{columns['mu']} coefficients"]
    lines += table(
        ("group", "columns", "coefficients", "tensors"),
        [(g, *(columns[g][n] for n in ("columns", "coefficients", "tensors"))) for g in ("fixed", "witness")],
    )
    total = sum(x["queries"] for x in data["lookups"])
    lines += ["", "lookups"]
    lines += table(
        ("table", "queries"), [*((x["table"], x["queries"]) for x in data["lookups"]), ("total", total)]
    )
    lines += ["", f"circuit: {circuit['rows']:,} rows of {circuit['size']:,}"]
    lines += table(("section", "rows"), list(circuit["rows_by_section"].items()))
    lines += ["", "soundness: what an attacker must overcome, in bits"]
    lines += table(
        ("term", "bits", "kind", "source"),
        [(t["term"], t["bits"], t["kind"], t["source"]) for t in data["soundness"]],
    )
    lines.append(f"binding: {data['security_bits']} bits")
    if srs != "ceremony":
        lines.append("with this development SRS: none, since its secret is public")
    return lines
