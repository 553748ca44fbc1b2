"""One phase of a benchmark case, in a process of its own, so that its peak memory is its own.

    python -m scripts.bench.phases PHASE '{"option": ..}'

Phases: srs, setup, precompute, keys, deploy, prove, command, blinding, verify, settle, batch, torch. Prints
one JSON line; `cases.py` puts them together.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench.common import say
from zkllm import api
from zkllm.errors import ZkllmError
from zkllm.model.family import PACKING
from zkllm.model.package import ModelPackage
from zkllm.proof import Proof
from zkllm.timings import resident_memory

PROMPT = "Any sufficiently advanced technology is indistinguishable from"
INTRINSIC_GAS = 21_000
Options = dict[str, Any]


class Reports:
    """Seconds between reports, by the stage that the later one names; also on standard error."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.perf_counter()
        if done or total != 1:  # (0, 1) opens a stage: what passed before it is not the stage's
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
        if done == total:
            say(f"  {stage}: {self.seconds.get(stage, 0.0):.1f} s")


def peak() -> int | None:
    return resident_memory().get("peak")


class PrivatePeak:
    """The most memory besides mapped files that this process is seen to have, 20 times a second."""

    SECONDS = 0.05

    def __init__(self) -> None:
        self.bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(self.SECONDS):
            self.bytes = max(self.bytes, resident_memory().get("anon", 0))

    def __enter__(self) -> PrivatePeak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def size_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def prompt_of(o: Options) -> dict[str, Any]:
    """A prompt that fits into N rows: the text, or its first ids; a chat, all of it."""
    package = ModelPackage.load(o["package"], verify=False)
    if "messages" in o:
        messages = api.Messages(tuple({"role": role, "content": words} for role, words in o["messages"]))
        ids = api.prompt_ids(package, messages, None)
    else:
        ids = package.tokenizer.encode(PROMPT)[: max(1, o["N"] + 1 - o["k"])]
    return {"tokens": ids, "certified": o["k"], "rows": o["N"]}


# ---- phases


def srs(o: Options) -> Options:
    """Makes the development SRS where it is not in the cache, before any clock starts."""
    from zkllm.pcs.srs import development_srs

    start = time.perf_counter()
    development_srs(o["log2"])
    return {"srs_s": time.perf_counter() - start}


def setup(o: Options) -> Options:
    """The package, its commitments, the keys of (N, 1); the SRS is there already."""
    reports, out = Reports(), Path(o["package"])
    start, processor = time.perf_counter(), time.process_time()
    with PrivatePeak() as private:
        package = api.setup(o["checkpoint"], out, rows=o["N"], mu=o["mu"], progress=reports)
    return {
        "setup_s": time.perf_counter() - start,
        "setup_cpu_s": time.process_time() - processor,
        "setup_stages_s": reports.seconds,
        "setup_peak_rss_bytes": peak(),
        "setup_peak_private_bytes": private.bytes,
        "package_bytes": size_of(out / "weights"),
        "keys_bytes": size_of(out / "keys"),
        "mu": package.config.mu,
    }


def precompute(o: Options) -> Options:
    """The opening table, and the SRS transformed where it is not in the cache; processor seconds too, which
    other programs do not lengthen."""
    processor = time.process_time()
    made = api.precompute(ModelPackage.load(o["package"], verify=False), progress=Reports())
    return {
        "transform_s": made.seconds.get("transform SRS"),
        "table_s": made.seconds["opening table"],
        "precompute_cpu_s": time.process_time() - processor,
        "table_bytes": made.path.stat().st_size,
    }


def keys(o: Options) -> Options:
    """The keys of (N, k), and what the shape is."""
    from zkllm.measure.inspection import inspect_package

    package = ModelPackage.load(o["package"], verify=False)
    start = time.perf_counter()
    key = api.shape_keys(package, o["N"], o["k"]).verifying_key
    seconds = time.perf_counter() - start
    data: dict[str, Any] = inspect_package(package, o["N"], o["k"])
    c = package.config
    return {
        "keys_s": seconds,
        "layers": c.n_layer,
        "width": c.width,
        "parameters": data["parameters"],
        "mu": c.mu,
        "witness_mu": c.witness_mu,
        "C": {name: getattr(c, name) for name in PACKING if name.endswith("slots") and hasattr(c, name)},
        "rows": data["circuit"]["rows"],
        "rows_log2": key.n_log2,
        "columns": [data["columns"][g]["columns"] for g in ("fixed", "witness")],
        "lookups": sum(x["queries"] for x in data["lookups"]),
        "security_bits": data["security_bits"],
        "soundness": data["soundness"],
        "srs": data["srs_kind"],
    }


def _session(o: Options, fresh: bool) -> Any:
    from zkllm.settle import KeySource, network, open_session

    return open_session(network("anvil"), KeySource(), Path(o["home"]), fresh_chain=fresh)


def deploy(o: Options) -> Options:
    """On an empty local chain, which the later phases take up; what the proof must be made for."""
    package = ModelPackage.load(o["package"], verify=False)
    key = api.shape_keys(package, o["N"], o["k"]).verifying_key
    start = time.perf_counter()
    with _session(o, fresh=False) as session:
        deployment = session.ensure_deployed(key)
        context = session.context(deployment.settlement)
        gas = {name: receipt.gas_used for name, receipt in session.deployed.items()}
    return {
        "deploy_s": time.perf_counter() - start,
        "deploy_gas": gas,
        "context": [context.chain_id, context.contract.hex(), context.sender.hex()],
    }


def context_of(o: Options) -> Any:
    from zkllm.statement import Context

    chain_id, contract, sender = o["context"]
    return Context(chain_id, bytes.fromhex(contract), bytes.fromhex(sender))


def prove(o: Options) -> Options:
    """One proof. Keys are read, not made; reading them belongs to proving."""
    from zkllm.families import describe
    from zkllm.measure.profiling import flat, profile

    given, context = prompt_of(o), context_of(o)
    estimated = api.check_memory(ModelPackage.load(o["package"], verify=False), o["N"], o["k"])
    start, processor = time.perf_counter(), time.process_time()
    with PrivatePeak() as private:
        package = ModelPackage.load(o["package"], verify=False)
        result = api.prove(package, **given, context=context, memory=True)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    result.proof.save(Path(o["proof"]))
    key = result.verifying_key
    about = {"model": package.source, "N": key.N, "k": key.k, "backend": api.backend(), "srs": key.srs_kind}
    protocol = describe(package.config, key.N, key.k)
    report = profile(result.stages, protocol, 1 << key.n_log2, about)
    Path(o["profile"]).write_text(json.dumps(report, indent=1) + "\n")
    leaves = flat(result.stages)
    ids = [*result.prompt_ids, *result.answer_ids]
    return {
        "prove_s": seconds,
        "prove_cpu_s": processor,
        "stages": {name: stage.wall for name, stage in leaves.items()},
        "stages_cpu": {name: stage.processor for name, stage in leaves.items()},
        "stages_peak": {name: stage.memory.get("peak") for name, stage in leaves.items()},
        "peak_rss_bytes": result.stages.memory.get("peak"),
        "peak_private_bytes": private.bytes,
        "estimated_private_bytes": estimated.private,
        "proof_bytes": len(result.proof.body),
        "statement": {"T": result.proof.T, "ids": ids},
        "row_ids": [*ids, *[package.config.pad_id] * o["N"]][: o["N"]],
        "backend": api.backend(),
    }


def command(o: Options) -> Options:
    """The whole command of a user, from the start of the interpreter on."""
    given = prompt_of(o)
    out = Path(o["proof"]).with_suffix(".command")
    arguments = ["prove", o["package"], "--tokens", ",".join(map(str, given["tokens"]))]
    arguments += ["--new-tokens", str(o["k"]), "--max-tokens", str(o["N"]), "--out", str(out), "--quiet"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "zkllm", *arguments], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    out.unlink()
    return {"command_s": seconds}


def blinding(o: Options) -> Options:
    """Proofs of one trace with and without zero-knowledge, in turn."""
    from testkit.blinding import Unblinded
    from zkllm.kernels.native import NATIVE
    from zkllm.model.execution import generate_trace
    from zkllm.pcs.srs import srs_powers_needed
    from zkllm.prover import prove_trace
    from zkllm.setup_check import open_setup
    from zkllm.srs_files import srs_of

    package, given, context = ModelPackage.load(o["package"], verify=False), prompt_of(o), context_of(o)
    shape = api.shape_keys(package, o["N"], o["k"])
    key = shape.verifying_key
    srs = srs_of(open_setup(package), srs_powers_needed(key.n_log2, key.mu), None, NATIVE)
    trace = generate_trace(package.weights, given["tokens"], o["k"], o["N"])
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for hides in [True, False] * (1 + o["runs"]):
        start = time.perf_counter()
        prove_trace(
            shape.protocol, package.weights, trace, shape.proving_key, srs, context.digest(), NATIVE,
            blinding=None if hides else Unblinded(shape.protocol.masks),
        )  # fmt: skip
        seconds[hides].append(time.perf_counter() - start)
    blinded, plain = (statistics.median_low(seconds[hides][1:]) for hides in (True, False))
    return {"blinded_s": blinded, "unblinded_s": plain}


def verify(o: Options) -> Options:
    package = ModelPackage.load(o["package"], verify=False)
    key = api.shape_keys(package, o["N"], o["k"]).verifying_key
    proof = Proof.load(Path(o["proof"]))
    start = time.perf_counter()
    proof.verify(key)
    return {"verify_s": time.perf_counter() - start}


def verification_gas(session: Any, verifier: bytes, proof: Proof) -> int:
    """Execution of `verify`, without the transaction's base and its calldata."""
    from zkllm.settle.rpc import to_hex
    from zkllm.settle.submission import calldata_gas, verify_calldata

    data = verify_calldata(proof)
    call = {"from": to_hex(session.account.address), "to": to_hex(verifier), "data": to_hex(data)}
    trace = session.rpc.request("debug_traceCall", call, "latest", {"tracer": "callTracer"})
    return int(trace["gasUsed"], 16) - INTRINSIC_GAS - calldata_gas(data)


def settle(o: Options) -> Options:
    """For real: the transaction on the chain where `deploy` put the contracts, and verification alone."""
    package = ModelPackage.load(o["package"], verify=False)
    key = api.shape_keys(package, o["N"], o["k"]).verifying_key
    proof = Proof.load(Path(o["proof"]))
    with _session(o, fresh=False) as session:
        settled = session.settle(proof, key, package.tokenizer.token_bytes, verified=True)
        alone = verification_gas(session, settled.verifier, proof)
    return {
        "tx_gas": settled.gas_used,
        "verify_gas": alone,
        "calldata_bytes": settled.calldata_bytes,
    }


BATCH = 4


def batch(o: Options) -> Options:
    """Four claims in one transaction: of prompts that differ in their last token."""
    from zkllm.settle.batch import settle_batch

    package = ModelPackage.load(o["package"], verify=False)
    key = api.shape_keys(package, o["N"], o["k"]).verifying_key
    given = prompt_of(o)
    proofs = []
    for i in range(BATCH):
        ids = [*given["tokens"][:-1], i]
        proofs.append(api.prove(package, **given | {"tokens": ids}, context=context_of(o)).proof)
        say(f"  proof {i + 1} of {BATCH}")
    with _session(o, fresh=False) as session:
        tokens = package.tokenizer.token_bytes
        settled = settle_batch(session, [(p, key) for p in proofs], tokens, verified=True)
    return {"batch_claims": BATCH, "batch_gas": settled.receipt.gas_used}


def torch(o: Options) -> Options:
    """Plain float32 inference of the same tokens: one pass over N rows, logits of the k certified ones."""
    import torch as pytorch
    from transformers import GPT2LMHeadModel

    pytorch.set_num_threads(o["cores"])
    start = time.perf_counter()
    model = GPT2LMHeadModel.from_pretrained(o["checkpoint"], dtype=pytorch.float32)
    model.eval()
    loaded = time.perf_counter() - start
    ids = pytorch.tensor([o["ids"]])
    seconds = []
    with pytorch.inference_mode():
        for _ in range(1 + o["runs"]):  # the first one reads the weights from the disk
            start = time.perf_counter()
            model(ids, use_cache=False, logits_to_keep=o["k"])
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[1:])
    return {"torch_s": median, "torch_load_s": loaded, "torch_peak_rss_bytes": peak()}


PHASE_FUNCTIONS = (
    srs, setup, precompute, keys, deploy, prove, command, blinding, verify, settle, batch, torch,
)  # fmt: skip

PHASES: dict[str, Callable[[Options], Options]] = {f.__name__: f for f in PHASE_FUNCTIONS}


def main() -> int:
    name, options = sys.argv[1], json.loads(sys.argv[2])
    try:
        line = PHASES[name](options)
    except ZkllmError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
