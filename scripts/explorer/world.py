"""A local chain with real settled claims, for the explorer's tests and pictures: of the demo model (alone,
for a reward, two in one transaction, several tokens, a sealed prompt), of toy models under the real outer
proof (one with hostile tokens, one with an SRS whose secret is thrown away, one that the page does not
know), and open requests.

    python -m scripts.explorer.world --out DIR

writes the page to DIR, prints one line of JSON that says what is where, and serves the chain until its
standard input ends.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts import ROOT
from scripts.generate.chain_fixtures import Answer, Case, Made, Model
from zkllm import api
from zkllm.explorer import Site, SiteModel, write_site
from zkllm.field import random_scalar
from zkllm.hashing import keccak256
from zkllm.kernels.native import NATIVE
from zkllm.outer.keys import VerifyingKey
from zkllm.pcs.curve import G2_BYTES
from zkllm.pcs.srs import Srs
from zkllm.proof import Proof
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.batch import settle_batch
from zkllm.settle.escrow import request_call
from zkllm.settle.networks import network
from zkllm.settle.session import Session
from zkllm.statement import request_id
from zkllm.units import ETHER

DEMO = ROOT / "models/demo-gpt2"
PROMPT = "Any sufficiently advanced technology is indistinguishable from"
TOGETHER = ("Knowledge is", "Time is")
ASKED = "Practice makes"
HOUR = 3600

HOSTILE = {
    1: b"<img src=x onerror=alert(1)><script>alert(2)</script>",
    2: "\u202egnitset\u202c\u2066\u200b\ufeff".encode(),
    3: b"\0\0\x1b[2J\x07\r\n\t",
    4: b"W" * 128,
    5: b"\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80",
    6: ("Z" + "\u0335\u0321\u0322\u0327" * 8).encode(),
    7: b"&lt;b&gt;&amp;#x27;'\"`${alert(3)}",
    8: "שלום".encode(),
    9: b"\xf0\x9f",
    10: b"\x98\x80",
}
"""Markup, directions, controls, a long word, what is no UTF-8, piled marks, entities, right to left, a
character in two tokens."""
HOSTILE_CASE = Case(
    N=24,
    k=len(HOSTILE),
    mu=6,
    num_fixed=2,
    num_witness=1,
    tokens=HOSTILE,
    vocab_size=61,
    seed=21,
    model=b"hostile tokens",
)
SERIOUS_CASE = Case(
    N=16,
    k=2,
    mu=6,
    num_fixed=2,
    num_witness=2,
    tokens={1: b"Speak,", 2: b" friend,", 3: b" and", 4: b" enter"},
    vocab_size=5,
    seed=22,
    model=b"an SRS of one participant",
)
UNKNOWN_CASE = replace(SERIOUS_CASE, seed=23, model=b"a model that the page does not know", mu=7)


def thrown_away_srs(log2_powers: int) -> Srs:
    """Of a tau that nobody knows once this returns."""
    tau = random_scalar()
    raw = NATIVE.g2_squarings(tau, log2_powers + 1)
    squarings = tuple(raw[i : i + G2_BYTES] for i in range(0, len(raw), G2_BYTES))
    return Srs("ceremony", NATIVE.powers(tau, 1 << log2_powers, 1, None), squarings)


class World:
    """What is settled, and the page of it."""

    def __init__(self, session: Session, work: Path):
        self.session, self.work = session, work
        self.claims: dict[str, str] = {}
        self.package = api.setup(DEMO, work / "demo")
        self.model_id = api.open_setup(self.package).model_id
        self.tokens = self.package.tokenizer.token_bytes
        self.contract = b""

    def make(self) -> None:
        self.demo_claims()
        self.toy_claims()
        self.requests()

    # ---- the demo model
    def prove(self, prompt: str, certified: int = 1, **options: Any) -> tuple[Proof, VerifyingKey]:
        sealed = "salt" in options
        key = api.shape_keys(self.package, 16, certified, sealed=sealed).verifying_key
        deployment = self.session.ensure_deployed(key, contract=self.contract or None)
        self.contract = deployment.settlement
        request = options.pop("request", bytes(32))
        context = self.session.context(self.contract, request)
        result = api.prove(
            self.package, prompt=prompt, certified=certified, rows=16, context=context, **options
        )
        return result.proof, key

    def settle(self, name: str, proof: Proof, key: VerifyingKey, tokens: Sequence[bytes]) -> None:
        settled = self.session.settle(proof, key, tokens, self.contract)
        self.claims[name] = "0x" + settled.claim_id.hex()

    def demo_claims(self) -> None:
        first = self.prove("Better late than")
        self.settle("first", *first, self.tokens)
        self.settle("rewarded", *self.prove(PROMPT, request=self.request(PROMPT, ETHER // 20)), self.tokens)
        batch = settle_batch(self.session, [self.prove(prompt) for prompt in TOGETHER], self.tokens)
        for claim, name in zip(batch.claims, ("together", "beside"), strict=True):
            self.claims[name] = "0x" + claim.claim_id.hex()
        self.settle("long", *self.prove("Once upon a", certified=4), self.tokens)
        self.settle("sealed", *self.prove("The question is", salt=random_scalar()), self.tokens)

    def request(self, prompt: str, reward: int, certified: int = 1, hide: bool = False) -> bytes:
        """Posts one that ends in an hour; its id."""
        ids = api.prompt_ids(self.package, prompt, None)
        salt = secrets.token_bytes(32)
        deadline = self.session.rpc.timestamp() + HOUR
        found = request_id(self.session.account.address, salt)
        call = request_call(
            self.contract, found, self.model_id, ids, certified, deadline, salt, reward, hide_prompt=hide
        )
        self.session.execute(call)
        return found

    def requests(self) -> None:
        self.request(ASKED, ETHER // 100)
        self.request(ASKED, ETHER // 200, hide=True)
        self.request(PROMPT.split()[0], ETHER // 1000)

    # ---- toy models
    def toy_claims(self) -> None:
        self.toys = {
            "hostile": Model(HOSTILE_CASE),
            "serious": Model(SERIOUS_CASE, thrown_away_srs),
            "unknown": Model(UNKNOWN_CASE),
        }
        ids = {
            "hostile": (*range(11, 15), 1, 2, 3, 5, *HOSTILE),
            "serious": (1, 2, 3, 4),
            "unknown": (2, 1, 3, 4),
        }
        for name, model in self.toys.items():
            self.session.ensure_deployed(model.vk, contract=self.contract)
            context = self.session.context(self.contract)
            proof = _file_of(model.prove(Answer(name, ids[name], context)))
            self.settle(name, proof, model.vk, model.tree.tokens)

    # ---- the page
    def site(self, rpc_url: str) -> Site:
        hostile, serious = self.toys["hostile"], self.toys["serious"]
        keys = [
            api.shape_keys(self.package, 16, k, sealed=sealed).verifying_key
            for k, sealed in ((1, False), (4, False), (1, True))
        ]
        models = (
            SiteModel("demo-gpt2", self.model_id, self.tokens, tuple(keys)),
            SiteModel("<b>hostile</b> \u202emodel", hostile.model_id, hostile.tree.tokens, (hostile.vk,)),
            SiteModel("A toy with a ceremony of one", serious.model_id, serious.tree.tokens, (serious.vk,)),
        )
        return Site(network("anvil"), self.contract, rpc_url, 0, models)


def _file_of(made: Made) -> Proof:
    vk, answer = made.model.vk, made.answer
    return Proof(
        vk.verifier_id,
        vk.development_srs,
        answer.context,
        vk.N,
        vk.k,
        vk.sealed,
        tuple(made.words),
        made.body,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="where the page goes")
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder, LocalNode() as node:
        session = Session(node.rpc, network("anvil"), development_account(0), Path(folder) / "home")
        world = World(session, Path(folder))
        world.make()
        write_site(out, world.site(node.url))
        key = world.toys["unknown"].vk
        (out.parent / "unknown.vk.json").write_text(key.to_json())
        said = {
            "rpc": node.url,
            "contract": "0x" + world.contract.hex(),
            "claims": world.claims,
            "unknownKey": str(out.parent / "unknown.vk.json"),
            "demoModel": "0x" + world.model_id.hex(),
            "promptIds": list(api.prompt_ids(world.package, PROMPT, None)),
            "hostile": "0x" + keccak256(HOSTILE_CASE.model).hex(),
        }
        print(json.dumps(said), flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
