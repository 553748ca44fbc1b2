"""Powers of tau, commitments, the trimmed file; kernels against their twins over py_ecc."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.backends import BACKENDS, use_backend
from zkllm._native import FrVec, Points, g2_from_raw, g2_squarings, poly_evaluate
from zkllm.errors import SrsError
from zkllm.field import P, R
from zkllm.pcs import naive
from zkllm.pcs.curve import decode_g1, decode_g2
from zkllm.pcs.srs import DEVELOPMENT_TAU, HEADER, Srs, development_srs, make_development_srs

SCALARS = st.one_of(st.integers(0, R - 1), st.sampled_from([0, 1, R - 1, 1 << 253]))


@pytest.fixture(scope="module")
def srs():
    return make_development_srs(6)


def commit_naive(values):
    """The sum is f(tau) times the generator, since tau is known."""
    return naive.powers(sum(v * pow(DEVELOPMENT_TAU, i, R) for i, v in enumerate(values)) % R, 2)[1]


def test_powers_agree_with_the_twin(srs):
    assert [srs.points[i] for i in range(8)] == naive.powers(DEVELOPMENT_TAU, 8)
    assert Points.powers(3, 4, 5)[2] == naive.powers(3, 4, 5)[2]
    assert [srs.g2_power(i) for i in range(3)] == naive.g2_squarings(DEVELOPMENT_TAU, 3)
    assert srs.points.first_invalid() is None


@settings(max_examples=30, deadline=None)
@given(st.lists(SCALARS, max_size=20))
def test_commitments_agree_with_the_twin(values):
    srs = development_srs(6)
    expected = naive.msm([srs.points[i] for i in range(len(values))], values)
    assert srs.commit(FrVec.from_list(values)) == expected == commit_naive(values)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64]).flatmap(
        lambda t: hnp.arrays(t, hnp.array_shapes(max_dims=3, max_side=4))
    ),
    st.integers(0, 20),
    st.booleans(),
)
def test_integer_commitments_agree_with_the_twin(array, offset, transposed):
    srs = development_srs(7)
    array = array.T if transposed else array
    values = [0] * offset + [int(x) for x in array.reshape(-1)]
    assert srs.commit_ints([(offset, array)]) == commit_naive(values)


def test_segments_add_up_and_strides_are_followed(srs):
    a = np.arange(24, dtype=np.int16).reshape(4, 6)[::2, ::-1] - 7
    b = np.array([-(2**63), 2**63 - 1], np.int64)
    values = [0] * 64
    values[3:15] = [int(x) for x in a.reshape(-1)]
    values[40:42] = [int(x) for x in b]
    assert srs.commit_ints([(40, b), (3, a)]) == commit_naive(values)
    assert srs.commit_ints([]) == srs.commit(FrVec.zeros(5)) == bytes(64)


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_give_the_same_sums(backend):
    """Sizes around those of batches and of groups in a vector; repeated, opposite and extreme scalars."""
    srs = development_srs(13)
    with use_backend(backend):
        for count in (1, 7, 17, 1023, 4099):
            values = [pow(5, i, R) for i in range(count)]
            values[: count // 3] = [R - 1] * (count // 3)
            assert srs.commit(FrVec.from_list(values)) == commit_naive(values)
            for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.int64):
                low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
                ints = np.random.default_rng(count).integers(low, high, count, dtype, endpoint=True)
                ints[: count // 3] = high
                assert srs.commit_ints([(5, ints)]) == commit_naive([0] * 5 + [int(x) for x in ints])


def test_large_memory_mapped_commitment(tmp_path):
    """2^22 memory-mapped int16 on points that repeat: equal to the folded values on the distinct points."""
    log2, period = 22, 1 << 12
    path = tmp_path / "values"
    np.random.default_rng(1).integers(-(2**15), 2**15, 1 << log2, dtype=np.int16).tofile(path)
    values = np.memmap(path, np.int16, "r")
    folded = values.reshape(-1, period).sum(axis=0, dtype=np.int64)
    expected = naive.powers(poly_evaluate(FrVec.from_array(folded), DEVELOPMENT_TAU), 2)[1]
    distinct = Points.powers(DEVELOPMENT_TAU, period, 1)
    points = Points.from_raw(distinct.raw(0, period) * ((1 << log2) // period))
    seen = []
    assert points.msm_ints([(0, values)], lambda done, total: seen.append((done, total))) == expected
    assert seen[-1] == (1 << log2, 1 << log2) and len(seen) > 1


def test_long_sums_can_be_stopped(srs):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        srs.points.msm(FrVec.zeros(64), 0, stop)
    with pytest.raises(KeyboardInterrupt):
        srs.points.msm_ints([(0, np.ones(64, np.int8))], stop)
    with pytest.raises(KeyboardInterrupt):
        Points.powers(3, 8, 1, stop)


def test_geometric_sums(srs):
    points = [srs.points[i] for i in range(20)]
    assert srs.points.geometric_sum(12345, 3, 17) == naive.geometric_sum(points, 12345, 3, 17)


def test_too_short_an_srs_is_named(srs):
    with pytest.raises(SrsError, match="64 powers, 65 are needed"):
        srs.commit(FrVec.zeros(65))
    with pytest.raises(SrsError, match="65 are needed"):
        srs.commit_ints([(60, np.zeros(5, np.int8))])
    with pytest.raises(SrsError, match="tau"):
        srs.g2_power(7)


def test_files_round_trip_and_damage_is_found(srs, tmp_path):
    path = tmp_path / "a.srs"
    srs.save(path)
    loaded = Srs.load(path)
    assert (loaded.kind, loaded.digest, loaded.g2_raw) == (srs.kind, srs.digest, srs.g2_raw)
    assert [loaded.points[i] for i in range(64)] == [srs.points[i] for i in range(64)]
    assert list(tmp_path.iterdir()) == [path]
    data = path.read_bytes()
    for position in [0, 9, 12, 17, 25, 40, HEADER.size, len(data) - 1, len(data) // 2]:
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(SrsError):
            Srs.load(path)
    for damaged in (data[:-1], data + b"\0", data[:30], b""):
        path.write_bytes(damaged)
        with pytest.raises(SrsError):
            Srs.load(path)


def test_the_cache_is_repaired(monkeypatch, tmp_path):
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path))
    digest = development_srs(4).digest
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert development_srs(4).digest == digest
    assert development_srs(5).digest == digest, "the digest names tau, not the length"


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 63,
        P.to_bytes(32, "big") + bytes(32),
        bytes(32) + P.to_bytes(32, "big"),
        (1).to_bytes(32, "big") + (3).to_bytes(32, "big"),
        (P + 1).to_bytes(32, "big") + (2).to_bytes(32, "big"),
    ],
)
def test_g1_has_one_encoding(data):
    with pytest.raises(ValueError):
        decode_g1(data)
    with pytest.raises(ValueError):
        Points.decode(data)


def test_g1_decoding_agrees(srs):
    wire = b"".join(srs.points[i] for i in range(5)) + bytes(64)
    points = Points.decode(wire)
    assert [points[i] for i in range(6)] == [wire[64 * i : 64 * i + 64] for i in range(6)]
    assert points.first_invalid() == 5, "infinity has no place in an SRS"


def test_g2_decoding_refuses_other_points():
    raw = g2_squarings(5, 1)
    assert decode_g2(g2_from_raw(raw))
    for damaged in (bytes(128), raw[:-1], raw[:-1] + bytes([raw[-1] ^ 1]), raw[64:] + raw[:64]):
        with pytest.raises(ValueError):
            g2_from_raw(damaged)
    off_subgroup = find_point_outside_the_subgroup()
    with pytest.raises(ValueError, match="subgroup"):
        decode_g2(off_subgroup)


def find_point_outside_the_subgroup() -> bytes:
    """The first small x for which the twist has a point; its order divides r only with probability 2^-254."""
    from zkllm.pcs.bn128 import bn
    from zkllm.pcs.curve import encode_g2

    for c in range(1, 50):
        x = bn.FQ2([c, 0])
        square = x * x * x + bn.b2
        a, b = (int(v) for v in square.coeffs)
        norm = pow(a * a + b * b, (P + 1) // 4, P)
        if norm * norm % P != (a * a + b * b) % P:
            continue
        for s in (norm, P - norm):
            half = (a + s) * pow(2, -1, P) % P
            re = pow(half, (P + 1) // 4, P)
            if re and re * re % P == half:
                y = bn.FQ2([re, b * pow(2 * re, -1, P) % P])
                if y * y == square:
                    return encode_g2((x, y, bn.FQ2.one()))
    raise AssertionError("no point found")
