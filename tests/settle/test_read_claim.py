"""examples/read-claim.mts, bundled and run by Node: what a dapp reads from a real Anvil."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.settle.toy import ToyModel
from zkllm.settle.rpc import Rpc, to_hex
from zkllm.settle.session import Session

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IDS = (5, 6, 7, 0)
DRIVER = """
const { readAnswer } = require("./read-claim.cjs");
const { url, question, block } = JSON.parse(process.env.ASKED);
readAnswer(url, question, block).then((answer) => {
  const read = answer && { ...answer, bytes: Buffer.from(answer.bytes).toString("hex") };
  console.log(JSON.stringify(read));
});
"""

Reader = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dapp")
    esbuild = ["node", "node_modules/esbuild/bin/esbuild", "examples/read-claim.mts", "--bundle"]
    options = ["--platform=node", "--log-level=warning", f"--outfile={made / 'read-claim.cjs'}"]
    subprocess.run([*esbuild, *options], cwd=ROOT, check=True)
    (made / "driver.cjs").write_text(DRIVER)
    return made


@pytest.fixture
def read_answer(folder: Path, rpc: Rpc, session: Session, model: ToyModel) -> Reader:
    """(prompt, block) to what the example reads there, of the session's settlement contract."""
    settlement = session.ensure_deployed(model.verifying_key).settlement

    def read(prompt: tuple[int, ...], block: str = "latest") -> Any:
        key = model.verifying_key
        question = {
            "settlement": to_hex(settlement),
            "modelId": to_hex(key.model_id),
            "prompt": prompt,
            "k": key.k,
        }
        asked = json.dumps({"url": rpc.url, "question": question, "block": block})
        run = subprocess.run(
            ["node", "driver.cjs"],
            cwd=folder,
            env={**os.environ, "ASKED": asked},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(run.stdout)

    return read


def test_the_example_reads_what_is_settled(read_answer, rpc, session, model):
    assert read_answer(IDS[:-1]) is None
    rpc.request("anvil_mine", hex(200))  # the contracts are final, what follows is not

    contract = session.ensure_deployed(model.verifying_key).settlement
    proof = model.prove(IDS, session.context(contract, bytes(32)))
    settled = session.settle(proof, model.verifying_key, model.tokens, verified=True)
    expected = {"claimId": to_hex(settled.claim_id), "tokens": [0], "bytes": b" magic".hex()}
    assert read_answer(IDS[:-1]) == expected
    assert read_answer(IDS[:-2]) is None, "another question"
    assert read_answer(IDS[:-1], "finalized") is None, "not final"

    rpc.request("anvil_mine", hex(200))
    assert read_answer(IDS[:-1], "finalized") == expected
