"""Hidden models: what their commitments tell, what is proved of them, and who can read their key."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from testkit.blinding import weight_masks
from testkit.checkpoints import write_checkpoint
from testkit.whole import CONTEXT, Whole
from tests.test_planning import RATES
from zkllm import api
from zkllm.commitments import commit_columns
from zkllm.errors import PackageError, ProofError
from zkllm.field import R
from zkllm.hiding import fixed_masks
from zkllm.kernels.native import NATIVE
from zkllm.key_files import setup_file
from zkllm.measure.planning import plan
from zkllm.model.package import HIDING_KEY_FILE, ModelPackage
from zkllm.precompute import precompute
from zkllm.protocol.witness import fixed_tensors
from zkllm.prover import prove_trace
from zkllm.setup_check import commitment_powers
from zkllm.setup_record import SetupRecord
from zkllm.shape_protocol import protocol_of
from zkllm.srs_files import srs_of

LAYERED, ORDINARY, SHORT = 7, 10, 12  # mu


@pytest.fixture(scope="module", params=[LAYERED, ORDINARY])
def whole(request: pytest.FixtureRequest) -> Whole:
    return Whole.make(NATIVE, request.param, n_layer=2, hidden=True)


def test_a_proof_of_a_hidden_model_verifies(whole: Whole) -> None:
    fixed = whole.protocol.fixed
    layered = any(b.outer for blocks in fixed.blocks.values() for b in blocks)
    assert layered == (whole.protocol.mu == LAYERED)
    assert fixed.mu < whole.protocol.mu and 0 < fixed.shared_columns < fixed.num_columns
    whole.verify(whole.prove())


@pytest.mark.parametrize("change", ["no masks", "another mask", "a mask in a table's column"])
def test_masks_are_those_of_the_commitments(whole: Whole, change: str) -> None:
    """The prover's columns are the committed ones, masks included: the opening fails otherwise."""
    masks = list(weight_masks(whole.protocol))
    (address,) = masks[0]
    if change == "no masks":
        masks = []
    elif change == "another mask":
        masks[0] = {address: (masks[0][address] + 1) % R}
    else:
        masks[-1] = {address: 5}
    body = prove_trace(
        whole.protocol, whole.model, whole.trace, whole.pk, whole.srs, CONTEXT, NATIVE, fixed_masks=masks
    )
    with pytest.raises(ProofError, match="pairing"):
        whole.verify(body)


# ---- packages


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "odd")


@pytest.fixture(scope="module")
def packages(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModelPackage]]:
    """Of one checkpoint: two private ones, and one that is not."""
    folder = tmp_path_factory.mktemp("packages")
    yield {
        name: api.setup(checkpoint, folder / name, rows=8, private=name != "open")
        for name in ("one", "other", "open")
    }


def record_of(package: ModelPackage) -> SetupRecord:
    return SetupRecord.load(setup_file(package.folder))


def plain_commitments(package: ModelPackage) -> list[bytes]:
    """To the package's columns without masks: what a guess of the weights leads to."""
    protocol, record = protocol_of(package, 8, 1), record_of(package)
    srs = srs_of(record, commitment_powers(package), None, NATIVE)
    return commit_columns(srs, protocol.fixed, fixed_tensors(protocol.manifest, package.weights))


def test_commitments_hide_the_weights_and_not_the_tables(packages: dict[str, ModelPackage]) -> None:
    one, other, public = (packages[name] for name in ("one", "other", "open"))
    records = [record_of(p) for p in (one, other, public)]
    assert len({r.model_id for r in records}) == len({r.package_digest for r in records}) == 3
    assert list(records[2].fixed_commitments) == plain_commitments(public)
    hidden = protocol_of(one, 8, 1).fixed.shared_columns
    plain = plain_commitments(one)
    assert plain == plain_commitments(other) and 0 < hidden < len(plain)
    for g, commitment in enumerate(plain):
        found = [r.fixed_commitments[g] for r in records[:2]]
        assert len({*found, commitment}) == (3 if g < hidden else 1)


@pytest.fixture(scope="module")
def short(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """Set up again, in the same folder, with shorter columns, and so with more of them."""
    folder = tmp_path_factory.mktemp("short") / "package"
    first = api.setup(checkpoint, folder, rows=8, private=True)
    again = api.setup(checkpoint, folder, rows=8, mu=SHORT, private=True)
    assert first.hiding_key == again.hiding_key and first.digest != again.digest
    assert {*masks_of(first, bytes(32))}.isdisjoint(masks_of(again, bytes(32)))
    return again


def masks_of(package: ModelPackage, srs_digest: bytes) -> list[int]:
    return [mask for own in fixed_masks(package, srs_digest) for mask in own.values()]


def test_no_mask_serves_twice(packages: dict[str, ModelPackage], short: ModelPackage) -> None:
    """Not in two columns, under two SRS, for two sizes of columns (`short`), or two packages."""
    places = [
        (p, srs) for p in (packages["one"], packages["other"], short) for srs in (b"\0" * 32, b"\1" * 32)
    ]
    masks = [mask for package, srs in places for mask in masks_of(package, srs)]
    assert len(masks) == len(set(masks)) > 8 and 0 not in masks
    assert masks_of(short, bytes(32)) == masks_of(ModelPackage.load(short.folder), bytes(32))
    assert fixed_masks(packages["open"], bytes(32)) == ()


@pytest.mark.long
def test_opening_tables_have_the_masks(short: ModelPackage) -> None:
    """`precompute` holds each column against its commitment; proofs with one: `test_opening_table.py`."""
    assert not precompute(short).found
    assert precompute(short).found


def test_the_key_is_its_owner_s_alone(packages: dict[str, ModelPackage], tmp_path: Path) -> None:
    package = packages["one"]
    path = package.folder / HIDING_KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"{package.hiding_key:x}" not in repr(package) and str(package.hiding_key) not in repr(package)
    text = path.read_text()
    try:
        path.chmod(0o644)
        with pytest.raises(PackageError, match="others can read the hiding key"):
            ModelPackage.load(package.folder)
        path.chmod(0o600)
        path.write_text(f"0x{1:064x}\n")
        with pytest.raises(PackageError, match="hiding.key is damaged"):
            ModelPackage.load(package.folder)
        path.unlink()
        with pytest.raises(PackageError, match="hiding.key is missing"):
            ModelPackage.load(package.folder)
    finally:
        path.write_text(text)
        path.chmod(0o600)
    assert ModelPackage.load(package.folder).hiding_key == package.hiding_key


def test_its_owner_can_check_it(packages: dict[str, ModelPackage], checkpoint: Path) -> None:
    audit = api.check_setup(checkpoint, packages["one"].folder)
    assert audit.model_id == record_of(packages["one"]).model_id


def test_recorded_commitments_are_made_again_with_the_masks(packages: dict[str, ModelPackage]) -> None:
    """Whoever claims other commitments than the key leads to is found out."""
    package = packages["one"]
    path = setup_file(package.folder)
    raw, record = path.read_bytes(), record_of(package)
    try:
        plain = tuple(plain_commitments(package))
        path.write_bytes(replace(record, fixed_commitments=plain).to_bytes())
        with pytest.raises(PackageError, match="not those of the weights"):
            api.own_setup(package)
    finally:
        path.write_bytes(raw)
    assert api.own_setup(package) == record


def test_sizes_are_planned_as_they_are_chosen(packages: dict[str, ModelPackage]) -> None:
    """That tables are apart makes no column longer."""
    largest = {name: plan(p.folder, nanoseconds=RATES).choices[-1] for name, p in packages.items()}
    assert largest["one"].mu == largest["other"].mu == packages["one"].config.mu
    assert largest["open"].mu == packages["open"].config.mu
