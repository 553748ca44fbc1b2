"""A node at work on this machine: a local chain, the contracts, `zkllm serve` with a model, and somebody else
who posts three requests with rewards, which the node answers, proves, settles and is paid for.

    python -m scripts.serve.demo [--model DIR] [--prompt TEXT ..] [--end]

It ends by saying where the explorer is, and how to ask for more.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

from scripts import ROOT
from scripts.serve.running import NodeEnded, RunningNode
from zkllm import api
from zkllm.cli.console import Progress
from zkllm.cli.text import quote
from zkllm.errors import ZkllmError
from zkllm.model.package import ModelPackage
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode, find_anvil
from zkllm.settle.claims import read_claim
from zkllm.settle.contracts import settlement_artifact
from zkllm.settle.escrow import State, credit_of, read_request, request_call
from zkllm.settle.networks import network
from zkllm.settle.rpc import Rpc, checksum_address
from zkllm.settle.session import Session
from zkllm.statement import request_id
from zkllm.units import ETHER, ether

WORK = ROOT / "build" / "serve-demo"
MODEL = ROOT / "models" / "demo-gpt2"
PROMPTS = ("Any sufficiently advanced technology is indistinguishable from", "Practice makes", "Once upon a")
REWARD = ETHER // 100
SECONDS = 3600
"""To the requests' deadlines."""
NODE, ASKER = 0, 1
"""Development accounts: the node's, and of somebody else."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=str, default=str(MODEL), help="a package, or what becomes one")
    parser.add_argument(
        "--prompt", action="append", help="instead of the usual ones; several times for several"
    )
    parser.add_argument("--port", type=int, default=0, help="of the node (default: any that is free)")
    parser.add_argument(
        "--work",
        type=Path,
        default=WORK,
        help="the node's data and log; emptied first (default: %(default)s)",
    )
    parser.add_argument("--end", action="store_true", help="end when the requests are answered")
    arguments = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, so that node and chain end too
        if signal.getsignal(ending) is signal.SIG_DFL:  # nohup ignores one
            signal.signal(ending, signal.default_int_handler)
    try:
        run(arguments.model, arguments.prompt or list(PROMPTS), arguments.port, arguments.work, arguments.end)
    except KeyboardInterrupt:
        return 0
    except NodeEnded as error:
        print(f"the node ended: {error}", file=sys.stderr)
        return 1
    except ZkllmError as error:
        print(f"serve-demo: {error}", file=sys.stderr)
        return 1
    return 0


def run(model: str, prompts: list[str], port: int, work: Path, end: bool) -> None:
    find_anvil()  # what the later stages need, before anything is made
    settlement_artifact()
    package = api.open_package(model, progress=Progress())
    rows = api.open_setup(package).rows
    questions = [api.check_prompt(package, prompt, None, 1, rows) for prompt in prompts]
    shutil.rmtree(work, ignore_errors=True)
    with LocalNode() as chain:
        say(f"chain       {chain.url}, a local Anvil")
        # as it was given, after which the node names it: the package has the name of a folder in the cache
        options = ["--model", model, "--data", str(work / "node"), "--port", str(port)]
        options += ["--network", "anvil", "--deploy"]
        environment = {"ZKLLM_ANVIL_RPC_URL": chain.url, "PYTHONPATH": str(ROOT)}
        os.environ["ZKLLM_ANVIL_RPC_URL"] = chain.url
        say(f"starts      the node: it deploys, and measures a proof of each shape; log: {work / 'node.log'}")
        with RunningNode(options, work / "node.log", environment, seconds=SECONDS) as node:
            (served,) = node.get("/v1/models")["data"]
            say(f"node        {node.url}/v1, an API as OpenAI's; its model is {served['id']}")
            session = Session(chain.rpc, network("anvil"), development_account(ASKER), work / "asker")
            contract = session.locate(owner=development_account(NODE).address)
            say(f"contract    {checksum_address(contract)}")
            for prompt, ids in zip(prompts, questions, strict=True):
                ask(session, contract, package, prompt, ids)
            for prompt, ids in zip(prompts, questions, strict=True):
                wait(node, chain.rpc, session, contract, package, prompt, ids)
            earned = credit_of(chain.rpc, contract, development_account(NODE).address)
            waiting = f"{ether(earned)} of it not withdrawn yet" if earned else "all of it withdrawn"
            say(f"earned      {ether(REWARD * len(prompts))}, {waiting}")
            say(f"explorer    {node.url}/  (open it in a browser: a claim's page verifies its proof there)")
            if not end:
                say(f"ask more    {asking(model, chain.url, contract, work)}")
                say("            (the explorer shows the answer, some seconds later)")
                say("Ctrl-C ends it")
                while True:
                    time.sleep(3600)


def asking(model: str, url: str, contract: bytes, work: Path) -> str:
    """A command for another terminal that posts a request, which the node answers."""
    command = ["zkllm", "settle", "request", "--network", "anvil", "--contract", checksum_address(contract)]
    command += ["--model", model, "--prompt", "Time is", "--reward", "0.01", "--home", str(work / "more")]
    program = shlex.join([str(Path(sys.executable).parent / "zkllm"), *command[1:]])
    return f"ZKLLM_ANVIL_RPC_URL={url} {program}"


def say(text: str) -> None:
    print(text, flush=True)


def question_of(session: Session, package: ModelPackage, ids: list[int]) -> tuple[bytes, bytes]:
    """(claim id, request id); the salt is the claim's id."""
    from zkllm.sealed import question_id

    claim = question_id(api.open_setup(package).model_id, 1, ids, None)
    return claim, request_id(session.account.address, claim)


def ask(session: Session, contract: bytes, package: ModelPackage, prompt: str, ids: list[int]) -> None:
    claim, request = question_of(session, package, ids)
    deadline = session.rpc.timestamp() + SECONDS
    model_id = api.open_setup(package).model_id
    session.execute(request_call(contract, request, model_id, ids, 1, deadline, claim, REWARD))
    say(f"asked       {quote(prompt)} for {ether(REWARD)}")


def wait(
    node: RunningNode,
    rpc: Rpc,
    session: Session,
    contract: bytes,
    package: ModelPackage,
    prompt: str,
    ids: list[int],
) -> None:
    """Until the request is fulfilled. ZkllmError where it is not, in time."""
    claim, request = question_of(session, package, ids)
    end = time.monotonic() + SECONDS
    while read_request(rpc, contract, request).state is State.OPEN:
        if node.process.poll() is not None:
            raise ZkllmError(f"the node ended with exit code {node.process.returncode}; {node.log} says why")
        if time.monotonic() > end:
            raise ZkllmError(f"the request was not answered; {node.log} says why")
        time.sleep(0.2)
    text = read_claim(rpc, contract, claim).text
    say(f"settled     {quote(prompt)} -> {quote(text)}")


if __name__ == "__main__":
    sys.exit(main())
