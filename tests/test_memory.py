"""The estimate of a proof's memory, and the refusal before it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zkllm.errors import ResourceError
from zkllm.families import describe
from zkllm.kernels.native import NATIVE
from zkllm.memory import (
    GIB,
    Estimate,
    Term,
    _witness_bytes,
    available_memory,
    estimate,
    require_memory,
)
from zkllm.model.execution import generate_trace
from zkllm.model.llama.tiny import tiny_model as tiny_llama
from zkllm.model.models import Model
from zkllm.model.tiny import tiny_config, tiny_model
from zkllm.protocol.witness import prover_data, stored_type

DEMO = Path(__file__).parents[1] / "models" / "demo-gpt2"

# GPT-2 XL
XL = tiny_config(
    n_layer=48, n_head=25, head_dim=64, d_inner=6400, vocab_size=50257, n_ctx=1024, act_bits=16, gelu_bits=16,
    limb_bits=16, write_bits=32, exp_bits=11, over_bits=16, div_bits=32, logit_bits=32, diff_bits=32,
    rho_bits=32, norm_bits=96, ln_shift=32, slots=5, slot_bits=50, inner_slots=5, inner_slot_bits=50,
    vocab_slots=4, vocab_slot_bits=63, mu=24,
)  # fmt: skip

MEASURE = """
import sys
from zkllm import api
from zkllm.timings import forget_peak, resident_memory
package = api.ModelPackage.load(sys.argv[1])
needed = api.check_memory(package, 16, 1)
api.prove(package, tokens=[1, 2, 3], rows=16)
print(needed.resident, resident_memory().get("peak", 0))
"""


@pytest.mark.long
def test_the_estimate_is_not_below_the_measured_peak(tmp_path: Path) -> None:
    from zkllm.cli import main

    assert main(["setup", str(DEMO), "--out", str(tmp_path / "demo"), "--quiet", "--json"]) == 0
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "demo")],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    estimated, measured = map(int, done.stdout.split())
    if not measured:
        pytest.skip("no /proc")
    assert measured <= estimated <= 3 * measured


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_what_the_tensors_take_is_exact(family: str) -> None:
    model: Model = tiny_model(1) if family == "gpt2" else tiny_llama(1)
    protocol = describe(model.config, 5, 1)
    data = prover_data(protocol, model, generate_trace(model, [1, 2], 1, 5), NATIVE)
    witness = protocol.manifest.group(False)
    assert sum(data.array(t.name).nbytes for t in witness) == _witness_bytes(protocol)
    assert all(data.array(t.name).dtype == stored_type(protocol.manifest, t) for t in witness)


def test_memory_that_is_given_up_is_kept_up_to_a_bound() -> None:
    """A later stage holds what it has beside it, and takes it over before it takes more."""
    held = lambda size, kernels=False, mapped=False: Term("x", size, mapped=mapped, kernels=kernels)
    stages = {
        "tree": (held(3 * GIB, True),),
        "other": (held(GIB), held(GIB, True), held(2 * GIB, mapped=True)),
    }
    assert Estimate((held(5),), stages).private == 4 * GIB + 5
    assert Estimate((held(5),), stages).resident == 6 * GIB + 5
    stages["tree"] = (held(6 * GIB, True),)
    assert Estimate((), stages).private == 6 * GIB, "the first stage is the larger one"
    stages["other"] = (held(3 * GIB), held(GIB, True))
    assert Estimate((), stages).private == 7 * GIB, "4 GiB are kept"


def test_sizes_move_the_estimate_as_they_should() -> None:
    sixteen, sixty_four = (estimate(describe(XL, n, 1)) for n in (16, 64))
    assert 1.5 * GIB < sixteen.private < sixteen.resident < 10 * GIB
    assert sixteen.private < sixty_four.private
    assert estimate(describe(XL, 16, 1), 17).resident >= sixteen.resident


@pytest.mark.parametrize("free", [1, GIB])
def test_refusals_name_figure_and_cure(free: int) -> None:
    protocol = describe(XL, 16, 1)
    with pytest.raises(ResourceError, match=r"N = 16.* GiB .*this machine has .*--max-tokens.*mu") as error:
        require_memory(protocol, available=free)
    assert "\n" not in str(error.value)
    with pytest.raises(ResourceError, match=r"budget of .*--max-tokens"):
        require_memory(protocol, budget=free, available=1 << 50)
    needed = require_memory(protocol, budget=64 * GIB, available=64 * GIB)
    assert require_memory(protocol, budget=needed.resident, available=needed.private) == needed


def files(root: Path, content: dict[str, str]) -> Path:
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 500 kB\n"}


def test_what_the_machine_has(tmp_path: Path) -> None:
    assert available_memory(tmp_path / "nothing") is None
    assert available_memory(files(tmp_path / "plain", MEMINFO)) == 500 << 10
    group = "sys/fs/cgroup/a/b"
    two = {"proc/self/cgroup": "0::/a/b\n", f"{group}/memory.max": "max\n", f"{group}/memory.current": "1\n",
           f"{group}/memory.stat": "", "sys/fs/cgroup/a/memory.max": "300000\n",
           "sys/fs/cgroup/a/memory.current": "200000\n",
           "sys/fs/cgroup/a/memory.stat": "inactive_file 50000\nactive_file 0\n"}  # fmt: skip
    assert available_memory(files(tmp_path / "two", {**MEMINFO, **two})) == 150000
    one = {"proc/self/cgroup": "5:cpu,memory:/x\n4:freezer:/\n", "sys/fs/cgroup/memory/x/memory.stat": "",
           "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1000\n",
           "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "100\n"}  # fmt: skip
    assert available_memory(files(tmp_path / "one", {**MEMINFO, **one})) == 900
