"""The model package: a folder that holds everything about a model that proofs need.

    manifest.json     what is here: configuration, tables, scales, digests of every file (canonical JSON)
    tokenizer.json    byte-level BPE
    ranges.json       calibration: bound, largest value seen
    calibration.json  what the quantiser chose everything from (older packages have none)
    conversation.json what ends an answer, the chat template (older packages, and models without, have none)
    weights/NAME.bin  the arrays of the quantised model, little-endian, row-major, memory-mapped
    keys/N{N}-k{k}/   keys of shapes, made when first used (not part of the digest)
    hiding.key        of a hidden model: what its commitments are masked by; for its owner alone
    calibration.txt   the user's text for the calibration, if any (not part of it)
    build.json        what set-up has finished, so that it can go on (not part of it)
    checkpoint.txt    folder or hub id that the package was made from, on this machine (not part of it)

The manifest is written last, so an interrupted build is an incomplete package and not a wrong one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np

from zkllm.errors import PackageError, ZkllmError, reason
from zkllm.families import Config, config_of
from zkllm.files import (
    UNREADABLE,
    canonical_json,
    file_digest,
    read_bytes,
    read_json,
    read_text,
    reading,
    remember_digest,
    replacing,
    write_atomically,
)
from zkllm.mapped import release
from zkllm.model.calibration_record import CalibrationRecord
from zkllm.model.conversation import Conversation
from zkllm.model.family import family_of
from zkllm.model.models import AnyScales, Model
from zkllm.model.ranges import RangeRow
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.vocabulary import VocabularyTree
from zkllm.records import from_data
from zkllm.secret_scalars import make_scalar, read_scalar

FORMAT = 3
CALIBRATION_FILE = "calibration.json"
CALIBRATION_TEXT = "calibration.txt"
CONVERSATION_FILE = "conversation.json"
HIDING_KEY, HIDING_KEY_FILE = "hiding key", "hiding.key"
_FIELDS = {"format", "config", "tables", "scales", "source", "vocabulary_root", "files"}


def array_path(folder: Path, name: str) -> Path:
    return folder / "weights" / f"{name}.bin"


class ArrayFiles:
    """Arrays of a package that are written block by block; each appears when it is complete."""

    def __init__(self, folder: Path, names: Iterable[str]):
        self._stack, self._files, self._folder = ExitStack(), {}, folder
        for name in names:
            file = self._stack.enter_context(replacing(array_path(folder, name)))
            self._files[name] = (file, hashlib.sha256())

    def write(self, name: str, block: np.ndarray) -> None:
        file, digest = self._files[name]
        data = np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("<"))
        digest.update(data.data.cast("B"))
        data.tofile(file)

    def close(self) -> dict[str, str]:
        """Digests of the complete files."""
        self._stack.close()
        digests = {name: digest.hexdigest() for name, (_, digest) in self._files.items()}
        for name, digest in digests.items():
            remember_digest(array_path(self._folder, name), digest)
        return digests

    def __enter__(self) -> ArrayFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def map_array(folder: Path, name: str, config: Config) -> np.ndarray:
    dtype, shape = family_of(config).arrays(config)[name]
    return np.memmap(array_path(folder, name), dtype=dtype, mode="r", shape=shape)


def map_arrays(folder: Path, config: Config) -> dict[str, np.ndarray]:
    """All of a configuration's."""
    return {name: map_array(folder, name, config) for name in family_of(config).arrays(config)}


def intact_array(folder: Path, name: str, config: Config, digest: object) -> bool:
    """Whether the file is there, of the right size and digest."""
    path = array_path(folder, name)
    intact = path.is_file() and path.stat().st_size == family_of(config).array_bytes(name, config)
    return intact and file_digest(path) == digest


def record_calibration_text(folder: Path, text: str | None) -> None:
    """None: the one that ships with the project."""
    path = folder / CALIBRATION_TEXT
    path.unlink(missing_ok=True) if text is None else write_atomically(path, text.encode())


@dataclass(frozen=True)
class ModelPackage:
    """A package whose files are what its manifest says. `weights` are memory-mapped."""

    folder: Path
    weights: Model
    scales: AnyScales
    tokenizer: ByteLevelTokenizer
    ranges: list[RangeRow]
    source: str  # the checkpoint's name, for display
    recorded: bytes | None  # calibration.json as it is; None: of an older version
    vocabulary_root: bytes
    digest: bytes  # sha256 of the manifest, which holds the digests of all files
    hiding_key: int | None = field(default=None, repr=False)  # of a hidden model (`zkllm.hiding`)
    conversation: Conversation = Conversation()

    @property
    def config(self) -> Config:
        return self.weights.config

    @cached_property
    def sound_weights(self) -> Model:
        """The weights, once every predicate holds: commitments and keys are made for nothing else."""
        family_of(self.config).check_predicates(self.weights)
        release(array for _, array in self.weights.arrays())
        return self.weights

    @cached_property
    def calibration(self) -> CalibrationRecord | None:
        """What the scales were chosen from, which proofs need not know and which takes seconds to read of a
        large model. PackageError where it is not a record."""
        if self.recorded is None:
            return None
        with reading(self.folder / CALIBRATION_FILE, "calibration", PackageError, "run zkllm setup again"):
            return family_of(self.config).record(self.recorded)

    @cached_property
    def vocabulary(self) -> VocabularyTree:
        return VocabularyTree(self.tokenizer.token_bytes)

    @property
    def quality(self) -> str | None:
        """What the quantiser was asked for, by name; None for other options, and where the package does not
        say them."""
        return family_of(self.config).quality(self.calibration.options) if self.calibration else None

    def checkpoint(self) -> str | None:
        """The checkpoint's folder or hub id on this machine, where that is known."""
        path = self.folder / "checkpoint.txt"
        if not path.is_file():
            return None
        with reading(path, "checkpoint's name in", PackageError, "name the checkpoint"):
            return read_text(path).strip()

    def calibration_text(self) -> str | None:
        """The text that the user gave for the calibration, where it is there."""
        path = self.folder / CALIBRATION_TEXT
        return path.read_text(encoding="utf-8") if path.is_file() else None

    @classmethod
    def save(
        cls,
        folder: Path,
        weights: Model,
        scales: AnyScales,
        tokenizer: ByteLevelTokenizer,
        ranges: list[RangeRow],
        source: str,
        calibration: CalibrationRecord | None = None,
        conversation: Conversation = Conversation(),  # noqa: B008 (frozen)
    ) -> ModelPackage:
        """Writes the package (but no arrays that are its own memory maps) and loads it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").unlink(missing_ok=True)
        for name, array in weights.arrays():
            path = array_path(folder, name)
            if not isinstance(array, np.memmap) or str(array.filename) != str(path.resolve()):
                with ArrayFiles(folder, [name]) as files:
                    files.write(name, array)
                    files.close()
        write_atomically(folder / "tokenizer.json", tokenizer.definition.encode())
        write_atomically(folder / "ranges.json", canonical_json([row.to_dict() for row in ranges]))
        if calibration is not None:
            write_atomically(folder / CALIBRATION_FILE, calibration.to_bytes())
        told = conversation != Conversation()
        if told:
            write_atomically(folder / CONVERSATION_FILE, conversation.to_bytes())
        hidden = weights.config.hidden
        if hidden and not (folder / HIDING_KEY_FILE).exists():
            make_scalar(folder / HIDING_KEY_FILE, HIDING_KEY, PackageError)
        names = _file_names(weights.config, calibration is not None, told)
        manifest = {
            "format": FORMAT,
            "config": weights.config.to_dict(),
            "tables": weights.tables.to_dict(),
            "scales": scales.to_dict(),
            "source": source,
            "vocabulary_root": VocabularyTree(tokenizer.token_bytes).root.hex(),
            "files": {name: file_digest(folder / name) for name in names},
        }
        write_atomically(folder / "manifest.json", canonical_json(manifest))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: str | Path, verify: bool = True) -> ModelPackage:
        """Opens a package; with `verify`, every file's digest is checked (`files.file_digest`: of a large
        file that was not written since, it is known)."""
        folder = Path(folder)
        try:
            return cls._load(folder, verify)
        except PackageError:
            raise
        except ZkllmError as error:
            raise PackageError(f"{folder}: {error}") from None
        except UNREADABLE as error:
            raise PackageError(
                f"{folder}: damaged model package ({reason(error)}); run zkllm setup again"
            ) from None

    @classmethod
    def _load(cls, folder: Path, verify: bool) -> ModelPackage:
        path = folder / "manifest.json"
        if not path.is_file():
            raise PackageError(f"{folder}: not a model package, or an incomplete one; run zkllm setup")
        with reading(path, "manifest", PackageError, "run zkllm setup again"):
            raw = read_bytes(path)
            manifest = json.loads(raw)
        if not isinstance(manifest, dict) or set(manifest) != _FIELDS or canonical_json(manifest) != raw:
            raise PackageError(f"{path}: damaged manifest; run zkllm setup again")
        if manifest["format"] != FORMAT:
            raise PackageError(
                f"{folder}: format {manifest['format']}, this version reads {FORMAT}; run zkllm setup"
            )
        calibrated, told = CALIBRATION_FILE in manifest["files"], CONVERSATION_FILE in manifest["files"]
        config = config_of(manifest["config"])
        family = family_of(config)
        if set(manifest["files"]) != set(_file_names(config, calibrated, told)):
            raise PackageError(f"{path}: lists other files than a package has; run zkllm setup again")
        if failed := family.failed_config_predicates(config):
            raise PackageError(f"{folder}: unsound configuration ({failed[0]}); run zkllm setup again")
        _check_files(folder, config, manifest["files"], verify)
        weights = family.model(config, family.tables(manifest["tables"]), map_arrays(folder, config))
        definition = (folder / "tokenizer.json").read_text(encoding="utf-8")
        tokenizer = ByteLevelTokenizer(definition, config.vocab_size)
        package = cls(
            folder, weights, family.scales(manifest["scales"]), tokenizer,
            _read_ranges(folder / "ranges.json"), str(manifest["source"]),
            (folder / CALIBRATION_FILE).read_bytes() if calibrated else None,
            bytes.fromhex(manifest["vocabulary_root"]), hashlib.sha256(raw).digest(),
            read_scalar(folder / HIDING_KEY_FILE, HIDING_KEY, PackageError) if config.hidden else None,
            Conversation.from_dict(read_json(folder / CONVERSATION_FILE)) if told else Conversation(),
        )  # fmt: skip
        if verify and package.vocabulary.root != package.vocabulary_root:
            raise PackageError(f"{folder}: the vocabulary root is not the tokenizer's; run zkllm setup again")
        return package


def _file_names(config: Config, calibrated: bool, told: bool) -> list[str]:
    record = [CALIBRATION_FILE] * calibrated + [HIDING_KEY_FILE] * config.hidden + [CONVERSATION_FILE] * told
    arrays = family_of(config).arrays(config)
    return ["tokenizer.json", "ranges.json", *record, *(f"weights/{name}.bin" for name in arrays)]


def _check_files(folder: Path, config: Config, digests: dict[str, object], verify: bool) -> None:
    """Presence and size of every file, and with `verify` its digest."""
    family = family_of(config)
    sizes = {f"weights/{n}.bin": family.array_bytes(n, config) for n in family.arrays(config)}
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            raise PackageError(f"{folder}: {name} is missing; run zkllm setup again")
        if path.stat().st_size != sizes.get(name, path.stat().st_size):
            raise PackageError(f"{folder}: {name} has {path.stat().st_size} bytes, not {sizes[name]}")
        if verify and file_digest(path) != digest:
            raise PackageError(f"{folder}: {name} is damaged (its digest differs); run zkllm setup again")


def _read_ranges(path: Path) -> list[RangeRow]:
    return [from_data(RangeRow, row, f"a row of {path.name}") for row in json.loads(read_bytes(path))]
