"""Powers-of-tau files: ours, snarkjs's (where Node and snarkjs are there), and damaged ones."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pcs.ptaus import needs_snarkjs, rewrite, snarkjs
from zkllm._native import Points, g2_powers
from zkllm.errors import SrsError
from zkllm.field import P
from zkllm.pcs.curve import G2_BYTES
from zkllm.pcs.ptau import TAU_G1, TAU_G2, import_ptau, open_srs, read_sections
from zkllm.pcs.ptau_write import write_development_ptau
from zkllm.pcs.srs import Srs, make_development_srs

POWER = 4


@pytest.fixture(scope="module")
def ptau(tmp_path_factory):
    path = tmp_path_factory.mktemp("ptau") / "development.ptau"
    write_development_ptau(path, POWER)
    return path


def test_import_gives_the_development_srs(ptau, tmp_path):
    srs = import_ptau(ptau)
    expected = make_development_srs(POWER + 1)
    assert srs.kind == "development" and srs.digest == expected.digest
    assert srs.num_powers == 31
    assert [srs.points[i] for i in range(31)] == [expected.points[i] for i in range(31)]
    assert srs.g2_raw == expected.g2_raw[:POWER]
    srs.save(tmp_path / "a.srs")
    assert Srs.load(tmp_path / "a.srs").digest == srs.digest
    for count in (2, 3, 5, 8, 9, 10, 31):
        trimmed = import_ptau(ptau, count)
        assert trimmed.num_powers == count
        assert trimmed.g2_raw == expected.g2_raw[: min(POWER, (count - 1).bit_length() + 1)], (
            "what is checked"
        )


@pytest.mark.parametrize(
    ("section", "position", "data", "message"),
    [
        (TAU_G1, 0, Points.powers(3, 2, 1).raw(1, 1), "not the generator"),
        (TAU_G1, 64 * 7, bytes(64), "point 7 of G1"),
        (TAU_G1, 64 * 7, b"\1" * 64, "point 7 of G1"),
        (TAU_G1, 64 * 7, P.to_bytes(32, "little"), "point 7 of G1"),
        (TAU_G1, 64 * 7, Points.powers(3, 2, 1).raw(1, 1), "does not hold the powers"),
        (TAU_G1, 64 * 30, Points.powers(3, 2, 1).raw(1, 1), "does not hold the powers"),
        (TAU_G2, 0, g2_powers(3, 1, 3), "not the generator"),
        (TAU_G2, G2_BYTES, g2_powers(3, 1, 3), "does not hold the powers"),
        (TAU_G2, G2_BYTES * 8, g2_powers(3, 1, 3), "G2 does not hold"),
        (TAU_G2, G2_BYTES * 8, b"\1" * 128, "subgroup"),
        (TAU_G2, G2_BYTES, bytes(128), "subgroup"),
        (1, 0, struct.pack("<I", 48), "BN254"),
        (1, 4, b"\0", "BN254"),
        (1, 36, struct.pack("<I", 29), "power 29"),
        (1, 36, struct.pack("<I", 3), "does not have"),
    ],
)
def test_damage_is_named(ptau, tmp_path, section, position, data, message):
    with pytest.raises(SrsError, match=message):
        import_ptau(rewrite(ptau, tmp_path / "damaged.ptau", section, position, data))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_damage_gives_a_clear_error(ptau, tmp_path_factory, data):
    content = bytearray(ptau.read_bytes())
    sections = read_sections(bytes(content))
    used = [(0, 12), *((start - 12, start + size) for i, (start, size) in sections.items() if i <= TAU_G1)]
    start, stop = data.draw(st.sampled_from(used))
    position = data.draw(st.integers(start, stop - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    path = tmp_path_factory.mktemp("damage") / "a.ptau"
    path.write_bytes(content)
    try:
        srs = import_ptau(path)
    except SrsError:
        return
    # the ceremony's power and section ids that are not used say nothing about the points
    assert srs.digest == make_development_srs(2).digest


def test_tau_of_one_is_refused(ptau, tmp_path):
    content = bytearray(ptau.read_bytes())
    sections = read_sections(bytes(content))
    for section, one in ((TAU_G1, Points.powers(1, 1, 1).raw(0, 1)), (TAU_G2, g2_powers(1, 1, 1))):
        offset, size = sections[section]
        content[offset : offset + size] = one * (size // len(one))
    path = tmp_path / "one.ptau"
    path.write_bytes(content)
    with pytest.raises(SrsError, match="no contribution"):
        import_ptau(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(SrsError, match="cannot read"):
        import_ptau(tmp_path / "none.ptau")
    (tmp_path / "empty.ptau").write_bytes(b"")
    with pytest.raises(SrsError):
        import_ptau(tmp_path / "empty.ptau")


def test_files_of_both_formats_are_opened(ptau, tmp_path, monkeypatch):
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))
    imported = open_srs(ptau, 20)
    assert imported.num_powers == 20 and imported.kind == "development"
    (cached,) = (tmp_path / "cache").glob("*.srs")
    monkeypatch.setattr("zkllm.pcs.ptau.import_ptau", None)  # not needed a second time
    assert open_srs(ptau, 20).digest == open_srs(cached, 20).digest == imported.digest
    for path in (cached, tmp_path / "none"):
        with pytest.raises(SrsError):
            open_srs(path, 21)
    monkeypatch.undo()
    with pytest.raises(SrsError, match="31 powers, 32 are needed"):
        open_srs(ptau, 32)


@pytest.mark.slow
@needs_snarkjs
def test_what_snarkjs_makes_is_imported(tmp_path):
    new, contributed = tmp_path / "new.ptau", tmp_path / "contributed.ptau"
    snarkjs("new", "bn128", POWER, new)
    with pytest.raises(SrsError, match="no contribution"):
        import_ptau(new)
    snarkjs("contribute", new, contributed, "--name=test", "-e=some entropy")
    snarkjs("verify", contributed)
    srs = import_ptau(contributed)
    assert srs.kind == "ceremony" and srs.num_powers == (2 << POWER) - 1
    snarkjs("prepare", "phase2", contributed, tmp_path / "prepared.ptau")
    prepared = import_ptau(tmp_path / "prepared.ptau")
    assert prepared.digest == srs.digest, "files with Lagrange sections are read as well"


@pytest.mark.slow
@needs_snarkjs
def test_what_we_write_is_used_by_snarkjs(ptau, tmp_path):
    """A contribution multiplies tau by a secret: it passes the pairing checks only if ours was read right."""
    snarkjs("contribute", ptau, tmp_path / "more.ptau", "--name=test", "-e=some entropy")
    more = import_ptau(tmp_path / "more.ptau")
    assert more.kind == "ceremony" and more.digest != import_ptau(ptau).digest
    snarkjs("prepare", "phase2", ptau, tmp_path / "prepared.ptau")
    assert import_ptau(tmp_path / "prepared.ptau").digest == import_ptau(ptau).digest
