"""The native integer program against its readable twin, bit for bit."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends import BACKENDS, use_backend
from zkllm.errors import QuantizationRangeError, StatementError
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.execution import generate, generate_trace, trace
from zkllm.model.reference import generate_reference, trace_reference
from zkllm.model.tables import exp_table, gelu_table
from zkllm.model.tiny import tiny_config, tiny_model
from zkllm.model.trace import Trace
from zkllm.model.weights import ARRAYS, QuantizedModel, TableSpec


@pytest.fixture(autouse=True, scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with use_backend(request.param):
        yield


def assert_equal_traces(a: Trace, b: Trace) -> None:
    assert set(a) == set(b)
    for name in a:
        assert a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]), name
    assert (a.ids, a.k, a.T) == (b.ids, b.k, b.T)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), n_layer=st.integers(1, 3), n_head=st.integers(1, 5),
    head_dim=st.integers(1, 6), d_inner=st.integers(1, 20), vocab_size=st.integers(2, 40),
    n_ctx=st.integers(3, 9), k=st.integers(1, 3), data=st.data(),
)  # fmt: skip
def test_traces_equal_the_reference(
    seed: int, n_layer: int, n_head: int, head_dim: int, d_inner: int, vocab_size: int, n_ctx: int, k: int,
    data: st.DataObject,
) -> None:  # fmt: skip
    model = tiny_model(
        seed,
        n_layer=n_layer,
        n_head=n_head,
        head_dim=head_dim,
        d_inner=d_inner,
        vocab_size=vocab_size,
        n_ctx=n_ctx,
    )
    rows = data.draw(st.integers(k, n_ctx))
    prompt = data.draw(st.lists(st.integers(0, vocab_size - 1), min_size=1, max_size=rows - k + 1))
    try:
        ids, T = generate_reference(model, prompt, k, rows)
        expected = trace_reference(model, ids, k, T)
    except QuantizationRangeError as error:  # random models of extreme shapes may leave their ranges
        with pytest.raises(QuantizationRangeError, match=error.tensor.split("[")[0]):
            generate(model, prompt, k, rows)
        return
    assert generate(model, prompt, k, rows) == (ids, T)
    assert_equal_traces(trace(model, ids, k, T), expected)
    assert_equal_traces(generate_trace(model, prompt, k, rows), expected)


@pytest.mark.parametrize("field", ["act_bits", "write_bits", "rho_bits", "norm_bits", "gelu_bits",
                                   "over_bits", "div_bits", "logit_bits", "diff_bits"])  # fmt: skip
def test_the_same_range_error(field: str) -> None:
    model = tiny_model(5, exp_shift=3, over_bits=11)
    ids, T = generate(model, [3, 2, 1, 6], 2, 6)
    gelu = model.gelu[:, 24:40].copy() if field == "gelu_bits" else model.gelu
    for bits in (1, 2, 3, 4, 5, 6, 7, 8):
        if field == "gelu_bits" and bits != 4:
            continue
        narrow = replace(model, config=replace(model.config, **{field: bits}), gelu=gelu)
        outcomes: list[Any] = []
        for run in (trace, trace_reference):
            try:
                outcomes.append(run(narrow, ids, 2, T) and None)
            except QuantizationRangeError as error:
                outcomes.append((error.tensor, error.bound, error.got))
        assert outcomes[0] == outcomes[1]
    assert outcomes[0] is None or outcomes[0][0]


def test_an_id_that_is_not_the_answer_is_refused() -> None:
    model = tiny_model(2)
    ids, T = generate(model, [4, 4], 1, 5)
    wrong = ids[:T] + [(ids[T] + 1) % 11] + ids[T + 1 :]
    with pytest.raises(StatementError, match="wins"):
        trace(model, wrong, 1, T)
    assert_equal_traces(
        trace(model, wrong, 1, T, check=False), trace_reference(model, wrong, 1, T, check=False)
    )


def test_memory_mapped_models_run(tmp_path) -> None:
    model = tiny_model(2)
    mapped = {}
    for name, array in model.arrays():
        np.save(tmp_path / f"{name}.npy", array)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    ids, T = generate(model, [4, 4], 1, 5)
    assert_equal_traces(trace(replace(model, **mapped), ids, 1, T), trace(model, ids, 1, T))


def larger_model(width: int, heads: int, layers: int, vocab: int, seed: int) -> QuantizedModel:
    """16-bit random weights at a real width."""
    base = tiny_config(
        n_layer=layers, n_head=heads, head_dim=width // heads, d_inner=4 * width, vocab_size=vocab, n_ctx=32,
        act_bits=16, gelu_bits=16, exp_bits=12, limb_bits=16, write_bits=32, wte_shift=0, wpe_shift=0,
        kappa=44, ln_shift=33, qkv_shift=18, o_shift=6, fc1_shift=18, fc2_shift=8, final_shift=14,
        exp_shift=14, eps_int=1, rho_bits=64, norm_bits=128, over_bits=31, div_bits=32,
        logit_bits=48, diff_bits=48,
    )  # fmt: skip
    c: ProgramConfig = base
    spec = TableSpec(1 << 15, -8, 64, (10, 9), (10, 10))
    rng = np.random.default_rng(seed)
    deviation = {"wte": 1500, "wpe": 300, "gain": 1 << 13, "beta": 1 << 18}
    arrays = {"exp": exp_table(spec, 12), "gelu": gelu_table(spec, 16)}
    for name, (dtype, shape) in ARRAYS.items():
        if name not in arrays:
            size = deviation.get(name, 900 if name.startswith("w_") else 1 << 20)
            arrays[name] = np.rint(rng.normal(0, size, shape(c))).astype(dtype)
    return QuantizedModel(config=c, tables=spec, **arrays)


@pytest.mark.slow
def test_a_wider_model_against_numpy() -> None:
    """Width 768, two layers: recomputed operation by operation in numpy's exact integers."""
    model = larger_model(768, 12, 2, 3001, seed=1)
    c = model.config
    calls: list[tuple[int, int]] = []
    tr = generate_trace(
        model, list(range(100, 110)), 2, 16, progress=lambda done, total: calls.append((done, total))
    )
    assert calls[-1] == (2, 2)
    x = tr.x0.astype(object)
    for l in range(2):
        for n, m in ((2 * l, 2 * l), (2 * l + 1, 2 * l + 1)):
            for t in (0, 7, 15):
                rho = int.from_bytes(tr.rho[n, t].astype("<u2").tobytes(), "little")
                centred = 768 * x[t] - x[t].sum()
                q = int((centred**2).sum()) + 1
                assert rho * rho * q <= 768 << 88 < (rho + 1) ** 2 * q
                assert ((centred * rho + (1 << 32)) >> 33 == tr.y[n, t]).all()
            x = x + tr.write[m].astype(object)
        z = (
            np.einsum("tk,kpj->tpj", tr.y[2 * l].astype(np.int64), model.w_qkv[l].astype(np.int64))
            + model.b_qkv[l]
        )
        assert ((z + (1 << 17)) >> 18 == tr.qkv[l]).all()
        q, k, v = (tr.qkv[l, :, p].reshape(16, 12, 64).astype(np.int64) for p in range(3))
        scores = np.where(
            np.tril(np.ones((16, 16), bool))[:, None], np.einsum("the,uhe->thu", q, k), -(2**60)
        )
        delta = scores.max(axis=2, keepdims=True) - scores
        e = np.where(scores > -(2**60), model.exp[np.minimum(delta >> 14, 4095)], 0).astype(np.int64)
        assert (e == tr.e[l]).all()
        total = e.sum(axis=2)[:, :, None]
        o = (2 * np.einsum("thu,uhe->the", e, v) + total) // (2 * total)
        assert (o == tr.o[l].reshape(16, 12, 64)).all()
        z = tr.o[l].astype(np.int64) @ model.w_o[l].astype(np.int64) + model.b_o[l]
        assert ((z + (1 << 5)) >> 6 == tr.write[2 * l]).all()
        z = tr.y[2 * l + 1].astype(np.int64) @ model.w_fc1[l].astype(np.int64) * (2, 1)[l] + model.b_fc1[l]
        assert ((z + (1 << 17)) >> 18 == tr.f[l]).all()
        assert (model.gelu[l][tr.f[l].astype(np.int64) + (1 << 15)] == tr.g[l]).all()
        z = tr.g[l].astype(np.int64) @ model.w_fc2[l].astype(np.int64) * (2, 4)[l] + model.b_fc2[l]
        assert ((z + (1 << 7)) >> 8 == tr.write[2 * l + 1]).all()
    for i in range(2):
        assert (model.wte.astype(np.int64) @ tr.yf[i].astype(np.int64) == tr.logits[i]).all()
    assert c.vocab_size == len(tr.logits[0])


def test_an_interrupt_stops_a_long_run() -> None:
    model = larger_model(768, 12, 2, 300, seed=2)

    def interrupt(done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        generate_trace(model, [1, 2, 3], 1, 8, progress=interrupt)
    with pytest.raises(ZeroDivisionError):
        generate_trace(model, [1, 2, 3], 1, 8, progress=lambda done, total: 1 // 0)


def test_other_threads_run_meanwhile() -> None:
    model, ticks, stop = larger_model(768, 12, 2, 300, seed=2), [], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks.append(1)
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    trace(model, [1] * 33, 1, 3, check=False)
    stop.set()
    thread.join()
    assert len(ticks) > 3
