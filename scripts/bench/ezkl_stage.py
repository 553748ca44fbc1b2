"""One stage of EZKL on the sub-block "first linear layer and GELU", in a process of its own.

    python -m scripts.bench.ezkl_stage STAGE FOLDER TENSORS.npz [OPTIONS as JSON]

Runs in an environment that has ezkl, onnx and numpy, and prints one JSON line. Stages, in order: model,
settings, srs, setup, witness, prove, verify. TENSORS (`zkllm bench sub-block --export`) holds y, weight, bias
and g.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezkl
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Some of EZKL's functions are coroutines in some versions."""
    result = function(*arguments, **named)
    if not inspect.isawaitable(result):
        return result

    async def wait() -> Any:
        return await result

    return asyncio.run(wait())


def model(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The graph that torch exports for Linear and GELU(approximate="tanh"): GPT-2's gelu_new."""
    y, weight, bias = (tensors[name].astype(np.float32) for name in ("y", "weight", "bias"))
    constants = {"three": 3.0, "cubic": 0.044715, "root": (2 / np.pi) ** 0.5, "one": 1.0, "half": 0.5}
    nodes = [
        ("MatMul", ["y", "weight"], "z"),
        ("Add", ["z", "bias"], "f"),
        ("Pow", ["f", "three"], "f3"),
        ("Mul", ["f3", "cubic"], "cf3"),
        ("Add", ["f", "cf3"], "sum"),
        ("Mul", ["sum", "root"], "inner"),
        ("Tanh", ["inner"], "tanh"),
        ("Add", ["tanh", "one"], "up"),
        ("Mul", ["f", "up"], "double"),
        ("Mul", ["double", "half"], "g"),
    ]
    stored = {"weight": weight, "bias": bias, **{n: np.float32(v) for n, v in constants.items()}}
    graph = helper.make_graph(
        [helper.make_node(op, inputs, [output]) for op, inputs, output in nodes],
        "fc1-gelu",
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(y.shape))],
        [helper.make_tensor_value_info("g", TensorProto.FLOAT, [y.shape[0], weight.shape[1]])],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in stored.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), "network.onnx")
    Path("input.json").write_text(json.dumps({"input_data": [y.reshape(-1).tolist()]}))
    return {}


def settings(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Scales and lookup range by EZKL's own calibration; visibilities: weights fixed, the rest public."""
    arguments = ezkl.PyRunArgs()
    if options.get("inner_cols"):
        arguments.num_inner_cols = options["inner_cols"]
    call(ezkl.gen_settings, "network.onnx", "settings.json", py_run_args=arguments)
    target = options.get("target", "resources")
    scales = [options["scale"]] if options.get("scale") else None
    call(ezkl.calibrate_settings, "input.json", "network.onnx", "settings.json", target, scales=scales)
    call(ezkl.compile_circuit, "network.onnx", "network.ezkl", "settings.json")
    chosen = json.loads(Path("settings.json").read_text())
    run = chosen["run_args"]
    sizes = ("input_scale", "param_scale", "logrows", "num_inner_cols", "lookup_range", "decomp_base")
    names = (*sizes, "decomp_legs", "input_visibility", "output_visibility", "param_visibility")
    return {name: run[name] for name in names} | {
        "num_rows": chosen["num_rows"],
        "version": chosen["version"],
    }


def srs(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    """A test SRS, made here (no network), kept for the size."""
    size = json.loads(Path("settings.json").read_text())["run_args"]["logrows"]
    kept = Path(options["srs_folder"]) / f"kzg-{size}.srs"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        call(ezkl.gen_srs, f"{kept}.part", size)
        os.replace(f"{kept}.part", kept)
    Path("kzg.srs").unlink(missing_ok=True)
    Path("kzg.srs").symlink_to(kept.resolve())
    return {"srs_bytes": kept.stat().st_size}


def setup(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    call(ezkl.setup, "network.ezkl", "vk.key", "pk.key", "kzg.srs")
    return {"proving_key_bytes": size_of("pk.key"), "verifying_key_bytes": size_of("vk.key")}


def witness(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    call(ezkl.gen_witness, "input.json", "network.ezkl", "witness.json")
    found = json.loads(Path("witness.json").read_text())["pretty_elements"]["rescaled_outputs"][0]
    g = np.array([float(x) for x in found]).reshape(tensors["g"].shape)
    return {"max_error": float(np.abs(g - tensors["g"]).max())}


def prove(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    call(ezkl.prove, "witness.json", "network.ezkl", "pk.key", "proof.json", "kzg.srs")
    proof = json.loads(Path("proof.json").read_text())
    return {"proof_bytes": len(bytes.fromhex(proof["hex_proof"].removeprefix("0x")))}


def verify(tensors: Any, options: dict[str, Any]) -> dict[str, Any]:
    if not call(ezkl.verify, "proof.json", "settings.json", "vk.key", "kzg.srs"):
        raise SystemExit("EZKL rejects its own proof")
    return {}


def size_of(name: str) -> int:
    return Path(name).stat().st_size


STAGES = (model, settings, srs, setup, witness, prove, verify)


def main() -> None:
    name, folder, tensors = sys.argv[1:4]
    options = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
    loaded = np.load(tensors)
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    stage = {f.__name__: f for f in STAGES}[name]
    out, errors = os.dup(1), os.dup(2)
    log = os.open("ezkl.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)  # EZKL prints reports
    os.dup2(log, 2)
    wall, processor = time.perf_counter(), time.process_time()
    try:
        found = stage(loaded, options)
    except Exception as error:
        os.write(errors, f"EZKL, {name}: {' '.join(str(error).split())[:400]}\n".encode())
        raise SystemExit(1) from None
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = {"wall_s": wall, "processor_s": processor, "peak_rss_bytes": peak, **found}
    os.write(out, (json.dumps(line) + "\n").encode())


if __name__ == "__main__":
    main()
