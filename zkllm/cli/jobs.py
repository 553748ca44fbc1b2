"""The jobs of a node (zkllm serve): proofs that were asked for, and what became of them. Works on the node's
folder, whether the node runs or not, and asks nothing over the network; a node that runs sees what is changed
here within a second."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zkllm.cli import paths
from zkllm.cli.arguments import action_texts
from zkllm.cli.console import Console
from zkllm.errors import PathError

if TYPE_CHECKING:
    from zkllm.files import JsonObject
    from zkllm.serve.jobs import Job, Jobs


SUMMARY = "list, show, retry or cancel the jobs of a node"
EXAMPLES = """
{program} list --data .zkllm/serve
{program} list --state failed --state cancelled --json
{program} show proof-4f1c..
{program} retry proof-4f1c..
{program} cancel proof-4f1c..
"""
DATA = ".zkllm/serve"
STATES = ("queued", "proving", "proved", "settling", "settled", "failed", "cancelled")


class NodeFolder(paths.SourceFolder):
    """A node's state, which `zkllm serve` has made."""

    def check(self) -> None:
        if not self.exists():
            from zkllm.serve.database import no_state

            raise PathError(no_state(self))
        super().check()


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (_, text) in ACTIONS.items():
        child = actions.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            **action_texts(EXAMPLES, parser.prog, name),
        )
        child.add_argument(
            "--data",
            type=NodeFolder,
            default=NodeFolder(DATA),
            metavar="DIR",
            help=f"the node's state (default: {DATA})",
        )
        if name == "list":
            child.add_argument("--state", action="append", choices=STATES, help="only of this state")
        else:
            child.add_argument("id", metavar="ID", help="the job, as list shows it")
        for option, what in (("--json", "print the result as JSON"), ("--quiet", "no progress bars")):
            child.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=what)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.serve.database import Database
    from zkllm.serve.jobs import Jobs, State

    action, _ = ACTIONS[arguments.action]
    reading = arguments.action in ("list", "show")
    jobs = Jobs(Database(arguments.data, reading=reading, made=True))
    action(jobs, arguments, console)
    if jobs.has_node is False:
        counts = jobs.counts()
        wait = f"; jobs that wait for it: {n}" if (n := counts[State.QUEUED] + counts[State.PROVING]) else ""
        console.note(f"no node runs with {arguments.data} (zkllm serve with that --data would){wait}")
    return 0


def _list(jobs: Jobs, arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import table
    from zkllm.serve.jobs import State
    from zkllm.settle.dates import utc

    found = jobs.all([State(name) for name in arguments.state or STATES])
    rows = [
        [job.id, job.state.value, job.attempts, utc(int(job.created)), job.order.model, job.reason or ""]
        for job in found
    ]
    counts = {state.value: count for state, count in jobs.counts().items()}
    data = {
        "ok": True,
        "node_runs": jobs.has_node,
        "counts": counts,
        "jobs": [job.to_dict() for job in found],
    }
    lines = table(["id", "state", "attempts", "asked", "model", "why"], rows) if rows else ["no jobs"]
    console.result(data, lines)


def _show(jobs: Jobs, arguments: argparse.Namespace, console: Console) -> None:
    _tell(jobs, jobs.get(arguments.id), console)


def _retry(jobs: Jobs, arguments: argparse.Namespace, console: Console) -> None:
    _tell(jobs, jobs.retry(arguments.id), console)


def _cancel(jobs: Jobs, arguments: argparse.Namespace, console: Console) -> None:
    _tell(jobs, jobs.cancel(arguments.id), console)


ACTIONS = {
    "list": (_list, "all jobs, or those of a state"),
    "show": (_show, "a job, and each state that it was in"),
    "retry": (_retry, "begin a job again that failed or was cancelled, with the proof that it has, if any"),
    "cancel": (_cancel, "end a job; one whose transaction was sent cannot be"),
}


def _tell(jobs: Jobs, job: Job, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.settle.dates import utc

    history = jobs.history(job.id)
    data = {"ok": True, "node_runs": jobs.has_node, **job.to_dict()}
    data["history"] = [
        {"at": change.at, "state": change.state, "reason": change.reason} for change in history
    ]
    rows = [
        *_rows(data),
        *(
            (
                f"{'history' if not i else ''}",
                f"{utc(int(c.at))} {c.state}{': ' if c.reason else ''}{c.reason}",
            )
            for i, c in enumerate(history)
        ),
    ]
    console.result(data, pairs(rows))


def _rows(data: JsonObject) -> list[tuple[str, object]]:
    from zkllm.cli.text import seconds
    from zkllm.units import ether

    rows: list[tuple[str, object]] = [
        ("job", data["id"]),
        ("state", data["state"] + (f": {data['reason']}" if data["reason"] else "")),
        ("model", f"{data['model']} ({data['model_id']})"),
        ("claim", data["claim_id"]),
        ("shape", f"N={data['N']} k={data['k']}"),
        ("attempts", data["attempts"]),
    ]
    if data["swallowed"]:
        rows.append(("prompt", data["swallowed"]["message"]))
    if data["seconds"]:
        rows.append(("proving", ", ".join(f"{name} {seconds(t)}" for name, t in data["seconds"].items())))
    if data["context"] and data["context"]["request_id"]:
        rows.append(("request", f"{data['context']['request_id']}, {ether(data['reward'])}"))
    if data["settlement"]:
        settled = data["settlement"]
        rows.append(("settlement", f"{settled['transaction']}, {settled['gas_used']:,} gas"))
    return rows
