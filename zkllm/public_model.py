"""What everybody may know of a private package, in one file: no weight, and yet enough to make the verifying
key of every shape, and so to know what a VERIFIER_ID stands for without its owner's word.

From the record follow model_id and, with the SRS, each key. Nothing in it has to be believed but what the
commitments are of, which nobody is to know: the configuration has to satisfy every predicate, with which a
prompt has one answer whatever was committed to (docs/security.md), and the columns of lookup tables have to
be those of the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .commitments import commit_column
from .errors import Malformed, PackageError
from .families import Config
from .files import read_bytes, reading
from .gpt2.config import ProgramConfig
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .llama.config import LlamaConfig
from .model.family import family_of
from .model.llama.weights import LlamaTables
from .model.models import Tables
from .model.package import ModelPackage
from .model.weights import TableSpec
from .model_id import VERSION, config_digest, model_id
from .outer.keys import VerifyingKey
from .outer.setup import ProvingKey, setup_outer
from .pcs.curve import decode_g1
from .pcs.srs import Srs
from .protocol.description import Description
from .protocol.masks import require_hiding
from .protocol.witness import fixed_tensor
from .records import decode, encode
from .setup_record import SetupRecord
from .shape_id import ShapeId
from .shape_protocol import circuit_of, powers_needed, protocol_with
from .srs_files import check_srs_stage, load_srs
from .timings import Progress, Timings

FORMAT = 1
_WHAT = "public record"


@dataclass(frozen=True)
class PublicModel:
    format: int
    config: Config
    tables: Tables
    vocabulary_root: bytes
    srs_kind: str
    srs_digest: bytes
    fixed_commitments: tuple[bytes, ...]

    @classmethod
    def of(cls, package: ModelPackage, record: SetupRecord) -> PublicModel:
        made: type[PublicModel] = PublicLlama if isinstance(package.config, LlamaConfig) else PublicGpt2
        return made(
            FORMAT,
            package.config,
            package.weights.tables,
            package.vocabulary_root,
            record.srs_kind,
            record.srs_digest,
            record.fixed_commitments,
        )

    @property
    def config_digest(self) -> bytes:
        return config_digest(self.config.to_dict(), self.tables.to_dict())

    @property
    def model_id(self) -> bytes:
        return model_id(self.config_digest, self.vocabulary_root, self.fixed_commitments)

    def to_bytes(self) -> bytes:
        return encode(self)

    @classmethod
    def load(cls, path: Path) -> PublicModel:
        """PackageError where the file is no such record."""
        with reading(path, _WHAT, PackageError, "ask its owner for another (zkllm publish)"):
            record = _decoded(read_bytes(path))
            if record.format != FORMAT:
                raise Malformed(f"it has format {record.format}, this version reads {FORMAT}")
            family_of(record.config).tables(record.tables.to_dict())  # whose scales are bounded
            for commitment in record.fixed_commitments:
                decode_g1(commitment)
            return record

    def proving_key(self, protocol: Description, string: Srs, kernels: Kernels) -> ProvingKey:
        """Of a shape, under the record's SRS. That the predicates hold is for the caller to see to."""
        require_hiding(kernels, protocol.masks, protocol.mu)
        shape, c = protocol.shape, self.config
        pk, _ = setup_outer(
            circuit_of(protocol),
            string,
            kernels,
            list(self.fixed_commitments),
            protocol.witness.num_columns,
            c.mu,
            {
                "version": VERSION,
                "N": shape.rows,
                "k": shape.certified,
                "sealed": shape.sealed,
                "vocab_size": c.vocab_size,
                "pad_id": c.pad_id,
                "n_ctx": c.n_ctx,
                "model_id": self.model_id,
                "config_digest": self.config_digest,
                "vocabulary_root": self.vocabulary_root,
            },
        )
        return pk

    def verifying_key(
        self,
        shape: ShapeId,
        srs: Path | None = None,
        progress: Progress | None = None,
        kernels: Kernels = NATIVE,
    ) -> VerifyingKey:
        """Made from the record alone. `srs`: its file, None for the development SRS. Raises PackageError
        unless the record is that of a sound, private model and names this SRS; SrsError where it is none."""
        if not self.config.hidden:
            raise PackageError(
                "the model is not private, so its tables share columns with weights that the record does not "
                "have; check it against its checkpoint (zkllm setup --check)"
            )
        if failed := family_of(self.config).failed_public_predicates(self.config, self.tables):
            raise PackageError(f"the record's program is unsound: {'; '.join(failed)}")
        protocol = protocol_with(self.config, *shape)
        if len(self.fixed_commitments) != protocol.fixed.num_columns:
            raise PackageError(
                f"the record has {len(self.fixed_commitments)} commitments, its configuration "
                f"{protocol.fixed.num_columns} columns"
            )
        string, timings = load_srs(srs, powers_needed(protocol), progress, kernels), Timings(progress)
        if (string.digest, string.kind) != (self.srs_digest, self.srs_kind):
            raise PackageError("the SRS is not the one that the model was set up with; give its file (--srs)")
        if srs is not None:
            check_srs_stage(string, progress)
        with timings.stage("tables"):
            self._check_tables(protocol, string)
        with timings.stage(f"key {shape}"):
            return self.proving_key(protocol, string, kernels).vk

    def _check_tables(self, protocol: Description, string: Srs) -> None:
        """Whoever commits to other tables could have two exponentials for one distance."""
        m, layout = protocol.manifest, protocol.fixed
        arrays = family_of(self.config).tables_of(self.tables, self.config)
        tensors = {name: fixed_tensor(m, name, arrays) for name in m.public_tensors()}
        for column in range(layout.shared_columns, layout.num_columns):
            if commit_column(string, layout, tensors, column) != self.fixed_commitments[column]:
                raise PackageError(
                    f"column {column} of the record is not that of the lookup tables that it specifies"
                )


@dataclass(frozen=True)
class PublicGpt2(PublicModel):
    config: ProgramConfig
    tables: TableSpec


@dataclass(frozen=True)
class PublicLlama(PublicModel):
    config: LlamaConfig
    tables: LlamaTables


def _decoded(raw: bytes) -> PublicModel:
    """Of whichever family has the configuration's fields."""
    try:
        return decode(PublicGpt2, raw, _WHAT)
    except Malformed as error:
        try:
            return decode(PublicLlama, raw, _WHAT)
        except Malformed:
            raise error from None
