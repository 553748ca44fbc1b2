"""Opening tables: what they hold, that proofs are the same with them, and that a wrong one proves nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import pytest

from testkit.blinding import seeded, weight_masks
from testkit.whole import CERTIFIED, ROWS, Whole
from zkllm.commitments import commit_columns
from zkllm.errors import PackageError, ProofError
from zkllm.families import describe
from zkllm.field import R
from zkllm.kernels.interface import Kernels, Points
from zkllm.kernels.native import NATIVE
from zkllm.model.execution import generate_trace
from zkllm.model.tiny import tiny_model
from zkllm.naive import NAIVE
from zkllm.opening_table import Binding, OpeningTable, save_table
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.prover import Coefficients, Combined
from zkllm.pcs.curve import G1_BYTES, G1_GENERATOR
from zkllm.pcs.division import divides
from zkllm.pcs.srs import Srs, make_development_srs
from zkllm.precompute import FixedColumns, WrongColumn
from zkllm.protocol.columns import combine_columns, kernel_pieces, mask_pieces
from zkllm.protocol.data import ProverData, Tensors
from zkllm.protocol.description import Description
from zkllm.protocol.witness import prover_data
from zkllm.tabled import Tabled
from zkllm.transformed_srs import root_of_blocks


@dataclass(frozen=True)
class Case:
    """A tiny model's columns with a statement, cut into rows of any length, under any kernels; no circuit."""

    kernels: Kernels
    srs: Srs
    protocol: Description
    tensors: Tensors  # of fixed and witness columns
    vk: VerifyingKey

    @classmethod
    def make(cls, kernels: Kernels, mu: int, b_log2: int, hidden: bool = False) -> Case:
        model = tiny_model(1, mu=mu, hidden=hidden)
        protocol = describe(model.config, ROWS, CERTIFIED)
        trace = generate_trace(model, [3, 7], CERTIFIED, ROWS, kernels=kernels)
        tensors = prover_data(protocol, model, trace, kernels).tensors
        srs = make_development_srs(mu, kernels=kernels)
        names = {field.name: field for field in fields(VerifyingKey)}
        vk = VerifyingKey(
            **{name: 1 for name in names if name not in GIVEN},
            mu=mu,
            b_log2=b_log2,
            fixed_commitments=tuple(
                commit_columns(srs, protocol.fixed, tensors, masks=weight_masks(protocol))
            ),
            srs_digest=srs.digest,
            model_id=bytes(32),
            g2_tau_b=srs.g2_power(b_log2),
        )
        return cls(kernels, srs, protocol, tensors, vk)

    @property
    def binding(self) -> Binding:
        return Binding.of(self.vk)

    @cached_property
    def columns(self) -> FixedColumns:
        fixed, masks = self.protocol.fixed, weight_masks(self.protocol)
        commitments = self.vk.fixed_commitments
        return FixedColumns(fixed, self.tensors, commitments, self.srs, self.binding, self.kernels, masks)

    def points_of(self, column: int) -> bytes:
        return self.columns.points_of(column, self._transformed)

    @cached_property
    def _transformed(self) -> Points:
        rows, b = self.binding.rows, 1 << self.vk.b_log2
        return self.srs.points.transform(rows, b, pow(root_of_blocks(rows), -1, R), 0, b)

    @cached_property
    def points(self) -> bytes:
        """The table's, column after column."""
        return b"".join(map(self.points_of, range(self.binding.columns)))

    def save(self, path: Path, points: bytes | None = None) -> OpeningTable:
        save_table(path, self.binding, self.points if points is None else points)
        return OpeningTable.load(path, self.binding, self.kernels)

    def by_definition(self, column: int) -> bytes:
        """Commitments to a column without its lowest rows, shifted down."""
        k, fixed, masks = self.kernels, self.protocol.fixed, weight_masks(self.protocol)
        data = ProverData(self.protocol.manifest, k, self.tensors, fixed_masks=masks)
        pieces = [*kernel_pieces(data, fixed, column), *mask_pieces(data, fixed, column)]
        c = k.sum_tables(1 << self.vk.mu, pieces)
        rows = range(1 << self.vk.b_log2, len(c), 1 << self.vk.b_log2)
        return b"".join(self.srs.commit(k.slice(c, start, len(c))) for start in rows)

    def combined(self, table: OpeningTable | None, theta: int, seed: int = 1) -> Combined:
        """f, as `prover.prove_data` opens it; `seed`: of the masks."""
        masks = seeded(self.protocol.masks, seed)
        of_weights = weight_masks(self.protocol)
        data = ProverData(self.protocol.manifest, self.kernels, self.tensors, masks, of_weights)
        powers = [pow(theta, g, R) for g in range(self.protocol.num_columns)]
        layouts = (self.protocol.fixed, self.protocol.witness)
        if table is None:
            f = combine_columns(data, layouts, powers, 1 << self.protocol.mu)
            return Coefficients(
                self.kernels, self.srs, f, 1 << self.vk.b_log2, 1 << self.vk.mu - self.vk.b_log2
            )
        witness = commit_columns(self.srs, layouts[1], self.tensors, masks=data.all_masks(layouts[1]))
        return Tabled(self.protocol, data, self.srs, self.vk, witness, table, powers)

    def opened(self, table: OpeningTable | None, seed: int = 1) -> tuple[list[int], bytes, list[int]]:
        """h, [q], g at random challenges, the same for each call."""
        rng = random.Random(5)
        theta, alpha = rng.randrange(R), rng.randrange(R)
        weights = self.kernels.from_list([rng.randrange(R) for _ in range(1 << self.vk.b_log2)])
        f = self.combined(table, theta, seed)
        h = f.fold(weights)
        q, g = f.divide(alpha)
        return self.kernels.to_list(h), q, self.kernels.to_list(g)


GIVEN = ("mu", "b_log2", "fixed_commitments", "srs_digest", "model_id", "g2_tau_b")
SIZES = [(7, 3), (10, 5), (10, 8), (10, 2), (12, 6), (7, 4, True), (10, 5, True)]
"""mu and log2 b: layered columns; few rows, many; a witness that fills no column; hidden models."""


@pytest.fixture(scope="module", params=SIZES, ids=lambda p: f"mu={p[0]},b={p[1]}{',hidden' * len(p[2:])}")
def case(request: pytest.FixtureRequest) -> Case:
    return Case.make(NATIVE, *request.param)


def test_a_table_holds_the_commitments_to_what_is_left_of_the_columns(case: Case) -> None:
    assert case.points == b"".join(map(case.by_definition, range(case.binding.columns)))


@pytest.mark.long
def test_naive_kernels_make_and_use_the_same_table(tmp_path: Path) -> None:
    native, naive = (Case.make(kernels, 7, 5) for kernels in (NATIVE, NAIVE))
    assert naive.points_of(0) == native.points_of(0) == naive.by_definition(0)
    native.save(tmp_path / "table")
    table = OpeningTable.load(tmp_path / "table", naive.binding, NAIVE)
    assert naive.opened(table) == native.opened(None)


def test_what_is_opened_is_the_same(case: Case, tmp_path: Path) -> None:
    """h, [q] and g, given the same masks."""
    table = case.save(tmp_path / "table")
    for seed in (1, 2):
        assert case.opened(table, seed) == case.opened(None, seed) != case.opened(None, 3)


def test_only_the_witness_has_coefficients(case: Case, tmp_path: Path) -> None:
    """As many rows of them as reach to its last mask."""
    table, b = case.save(tmp_path / "table"), 1 << case.vk.b_log2
    f, last = case.combined(table, 3), max(map(max, case.protocol.masks))
    assert isinstance(f, Tabled) and len(f.witness.vector) == (last // b + 1) * b <= 1 << case.vk.mu


@pytest.mark.slow
def test_proofs_are_the_same_to_the_byte(tmp_path: Path) -> None:
    whole = Whole.make(NATIVE, 10)
    case = replace(Case.make(NATIVE, 10, whole.vk.b_log2), srs=whole.srs, vk=whole.vk)
    masks = lambda: seeded(whole.protocol.masks, 1)
    body = whole.prove(masks(), case.save(tmp_path / "table"))
    assert body == whole.prove(masks())
    whole.verify(body)
    with pytest.raises(ProofError, match="not that of this model's columns"):
        whole.prove(masks(), case.save(tmp_path / "table", wrongs(case)[0]))


def wrongs(case: Case) -> list[bytes]:
    """Points that are not the table's: two exchanged, one missing, one changed."""
    each, points = G1_BYTES, case.points
    swapped = points[each : 2 * each] + points[:each] + points[2 * each :]
    return [swapped, bytes(each) + points[each:], points[:-each] + G1_GENERATOR]


def test_a_wrong_table_opens_nothing(case: Case, tmp_path: Path) -> None:
    """Intact as its file may be; and `precompute` finds it out, column by column."""
    count = case.binding.rows - 1
    for wrong in wrongs(case):
        with pytest.raises(ProofError, match="not that of this model's columns"):
            case.opened(case.save(tmp_path / "table", wrong))
        with pytest.raises(WrongColumn):
            for g in range(case.binding.columns):
                case.columns.check(g, NATIVE.decode_points(wrong), g * count)
    for g in range(case.binding.columns):
        case.columns.check(g, NATIVE.decode_points(case.points), g * count)


def test_a_damaged_table_is_not_loaded(case: Case, tmp_path: Path) -> None:
    path, binding = tmp_path / "table", case.binding
    case.save(path)
    data = path.read_bytes()
    assert len(data) == binding.file_bytes
    for at in (*range(0, 120, 5), len(data) // 2, len(data) - 1):
        for bit in (1, 128):
            path.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
            with pytest.raises(PackageError, match="opening table .*run zkllm precompute again"):
                OpeningTable.load(path, binding, NATIVE)
    for damaged in (b"", data[:50], data[:-1], data[:-G1_BYTES], data + bytes(G1_BYTES), data + b"\0"):
        path.write_bytes(damaged)
        with pytest.raises(PackageError, match="run zkllm precompute again"):
            OpeningTable.load(path, binding, NATIVE)


def test_a_table_of_something_else_is_not_loaded(case: Case, tmp_path: Path) -> None:
    path, binding = tmp_path / "table", case.binding
    case.save(path)
    for other, word in (
        (replace(binding, model_id=bytes(31) + b"\1"), "another model"),
        (replace(binding, srs_digest=bytes(32)), "another SRS"),
        (replace(binding, mu=binding.mu + 1), "another size"),
        (replace(binding, b_log2=binding.b_log2 - 1), "another size"),
        (replace(binding, columns=binding.columns + 1), "another size"),
    ):
        with pytest.raises(PackageError, match=word):
            OpeningTable.load(path, other, NATIVE)
    with pytest.raises(ValueError, match="another model or SRS"):
        table = OpeningTable.load(path, binding, NATIVE)
        case.opened(replace(table, binding=replace(binding, model_id=bytes(31) + b"\1")))


def test_points_that_are_none_are_not_loaded(case: Case, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="opening table"):
        case.save(tmp_path / "table", case.points[:-1] + bytes([case.points[-1] ^ 1]))


def test_the_division_is_checked(case: Case) -> None:
    """[f] - [g] = (tau^b - alpha) [q], zero quotients included."""
    srs, b, tau_b = case.srs, 1 << case.vk.b_log2, case.vk.g2_tau_b
    for f in ([*range(3, 3 * b)], [*range(b)]):
        alpha = 7
        q, g = NATIVE.divide(NATIVE.from_list(f), b, 1, alpha)
        whole, quotient, rest = (srs.commit(x) for x in (NATIVE.from_list(f), q, g))
        assert divides(whole, quotient, rest, alpha, tau_b)
        assert not divides(whole, quotient, rest, alpha + 1, tau_b) or not any(quotient)
        assert not divides(whole, quotient, G1_GENERATOR, alpha, tau_b)
        assert not divides(whole, G1_GENERATOR, rest, alpha, tau_b)
