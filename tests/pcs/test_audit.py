"""What an auditor's check refuses: strings whose file agrees with itself but not with one tau."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from zkllm._native import Points, g2_from_raw, g2_squarings
from zkllm.cli import main
from zkllm.errors import PackageError, SrsError
from zkllm.outer.keys import VerifyingKey
from zkllm.pcs.curve import G1_GENERATOR, G2_GENERATOR
from zkllm.pcs.development import DEVELOPMENT_TAU, development_g2_tau
from zkllm.pcs.powers import check_srs, same_ratio
from zkllm.pcs.srs import Srs, make_development_srs

LOG2_POWERS = 6
VECTOR = Path(__file__).parents[1] / "vectors" / "outer" / "square.json"


@pytest.fixture
def vectors_key() -> VerifyingKey:
    return VerifyingKey.from_json(
        json.dumps(json.loads(VECTOR.read_text())["vk"], indent=1, sort_keys=True) + "\n"
    )


def squarings(tau: int) -> tuple[bytes, ...]:
    raw = g2_squarings(tau, LOG2_POWERS + 1)
    return tuple(raw[i : i + 128] for i in range(0, len(raw), 128))


def test_the_development_srs_passes() -> None:
    check_srs(make_development_srs(LOG2_POWERS))


def test_a_foreign_power_in_g2_is_refused() -> None:
    """[tau]_1 and [tau]_2 are genuine, so the digest is; [tau^b]_2 is not a power of tau."""
    srs = make_development_srs(LOG2_POWERS)
    forged = replace(srs, g2_raw=(srs.g2_raw[0], *squarings(12345)[1:]))
    assert forged.digest == srs.digest
    with pytest.raises(SrsError, match="G2 does not hold"):
        check_srs(forged)


@pytest.mark.parametrize(("count", "checkable"), [(2, 2), (3, 3), (5, 4), (8, 4), (9, 5)])
def test_as_many_powers_in_g2_as_those_in_g1_can_check(count: int, checkable: int) -> None:
    points = Points.powers(DEVELOPMENT_TAU, count, 1)
    genuine, foreign = squarings(DEVELOPMENT_TAU), squarings(12345)
    check_srs(Srs("development", points, genuine[:checkable]))
    with pytest.raises(SrsError, match="G2 does not hold"):
        check_srs(Srs("development", points, (*genuine[: checkable - 1], foreign[checkable - 1])))
    for number in (0, checkable + 1, checkable + 2):
        said = (
            rf"has {number} of .*, and {count} powers in G1, which can check 1 to {checkable}; make it again$"
        )
        with pytest.raises(SrsError, match=said):
            check_srs(Srs("development", points, genuine[:number]))


def test_a_file_with_more_in_g2_than_can_be_checked_is_refused(tmp_path: Path, capsys) -> None:
    """Its digest is right, so that it loads: only the audit of what it holds can say so."""
    srs = make_development_srs(LOG2_POWERS)
    more = (*srs.g2_raw, squarings(12345)[-1])
    replace(srs, g2_raw=more).save(tmp_path / "more.srs")
    assert Srs.load(tmp_path / "more.srs").g2_raw == more
    assert main(["srs", "check", str(tmp_path / "more.srs")]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "the file has 8 of [tau^(2^i)] in G2, and 64 powers in G1, which can check 1 to 7" in error


def test_infinity_is_in_no_ratio() -> None:
    """The pairings alone would hold where both points of G1 are infinite."""
    triple, triple_g2 = Points.powers(3, 2, 1)[1], g2_from_raw(squarings(3)[0])
    nothing = bytes(len(G1_GENERATOR))
    assert same_ratio(G1_GENERATOR, triple, G2_GENERATOR, triple_g2)
    for left, right in ((nothing, nothing), (nothing, triple), (triple, nothing)):
        assert not same_ratio(left, right, G2_GENERATOR, triple_g2)


def test_foreign_powers_in_g1_are_refused() -> None:
    srs = make_development_srs(LOG2_POWERS)
    points = Points.from_raw(srs.points.raw(0, 2) + Points.powers(12345, 1 << LOG2_POWERS, 1).raw(2, 62))
    forged = replace(srs, points=points)
    assert forged.digest == srs.digest
    with pytest.raises(SrsError, match="G1 does not hold"):
        check_srs(forged)


def test_a_development_srs_that_calls_itself_a_ceremony_is_refused() -> None:
    srs = make_development_srs(LOG2_POWERS)
    with pytest.raises(SrsError, match="calls itself ceremony"):
        check_srs(Srs("ceremony", srs.points, srs.g2_raw))


def test_a_key_with_the_development_tau_must_say_so(vectors_key: VerifyingKey) -> None:
    disguised = replace(vectors_key, srs_kind="ceremony", g2_tau=development_g2_tau())
    with pytest.raises(PackageError, match="development SRS that calls itself"):
        disguised.check()


@pytest.mark.parametrize("change", [{"num_words": (1 << 32) - 1}, {"n_log2": (1 << 32) - 1}])
def test_a_hostile_key_is_refused_before_its_sizes_are_used(vectors_key: VerifyingKey, change) -> None:
    with pytest.raises(PackageError, match="is out of range"):
        replace(vectors_key, **change).check()


def test_a_key_of_another_version_is_refused(vectors_key: VerifyingKey) -> None:
    with pytest.raises(PackageError, match="version"):
        replace(vectors_key, version=vectors_key.version + 1).check()
