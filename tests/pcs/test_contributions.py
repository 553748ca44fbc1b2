"""Contributions: kernels and drawing against slow twins, snarkjs both ways, files that somebody changed."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pcs.ptaus import BEACON, needs_snarkjs, rewrite, snarkjs, snarkjs_refuses
from tests.pcs.test_srs import find_point_outside_the_subgroup
from zkllm._native import (
    Blake2b,
    G2Points,
    Points,
    g1_encoded,
    g1_multiplied,
    g2_from_raw,
    g2_powers,
    g2_to_raw,
    pairing_product_is_one,
)
from zkllm.errors import SrsError
from zkllm.field import P, R
from zkllm.pcs import contributions, draw, naive, ptau_write
from zkllm.pcs.contributions import decode_contributions, encode_contributions
from zkllm.pcs.curve import G1_GENERATOR, G2_GENERATOR, decode_g2, negate_wire_g1
from zkllm.pcs.ptau import (
    ALPHA_G1,
    BETA_G1,
    BETA_G2,
    CONTRIBUTIONS,
    TAU_G1,
    TAU_G2,
    import_ptau,
    open_ptau,
    read_sections,
)
from zkllm.pcs.ptau_check import POINT_SECTIONS, PtauReport, check_ptau, chunks, read_contributions
from zkllm.pcs.ptau_write import contribute, contribute_srs, truncate_ptau, write_development_ptau
from zkllm.pcs.srs import Srs, make_development_srs

pytestmark = pytest.mark.slow

POWER = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """development.ptau and ours.ptau, which has a contribution more."""
    folder = tmp_path_factory.mktemp("ptau")
    write_development_ptau(folder / "development.ptau", POWER)
    contribute(folder / "development.ptau", folder / "ours.ptau", "Zoë", b"text")
    return folder


def checked(path: Path) -> PtauReport:
    with open_ptau(path) as file:
        return check_ptau(file)


# ---- kernels


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 256, 1000])
def test_blake2b_is_that_of_the_standard_library(length):
    data = bytes(i * 7 % 256 for i in range(length))
    for split in (0, length // 3, length):
        hasher = Blake2b()
        hasher.update(data[:split])
        again = Blake2b.from_state(hasher.state())
        for h in (hasher, again):
            h.update(data[split:])
            assert h.digest() == h.digest() == hashlib.blake2b(data).digest()


def test_a_state_with_an_overfull_buffer_is_refused():
    state = bytearray(Blake2b().state())
    state[128 + 72] = 129
    for bad in (bytes(state), bytes(215)):
        with pytest.raises(ValueError, match="not a state"):
            Blake2b.from_state(bad)


def test_points_of_g1_are_multiplied_and_encoded():
    wire = naive.powers(5, 9)
    points = Points.decode(b"".join(wire))
    product = g1_multiplied(points, 7, 11)
    assert [product[i] for i in range(9)] == naive.multiplied_g1(wire, 7, 11)
    for some in (points, product):
        encoded = [some[i] for i in range(9)]
        assert g1_encoded(some, False) == b"".join(encoded)
        assert g1_encoded(some, True) == b"".join(map(naive.compressed, encoded))


def test_points_of_g2_are_multiplied_summed_and_encoded():
    points = G2Points.from_raw(g2_powers(5, 5, 3))
    wire = [points[i] for i in range(len(points))]
    assert wire == naive.multiplied_g2([G2_GENERATOR] * 5, 5, 3)
    assert points.raw() == g2_powers(5, 5, 3) == b"".join(map(g2_to_raw, wire))
    product = points.multiplied(R - 2, 9)
    assert [product[i] for i in range(5)] == naive.multiplied_g2(wire, R - 2, 9)
    assert points.geometric_sum(13) == naive.geometric_sum_g2(wire, 13)
    assert points.encoded(False) == b"".join(wire)
    assert points.encoded(True) == b"".join(map(naive.compressed, wire))
    with pytest.raises(IndexError):
        points[5]


def test_points_of_g2_are_checked():
    raw = g2_powers(5, 3, 1)
    with pytest.raises(ValueError) as caught:
        G2Points.from_raw(raw[:256] + bytes(128))
    assert caught.value.args == (2,)
    with pytest.raises(ValueError, match="128"):
        G2Points.from_raw(raw[:-1])
    for bad in (find_point_outside_the_subgroup(), bytes(128), b"\xff" * 128, G2_GENERATOR[:64]):
        with pytest.raises(ValueError, match="not a point"):
            g2_to_raw(bad)


def test_pairings():
    (double,), (triple,) = naive.powers(2, 1, 2), naive.multiplied_g2([G2_GENERATOR], 1, 3)
    six = naive.powers(1, 1, 6)[0]
    assert pairing_product_is_one([(double, triple), (negate_wire_g1(six), G2_GENERATOR)])
    assert not pairing_product_is_one([(double, triple), (six, G2_GENERATOR)])
    assert pairing_product_is_one([(bytes(64), triple)])
    outside = find_point_outside_the_subgroup()
    for p, q in ((double, outside), (double, bytes(128)), (double[:-1] + b"\0", triple), (double, b"")):
        with pytest.raises(ValueError, match="not points"):
            pairing_product_is_one([(p, q)])


# ---- drawing


def test_chacha20_gives_the_stream_of_rfc_8439():
    """Appendix A.1: key and nonce of zeros; then the key that ends with a one, at the counter 1."""
    rng = draw.ChaCha((0,) * 8)
    stream = struct.pack("<16I", *(rng.u32() for _ in range(16)))
    assert stream.hex().startswith("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7")
    assert struct.pack("<I", rng.u32()).hex() == "9f07e7be", "the second block"
    rng = draw.ChaCha((0,) * 7 + (1 << 24,))
    stream = struct.pack("<20I", *(rng.u32() for _ in range(20)))[64:]
    assert stream.hex() == "3aeb5224ecf849929b9d828db1ced4dd"


def test_square_roots_of_the_quadratic_extension():
    square = lambda a: ((a[0] * a[0] - a[1] * a[1]) % P, 2 * a[0] * a[1] % P)
    for root in ((3, 5), (0, 4), (7, 0), (0, 0), (P - 2, 1), (12345, P - 9)):
        found = draw._root2(square(root))
        assert found is not None and square(found) == square(root)
    assert draw._root2((9, 1)) is None, "the square of no element: 82 is no square mod p"


def test_drawn_points_are_in_the_groups():
    rng = draw.ChaCha.from_digest(bytes(range(64)))
    assert Points.decode(draw.draw_g1(rng) + draw.draw_g1(rng)).first_invalid() is None
    assert decode_g2(draw.draw_g2(rng)) and 0 < draw.draw_fr(rng) < R


# ---- snarkjs


@pytest.mark.long
@needs_snarkjs
def test_snarkjs_verifies_what_we_write(folder, tmp_path):
    for name in ("development.ptau", "ours.ptau"):
        assert "Powers of Tau Ok!" in snarkjs("verify", folder / name)
    report = checked(folder / "ours.ptau")
    assert [c.text for c in report.contributions] == ["zkllm development SRS: tau is public", "Zoë"]
    assert report.kind == "ceremony" and report.transcript_hash
    truncate_ptau(folder / "ours.ptau", tmp_path / "cut.ptau", POWER - 1)
    assert "Powers of Tau Ok!" in snarkjs("verify", tmp_path / "cut.ptau")
    cut = checked(tmp_path / "cut.ptau")
    assert cut.contributions == report.contributions and not cut.transcript_hash
    snarkjs("prepare", "phase2", folder / "ours.ptau", tmp_path / "prepared.ptau")
    assert "Powers of Tau Ok!" in snarkjs("verify", tmp_path / "prepared.ptau")
    content = bytearray((folder / "ours.ptau").read_bytes())
    content[-100] ^= 1  # of the last hash: what snarkjs says above depends on the record
    (tmp_path / "bad.ptau").write_bytes(content)
    snarkjs_refuses("verify", tmp_path / "bad.ptau")


@needs_snarkjs
@pytest.mark.long
def test_a_ceremony_of_snarkjs_and_us(folder, tmp_path):
    """new, contributions of both in turn, a beacon, phase 2: both verify each step."""
    at = lambda i: tmp_path / f"{i}.ptau"
    snarkjs("new", "bn128", POWER, at(0))
    contribute(at(0), at(1), "first")
    snarkjs("verify", at(1))
    snarkjs("contribute", at(1), at(2), "--name=second", "-e=some entropy")
    contribute(at(2), at(3))
    snarkjs("beacon", at(3), at(4), BEACON, 10, "-n=last")
    snarkjs("verify", at(4))
    snarkjs("prepare", "phase2", at(4), at(5))
    for i, names in ((1, ["first"]), (3, ["first", "second", ""]), (5, ["first", "second", "", "last"])):
        assert [c.text for c in checked(at(i)).contributions] == names
    assert checked(at(5)).contributions[-1].kind == contributions.BEACON
    contribute(at(5), at(6), "after phase 2")
    snarkjs("verify", at(6))
    assert sorted(read_sections(at(6).read_bytes())) == list(range(1, 8))


@needs_snarkjs
def test_the_response_of_snarkjs_hashes_the_compressed_powers(tmp_path):
    """Which neither side's verification reads: the state in snarkjs's record is what ours would be."""
    snarkjs("new", "bn128", POWER, tmp_path / "new.ptau")
    snarkjs("contribute", tmp_path / "new.ptau", tmp_path / "one.ptau", "--name=a", "-e=b")
    with open_ptau(tmp_path / "one.ptau") as file:
        (made,) = read_contributions(file)
        hasher = Blake2b()
        hasher.update(contributions.first_challenge(POWER))
        for section in POINT_SECTIONS:
            for start, count in chunks(section, POWER):
                in_g2 = section in (TAU_G2, BETA_G2)
                points = file.g2(section, start, count) if in_g2 else file.g1(section, start, count)
                hasher.update(ptau_write._encoded(points, True))
        hasher.update(made.key.encoded())
    assert hasher.digest() == made.response


# ---- hostile files

G1_OTHER, G2_OTHER = Points.powers(3, 1, 3).raw(0, 1), g2_powers(1, 1, 3)
G1_ONE, G2_ONE = Points.powers(1, 1, 1).raw(0, 1), g2_powers(1, 1, 1)
LAST = 64 * ((1 << POWER) - 1)
OUTSIDE = (7).to_bytes(32, "little") * 4


@pytest.mark.parametrize(
    ("section", "position", "data", "message"),
    [
        (TAU_G1, 0, G1_OTHER, "first point of section 2 is not the generator"),
        (TAU_G1, 64 * 5, bytes(64), "point 5 of section 2 is not a point of the curve"),
        (TAU_G1, 64 * 5, b"\1" * 64, "point 5 of section 2 is not a point of the curve"),
        (TAU_G1, 64 * 5, G1_OTHER, "section 2 does not hold"),
        (TAU_G1, 64 * 14, G1_OTHER, "section 2 does not hold"),
        (TAU_G2, 0, G2_OTHER, "first point of section 3 is not the generator"),
        (TAU_G2, 128 * 5, bytes(128), "point 5 of section 3 is not in the subgroup"),
        (TAU_G2, 128 * 5, OUTSIDE, "point 5 of section 3 is not in the subgroup"),
        (TAU_G2, 128 * 5, G2_OTHER, "section 3 does not hold"),
        (TAU_G2, 128 * 7, G2_OTHER, "section 3 does not hold"),
        (ALPHA_G1, 0, G1_OTHER, "section 4 does not hold"),
        (ALPHA_G1, LAST, G1_OTHER, "section 4 does not hold"),
        (ALPHA_G1, LAST, bytes(64), "point 7 of section 4 is not a point of the curve"),
        (BETA_G1, 64, G1_OTHER, "section 5 does not hold"),
        (BETA_G1, LAST, b"\1" * 64, "point 7 of section 5 is not a point of the curve"),
        (BETA_G2, 0, G2_OTHER, "section 6 does not hold the beta"),
        (BETA_G2, 0, OUTSIDE, "point 0 of section 6 is not in the subgroup"),
        (CONTRIBUTIONS, 0, struct.pack("<I", 0), "bytes after the last contribution"),
        (CONTRIBUTIONS, 0, struct.pack("<I", 3), "record of contributions is cut off"),
        (CONTRIBUTIONS, 4, b"\1" * 64, "record of contributions has a point outside G1"),
        (CONTRIBUTIONS, 4 + 64, OUTSIDE, "record of contributions has a point outside G2"),
    ],
)
def test_a_changed_file_is_refused(folder, tmp_path, section, position, data, message):
    changed = rewrite(folder / "ours.ptau", tmp_path / "changed.ptau", section, position, data)
    with pytest.raises(SrsError, match=message):
        checked(changed)


def with_record(path: Path, target: Path, change) -> Path:
    """A copy whose record is what `change` makes of it."""
    content = path.read_bytes()
    offset, size = read_sections(content)[CONTRIBUTIONS]
    section = encode_contributions(change(decode_contributions(content[offset : offset + size])))
    target.write_bytes(content[: offset - 8] + struct.pack("<Q", len(section)) + section)
    return target


def last(**changes):
    return lambda record: [*record[:-1], replace(record[-1], **changes)]


def first(**changes):
    return lambda record: [replace(record[0], **changes), *record[1:]]


def without_proof(i: int):
    """The last contribution with the proof of another secret."""

    def change(record):
        key = record[-1].key
        pairs = list(key.g1)
        pairs[i] = (pairs[i][0], G1_GENERATOR)
        return [*record[:-1], replace(record[-1], key=replace(key, g1=tuple(pairs)))]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: [], "has had no contribution"),
        (lambda record: record[:1], "tau in G1 is not that of the last contribution"),
        (last(tau_g2=G2_GENERATOR), "tau in G2 is not that of the last"),
        (last(alpha_g1=G1_GENERATOR), "alpha is not that of the last"),
        (last(beta_g1=G1_GENERATOR), "beta in G1 is not that of the last"),
        (last(beta_g2=G2_GENERATOR), "beta in G2 is not that of the last"),
        (last(next_challenge=bytes(64)), "hash of the powers"),
        (last(partial_hash=Blake2b().state()), "hash of the powers"),
        (last(kind=contributions.BEACON, beacon=b"x"), "contribution 2: its key does not follow"),
        (last(kind=contributions.BEACON, iterations_log2=63), "contribution 2: a beacon of 2.63"),
        (last(kind=5), "not of a known kind"),
        (last(partial_hash=b"\xff" * 216), "partial hash is none"),
        (first(tau_g1=G1_GENERATOR), "contribution 1: tau in G1 does not follow"),
        (first(tau_g2=G2_GENERATOR), "contribution 1: tau in G2 does not follow"),
        (first(alpha_g1=G1_GENERATOR), "contribution 1: alpha in G1 does not follow"),
        (first(beta_g1=G1_GENERATOR), "contribution 1: beta in G1 does not follow"),
        (first(beta_g2=G2_GENERATOR), "contribution 1: beta in G2 does not follow"),
        (first(next_challenge=bytes(64)), "contribution 2: the proof of tau is wrong"),
        (lambda record: record[1:], "contribution 1: the proof of tau is wrong"),
    ],
)
def test_a_changed_record_is_refused(folder, tmp_path, change, message):
    with pytest.raises(SrsError, match=message):
        checked(with_record(folder / "ours.ptau", tmp_path / "changed.ptau", change))


@pytest.mark.parametrize("i", range(3))
def test_a_secret_that_was_not_known_is_refused(folder, i, tmp_path):
    """The hash of the powers depends on the proofs, so the record is checked alone."""
    with open_ptau(folder / "ours.ptau") as file:
        record = without_proof(i)(read_contributions(file))
    name = contributions.SECRETS[i]
    with pytest.raises(SrsError, match=f"contribution 2: the proof of {name} is wrong"):
        contributions.check_contribution(2, record[0], record[1])


def test_a_name_that_is_not_sorted_or_not_ended_is_refused(folder, tmp_path):
    content = (folder / "ours.ptau").read_bytes()
    offset, size = read_sections(content)[CONTRIBUTIONS]
    section = content[offset : offset + size]
    assert section.endswith(b"\1\4Zo\xc3\xab")
    for tail, message in ((b"\2\0\1\1", "not sorted"), (b"\4\0\0\0", "unknown"), (b"\1\5", "cut off")):
        with pytest.raises(SrsError, match=message):
            decode_contributions(section[: -len(b"\1\4Zo\xc3\xab")] + tail)


def test_sections_that_are_swapped_missing_or_cut_are_refused(folder, tmp_path):
    content = (folder / "ours.ptau").read_bytes()
    sections = read_sections(content)
    path = tmp_path / "a.ptau"

    def body(order: list[int]) -> bytes:
        parts = [struct.pack("<4sII", b"ptau", 1, len(order))]
        for identifier in order:
            offset, size = sections[abs(identifier)]
            name = {ALPHA_G1: BETA_G1, BETA_G1: ALPHA_G1}[-identifier] if identifier < 0 else identifier
            parts.append(struct.pack("<IQ", name, size) + content[offset : offset + size])
        return b"".join(parts)

    path.write_bytes(body([7, 1, 3, 2, 6, 5, 4]))
    assert checked(path).power == POWER, "the order in the file does not matter"
    for data, message in (
        (body([1, 2, 3, -ALPHA_G1, -BETA_G1, 6, 7]), "section 6 does not hold the beta of section 5"),
        (body([1, 2, 3, 4, 5, 7]), "section 6 .beta in G2. is missing"),
        (body([1, 2, 3, 4, 5, 6]), "section 7 .contributions. is missing"),
        (body([1, 2, 4, 5, 6, 7]), "section 3 does not have"),
        (body([1, 2, 3, 4, 5, 6, 7, 2]), "section 2 occurs twice"),
        (content[:-1], "section 7 is cut off"),
        (content + b"\0", "bytes after the last section"),
        (content[:20], "cut off"),
    ):
        path.write_bytes(data)
        with pytest.raises(SrsError, match=message):
            checked(path)


# ---- what a contribution leaves behind


def test_a_contribution_is_fresh_and_the_text_only_adds(folder, tmp_path, monkeypatch):
    for name in "ab":
        contribute(folder / "development.ptau", tmp_path / name, entropy=b"the same")
    assert import_ptau(tmp_path / "a").digest != import_ptau(tmp_path / "b").digest
    monkeypatch.setattr(ptau_write.os, "urandom", lambda n: bytes(n))
    for name in ("c", "d"):
        contribute(folder / "development.ptau", tmp_path / name, entropy=name.encode())
    assert import_ptau(tmp_path / "c").digest != import_ptau(tmp_path / "d").digest


def test_contributions_that_cannot_be_made_are_refused(folder, tmp_path):
    source, target = folder / "ours.ptau", tmp_path / "x.ptau"
    with pytest.raises(SrsError, match="at most 64 bytes"):
        contribute(source, target, "ë" * 33)
    with pytest.raises(SrsError, match="another name for the result"):
        contribute(source, source)
    truncate_ptau(source, tmp_path / "cut.ptau", 2)
    with pytest.raises(SrsError, match="was cut from power 3 to 2"):
        contribute(tmp_path / "cut.ptau", target)
    bad = rewrite(source, tmp_path / "bad.ptau", ALPHA_G1, 64, G1_OTHER)
    with pytest.raises(SrsError, match="section 4 does not hold"):
        contribute(bad, target)
    with pytest.raises(SrsError, match="section 4 does not hold"):
        truncate_ptau(bad, target, 2)
    with pytest.raises(SrsError, match="cannot be cut to 4"):
        truncate_ptau(source, target, 4)
    empty = with_record(folder / "development.ptau", tmp_path / "empty.ptau", lambda record: [])
    with pytest.raises(SrsError, match="no contribution, but not the generators"):
        contribute(empty, target)
    bad = rewrite(empty, tmp_path / "bad.ptau", TAU_G2, 128, bytes(128))
    with pytest.raises(SrsError, match="point 1 of section 3 is not in the subgroup"):
        contribute(bad, target)
    assert not target.exists()


def test_an_srs_of_ours_is_contributed_to(tmp_path):
    make_development_srs(5).save(tmp_path / "a.srs")
    srs = contribute_srs(tmp_path / "a.srs", tmp_path / "b.srs")
    assert srs.kind == "ceremony" and srs.num_powers == 32 and len(srs.g2_raw) == 6
    from zkllm.pcs.powers import check_srs

    check_srs(srs)
    with pytest.raises(SrsError, match="another name"):
        contribute_srs(tmp_path / "a.srs", tmp_path / "a.srs")


# ---- a development SRS stays one


def test_a_development_srs_is_marked_whatever_it_went_through(folder, tmp_path):
    export = folder / "development.ptau"
    truncate_ptau(export, tmp_path / "cut.ptau", 2)
    renamed = with_record(export, tmp_path / "renamed.ptau", first(name=b"ceremony"))
    for path in (export, tmp_path / "cut.ptau", renamed):
        assert checked(path).kind == import_ptau(path).kind == "development"
        import_ptau(path).save(tmp_path / "a.srs")
        assert Srs.load(tmp_path / "a.srs").kind == "development"
    disguised = replace(import_ptau(export), kind="ceremony")
    disguised.save(tmp_path / "disguised.srs")
    with pytest.raises(SrsError, match="calls itself ceremony, its tau says otherwise"):
        Srs.load(tmp_path / "disguised.srs")


@needs_snarkjs
def test_snarkjs_does_not_launder_a_development_srs(folder, tmp_path):
    snarkjs("prepare", "phase2", folder / "development.ptau", tmp_path / "prepared.ptau")
    assert checked(tmp_path / "prepared.ptau").kind == "development"
    assert import_ptau(tmp_path / "prepared.ptau").kind == "development"


def test_raw_and_wire_agree():
    assert g2_from_raw(g2_to_raw(G2_GENERATOR)) == G2_GENERATOR and G2_ONE == g2_to_raw(G2_GENERATOR)
    assert Points.from_raw(G1_ONE)[0] == G1_GENERATOR
