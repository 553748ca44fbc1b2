"""Shows a profile that `zkllm prove --profile FILE` wrote: time, memory and work by stage and by part of the
model; --speedscope writes it as a flame that can be zoomed, --compare says what changed since another one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import Malformed, ZkllmError
from zkllm.files import JsonObject, read_json, reading, write_atomically

CURE = "zkllm prove --profile FILE makes one"
SUMMARY = "show where a proof's time and memory went"
EXAMPLES = """
{program} profile.json
{program} profile.json --speedscope flame.json
{program} profile.json --compare before.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=paths.SourceFile, metavar="FILE", help="what zkllm prove --profile wrote"
    )
    parser.add_argument(
        "--speedscope",
        type=paths.TargetFile,
        metavar="OUT",
        help="write its stages for speedscope (npx speedscope OUT, or www.speedscope.app): a flame to zoom",
    )
    parser.add_argument("--compare", type=paths.SourceFile, metavar="FILE", help="an earlier profile")


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.measure.speedscope import speedscope

    data = load(arguments.file)
    before = load(arguments.compare) if arguments.compare else None
    with reading(arguments.file, "profile", ZkllmError, CURE):
        lines = report(data, before)
    if arguments.speedscope is not None:
        title = f"{data['model']}, N={data['N']} k={data['k']}, {data['backend']}"
        flame = speedscope(title, data["stages"])
        write_atomically(arguments.speedscope, (json.dumps(flame) + "\n").encode())
        lines.append(f"written: {arguments.speedscope}")
    console.result({"ok": True, **data}, lines)
    return 0


def load(path: Path) -> JsonObject:
    with reading(path, "profile", ZkllmError, CURE):
        data = read_json(path)
        if data.get("kind") != "zkllm profile":
            raise Malformed("it is no profile")
        report(data)  # has all that is shown
    return data


def rows_of(stages: Sequence[JsonObject], depth: int = 0) -> Iterator[tuple[str, JsonObject]]:
    for stage in stages:
        yield "  " * depth + stage["name"], stage
        yield from rows_of(stage.get("stages", ()), depth + 1)


def report(data: JsonObject, before: JsonObject | None = None) -> list[str]:
    from zkllm.cli.text import seconds, size, table

    old = {name: s["processor_s"] for name, s in rows_of(before["stages"])} if before else {}
    rows = []
    for name, stage in rows_of(data["stages"]):
        memory, counts = stage.get("memory_bytes", {}), stage.get("counts", {})
        serial = stage.get("serial_s")
        row = [name, f"{stage['wall_s']:.3f}", f"{stage['processor_s']:.3f}"]
        row.append("" if serial is None else f"{serial:.3f}")
        row += [size(memory[k]) if k in memory else "" for k in ("peak", "anon", "file")]
        row += [f"{counts[k]:.3g}" if k in counts else "" for k in ("field_mul", "bucket_add", "bytes")]
        if before:
            row.append(f"{stage['processor_s'] - old[name]:+.3f}" if name in old else "new")
        rows.append(row)
    head = [
        "stage",
        "wall s",
        "processor s",
        "serial s",
        "peak",
        "anonymous",
        "mapped",
        "field mul",
        "bucket add",
        "bytes",
    ]
    total = data["total"]
    peak = f", peak {size(total['peak_rss_bytes'])}" if total["peak_rss_bytes"] else ""
    spent = f"processor {seconds(total['processor_s'])}"
    if total.get("serial_s") is not None:
        spent += f", serial {seconds(total['serial_s'])} on {data['cores']} cores"
    lines = [
        f"{data['model']}, N={data['N']} k={data['k']}, backend {data['backend']}: "
        f"{seconds(total['wall_s'])} ({spent}){peak}",
        *table([*head, "processor change"] if before else head, rows),
        "",
    ]
    blocks = []
    for b in data["sub_blocks"]:
        kinds = ("weights", "fixed_coefficients", "witness_coefficients", "lookups")
        spent = sum(b["processor_s"].values())
        blocks.append([b["block"], *(round(b.get(k, 0)) for k in kinds), f"{spent:.3f}"])
    head = ["part of the model", "weights", "fixed coeff.", "witness coeff.", "lookups", "processor s"]
    lines += table(head, blocks)
    lines.append(
        "serial s: wall clock that more cores would not take away, were each second one core's or all cores'"
    )
    lines.append("its processor s: of the stages whose time is proportional to what it has")
    return lines
