"""Setting a model up: its package, the commitments to its weights, model_id, and the first keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .cache import MODELS
from .cache_sources import note_use
from .column_work import ColumnWork
from .errors import PackageError, ZkllmError
from .files import MOST_TEXT, read_text, reading, require_folder_place
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .key_files import COMMITMENTS_FILE, KEYS, setup_file
from .limits import LEAST_WITNESS_MU, MAX_CHOSEN_MU, MAX_MU, MIN_MU
from .memory import require_memory
from .model.build import BuildOptions, build_package
from .model.checkpoint import stamps
from .model.hub import find_checkpoint, hub_id
from .model.package import HIDING_KEY_FILE, ModelPackage
from .model.quantize import QuantizerOptions
from .model_id import VERSION
from .preflight import DEFAULT_ROWS, Asked, check_setup_inputs
from .resumable import Resumable
from .setup_check import own_setup, recorded
from .setup_record import SetupRecord
from .shape_protocol import powers_needed, protocol_of
from .shapes import shape_keys
from .srs_files import check_srs_stage, load_srs
from .timings import Progress, Timings


def setup(
    model: str | Path,
    out: str | Path,
    *,
    rows: int | None = None,
    mu: int | None = None,
    witness_mu: int | None = None,
    private: bool = False,
    srs: str | Path | None = None,
    calibration: str | Path | None = None,
    progress: Progress | None = None,
    memory_budget: int | None = None,
    kernels: Kernels = NATIVE,
    quality: str | None = None,
    work: ColumnWork | None = None,
) -> ModelPackage:
    """Makes the model package `out` from a Hugging Face folder or hf:ID of the hub: weights, commitments,
    model_id, first keys.

    Columns have 2^mu coefficients (default: as many as the weights, or a pass of `rows` tokens, need, at most
    2^24), those of a proof's witness 2^witness_mu, at most half. What an earlier call with the same inputs
    has left in `out` is checked and used. `quality` "fast" or "exact": other words and tables of a Llama.
    `private`: the commitments hide the weights (`hiding`), and `out` is for its owner alone. A budget
    refuses, before the weights are committed, a model whose proofs would take more memory. `work`: who
    commits to the columns; the package is the same.
    """
    text = calibration_text(calibration)
    if mu is not None and not MIN_MU <= mu <= MAX_MU:
        raise PackageError(f"mu = {mu}: columns have from 2^{MIN_MU} to 2^{MAX_MU} coefficients")
    if witness_mu is not None and not LEAST_WITNESS_MU <= witness_mu < (mu or MAX_CHOSEN_MU + 1):
        raise PackageError(
            f"witness_mu = {witness_mu}: witness columns have from 2^{LEAST_WITNESS_MU} coefficients to half "
            "of a column's"
        )
    out = Path(out)
    check_setup_inputs(model, out, rows, mu, Path(srs) if srs is not None else None)
    if private:
        out.mkdir(parents=True, exist_ok=True)
        out.chmod(0o700)  # all of it tells of the weights
    elif (out / HIDING_KEY_FILE).exists():
        raise PackageError(
            f"{out} is a private package, and would not be one any more; give --private, or another folder"
        )
    quantizer = QuantizerOptions(mu=mu, witness_mu=witness_mu)
    options = BuildOptions(quantizer, text, rows or DEFAULT_ROWS, private, quality=quality)
    package = build_package(model, out, options, progress)
    rows = rows if rows is not None else min(DEFAULT_ROWS, package.config.n_ctx)
    if memory_budget is not None:
        require_memory(protocol_of(package, rows, 1), memory_budget)
    setup_keys(package, rows, srs, progress, kernels, work)
    return package


def setup_keys(
    package: ModelPackage,
    rows: int,
    srs: str | Path | None = None,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
    work: ColumnWork | None = None,
) -> SetupRecord:
    """Commits to the fixed columns, records model_id, and makes the keys of the shape (rows, 1).

    Each commitment is kept at once (keys/commitments.json), for a set-up that is interrupted. A package whose
    predicates fail gets none.
    """
    _ = package.sound_weights  # before the SRS is made or read
    powers = powers_needed(protocol_of(package, rows, 1))  # before the weights are committed
    path = Path(srs).resolve() if srs is not None else None
    string = load_srs(path, powers, progress, kernels)
    timings = Timings(progress=progress)
    if path is not None:
        check_srs_stage(string, progress)
    resumable = Resumable(
        package.folder / KEYS / COMMITMENTS_FILE,
        {"package": package.digest.hex(), "srs": string.digest.hex(), "version": VERSION},
    )
    record = recorded(package, rows, string, path, timings, resumable, work)
    record.save(setup_file(package.folder))
    shape_keys(package, rows, 1, progress, kernels)
    kernels.release_memory()
    return record


def open_package(
    path: str | Path,
    *,
    progress: Progress | None = None,
    asked: Asked | None = None,
    kernels: Kernels = NATIVE,
) -> ModelPackage:
    """A package with keys: `path` itself, or one made in the cache from a Hugging Face folder or hf:ID of the
    hub on first use; not, where what is `asked` of it could not be proved.

    The folder may be anyone's: keys that came with it are made again and compared (`own_setup`), and none are
    made where a predicate fails. What the folder's word is taken for is whose weights they are, and the SRS.
    """
    folder = Path(path)
    if hub_id(path) is None and (folder / "manifest.json").is_file():
        package = ModelPackage.load(folder)
        if not setup_file(folder).is_file():
            if asked is not None:
                asked.check(package)
            require_folder_place(folder / KEYS)
            setup_keys(package, min(DEFAULT_ROWS, package.config.n_ctx), progress=progress, kernels=kernels)
        own_setup(package, progress, kernels)
        return package
    checkpoint = find_checkpoint(path)
    cached = MODELS.path(_checkpoint_key(checkpoint))
    sources = [checkpoint / name for name, _, _ in stamps(checkpoint)]
    if setup_file(cached).is_file():
        try:
            package = ModelPackage.load(cached)
            note_use(cached, sources)
            return package
        except PackageError:
            pass  # damaged: made again
    if asked is not None:
        asked.check_checkpoint(checkpoint)
    package = setup(checkpoint, cached, progress=progress, kernels=kernels)
    note_use(cached, sources)
    return package


def _checkpoint_key(folder: Path) -> str:
    """Names a checkpoint by its stamps, so that a changed one is set up again."""
    text = "\n".join(f"{name} {size} {time}" for name, size, time in stamps(folder))
    return (
        f"{folder.resolve().name}-{hashlib.sha256((str(folder.resolve()) + text).encode()).hexdigest()[:16]}"
    )


def calibration_text(path: str | Path | None) -> str | None:
    if path is None:
        return None
    with reading(Path(path), "calibration text", ZkllmError):
        return read_text(Path(path), MOST_TEXT)
