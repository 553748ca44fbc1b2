"""The process that computes, with the toy's proofs."""

from __future__ import annotations

import sys
from functools import lru_cache

from testkit.toy_model import ToyModel
from zkllm import api
from zkllm.files import JsonObject
from zkllm.key_files import verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.serve import worker
from zkllm.serve.worker import Channel
from zkllm.statement import Context


def prove(
    package: ModelPackage, order: JsonObject, channel: Channel, memory_budget: int | None
) -> JsonObject:
    """As the worker's own."""
    prompt, rows, certified = order["prompt"], order["rows"], order["certified"]
    key = VerifyingKey.load(verifying_key_file(package.folder, rows, certified))
    answer = api.answer(package, prompt, certified, rows).answer
    channel.progress("toy proof", 0, 1)
    chain_id, *rest = order["context"]
    context = Context(chain_id, *map(bytes.fromhex, rest))
    proof = toy_of(key).prove((*prompt, *answer), context)  # the contract verifies it
    return {"proof": proof.to_bytes().hex(), "answer": list(answer), "seconds": {"toy proof": 0.1}}


@lru_cache
def toy_of(key: VerifyingKey) -> ToyModel:
    return ToyModel.like(key)


if __name__ == "__main__":
    worker.prove = prove
    worker.main(int(sys.argv[1]))
