"""Measures the explorer's page on a local chain with many claims (`make bench-explorer`).

The settlement contract is the real one, and settles real statements of a vocabulary of 478 tokens. Their
proofs are none: a verifier that accepts everything stands in for the generated one, since ten thousand
proofs would take hours. What is measured does not depend on them; verifying one proof in the page is
measured on a real one.

    python -m scripts.explorer.bench [--claims 10000] [--slowdown 4] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_abi import encode

from scripts import ROOT
from scripts.explorer.chromium import MISSING, chromium
from scripts.explorer.world import DEMO
from testkit.vault import send
from verifier_gen.standard_json import standard_json
from zkllm import api
from zkllm.explorer import Site, SiteModel, write_site
from zkllm.model.vocabulary import VocabularyTree
from zkllm.outer.keys import VerifyingKey
from zkllm.settle.abi import REGISTER, SETTLE_MANY, encode_call
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.contracts import build
from zkllm.settle.networks import network
from zkllm.settle.rpc import to_hex
from zkllm.settle.session import Session
from zkllm.statement import Statement

PROMPT_IDS, ROWS, PROOF_WORDS, TOGETHER = 10, 16, 56, 40
PROMPT = "Knowledge is"
MODEL_ID = bytes([0x77] * 32)
GAS = 16_000_000


class Many:
    """A chain with many claims of one model, and one real one of the demo model."""

    def __init__(self, node: LocalNode, work: Path):
        self.rpc, self.url = node.rpc, node.url
        self.session = Session(node.rpc, network("anvil"), development_account(0), work / "home")
        package = api.setup(DEMO, work / "demo")
        self.tokens = package.tokenizer.token_bytes
        self.tree = VocabularyTree(self.tokens)
        self.demo: VerifyingKey = api.shape_keys(package, ROWS, 1).verifying_key
        self.settlement = self.session.ensure_deployed(self.demo).settlement
        context = self.session.context(self.settlement)
        proof = api.prove(package, prompt=PROMPT, rows=ROWS, context=context).proof
        settled = self.session.settle(proof, self.demo, self.tokens, self.settlement)
        self.real_claim = "0x" + settled.claim_id.hex()
        self.prompt_ids = list(api.prompt_ids(package, PROMPT, None))
        self.random = random.Random(1)

    def settle(self, claims: int) -> float:
        """Seconds that it took."""
        verifier = self._accept_everything()
        start = time.perf_counter()
        for first in range(0, claims, TOGETHER):
            settlements = [self._settlement(verifier) for _ in range(min(TOGETHER, claims - first))]
            data = encode_call(SETTLE_MANY, settlements)
            receipt = send(self.rpc, self._transaction(self.settlement, data))
            assert receipt.succeeded
        return time.perf_counter() - start

    def _accept_everything(self) -> bytes:
        names = ("mocks/MockZkLLMVerifier.sol", "interfaces/IZkLLMVerifier.sol")
        sources = {name: (ROOT / "contracts/src" / name).read_text() for name in names}
        mock = build(standard_json(sources), "MockZkLLMVerifier")
        types = ["bytes32", "bytes32", "uint256", "uint256", "uint256", "bool"]
        arguments = encode(types, [MODEL_ID, self.tree.root, len(self.tokens), ROWS, 1, False])
        receipt = send(self.rpc, {"from": self._account, "data": to_hex(mock.creation + arguments)})
        assert receipt.contract_address is not None
        send(self.rpc, self._transaction(self.settlement, encode_call(REGISTER, receipt.contract_address)))
        return receipt.contract_address

    def _settlement(self, verifier: bytes) -> tuple[object, ...]:
        ids = tuple(self.random.randrange(len(self.tokens)) for _ in range(PROMPT_IDS + 1))
        words = Statement(MODEL_ID, 1, ids).words(ROWS, 0)
        proof = [self.random.getrandbits(250) for _ in range(PROOF_WORDS)]
        return verifier, bytes(32), words, proof, self.tree.multiproof(ids[-1:]), [self.tokens[ids[-1]]]

    @property
    def _account(self) -> str:
        return to_hex(self.session.account.address)

    def _transaction(self, to: bytes, data: bytes) -> dict[str, Any]:
        return {"from": self._account, "to": to_hex(to), "data": to_hex(data), "gas": hex(GAS)}

    def site(self) -> Site:
        stand_in = replace(self.demo, model_id=MODEL_ID)  # for its vocabulary; no proof is verified with it
        models = (
            SiteModel("demo-gpt2", self.demo.model_id, self.tokens, (self.demo,)),
            SiteModel("many", MODEL_ID, self.tokens, (stand_in,)),
        )
        return Site(network("anvil"), self.settlement, self.url, 0, models)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--claims", type=int, default=10_000)
    parser.add_argument(
        "--slowdown", type=float, default=1, help="of the processor, as a phone's beside this one"
    )
    parser.add_argument("--json", type=Path, help="where the figures go too")
    arguments = parser.parse_args()
    browser = chromium()
    if browser is None:
        print(MISSING, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, LocalNode() as node:
        many = Many(node, Path(folder))
        print(f"settling {arguments.claims:,} claims ..", file=sys.stderr, flush=True)
        seconds = many.settle(arguments.claims)
        write_site(Path(folder) / "page", many.site())
        told = {
            "site": str(Path(folder) / "page"),
            "claims": arguments.claims + 1,
            "realClaim": many.real_claim,
            "realModel": to_hex(many.demo.model_id),
            "promptIds": many.prompt_ids,
            "slowdown": arguments.slowdown,
        }
        measure = ["node", str(ROOT / "explorer/test/browser/measure.js")]
        environment = {**os.environ, "CHROMIUM": browser, "ZKLLM_EXPLORER_MEASURE": json.dumps(told)}
        done = subprocess.run(measure, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            return done.returncode
    figures = json.loads(done.stdout)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "settling_seconds": round(seconds, 1)}
    report = {"claims": arguments.claims, "slowdown": arguments.slowdown, **machine, **figures}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    for name, value in report.items():
        print(f"{name:<34} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
