"""Writes tests/vectors/outer/*.json: toy verifying keys with honest and damaged proofs. Deterministic.

    python -m scripts.generate.outer_vectors [--check]

The format is described in tests/vectors/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from scripts import ROOT
from testkit.damage import damaged_cases
from testkit.toy import IDS, Instance, Toy
from zkllm.errors import ProofError
from zkllm.outer.opening import denominators, derive, product
from zkllm.outer.transcript import body_elements, decode_body, seed_of, statement_digest
from zkllm.outer.verifier import draw_challenges, verify

TOYS: dict[str, dict[str, Any]] = {
    "square": dict(mu=6, num_fixed=2, num_witness=2),
    "oblong": dict(mu=7, num_fixed=3, num_witness=1, seed=2),
    "long": dict(mu=3, num_fixed=1, num_witness=1, num_claims=3, seed=3, N=391, ids=IDS * 76),
}


def patch(body: bytes, damaged: bytes) -> dict[str, Any]:
    """The damaged body: whole where its length differs, else the shortest range of bytes to replace."""
    if body == damaged:
        return {}
    if len(body) != len(damaged):
        return {"body": damaged.hex()}
    differing = [i for i, (a, b) in enumerate(zip(body, damaged, strict=True)) if a != b]
    start, stop = differing[0], differing[-1] + 1
    return {"offset": start, "bytes": damaged[start:stop].hex()}


def vector(name: str) -> dict[str, Any]:
    instance = Instance.make(Toy.random(**TOYS[name]))
    vk, words, context = instance.vk, instance.words, instance.context
    body = instance.prove()
    verify(vk, context, words, body)
    witness, scalars, points = decode_body(body, vk.num_witness_columns)
    digest = statement_digest(vk.verifier_id, context, words, witness)
    challenges = draw_challenges(vk, digest, {**scalars, **points})
    derived = derive(vk.domain, words, seed_of(digest), scalars, challenges)
    divisors = denominators(vk.domain, vk.num_public, challenges)
    cases = []
    for label, case_context, case_words, case_body in damaged_cases(vk, context, words, body):
        try:
            verify(vk, case_context, case_words, case_body)
        except ProofError as error:
            check = str(error).split(":")[0]
            case: dict[str, Any] = {"name": label, "check": check}
            case |= {"context": case_context.hex()} if case_context != context else {}
            case |= {"words": [f"{w:064x}" for w in case_words]} if case_words != words else {}
            case |= patch(body, case_body)
            cases.append(case)
        else:
            raise SystemExit(f"accepted although damaged: {label}")
    return {
        "vk": json.loads(vk.to_json()),
        "verifier_id": vk.verifier_id.hex(),
        "domain_root": f"{vk.domain.root:064x}",
        "context": context.hex(),
        "words": [f"{w:064x}" for w in words],
        "layout": [
            [element, "point" if is_point else "scalar"] for element, is_point in body_elements(len(witness))
        ],
        "body": body.hex(),
        "digest": digest.hex(),
        "seed": f"{seed_of(digest):064x}",
        "challenges": {challenge: f"{x:064x}" for challenge, x in challenges.items()},
        "derived": {value: f"{x:064x}" for value, x in derived.items()},
        "denominators_product": f"{product(divisors):064x}",
        "invalid": cases,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files, write nothing"
    )
    check = parser.parse_args().check
    for name in TOYS:
        path = ROOT / f"tests/vectors/outer/{name}.json"
        text = json.dumps(vector(name), indent=1) + "\n"
        if not check:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"{path.relative_to(ROOT)} differs from what this script makes", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
