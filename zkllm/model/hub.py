"""Which checkpoint a name means: a folder of this machine, or a model of the Hugging Face hub.

`gpt2`, `models/demo-gpt2` and `build/nothere` are names of the hub as well as paths, so only the prefix `hf:`
means the hub: a folder whose name is mistyped is never asked for over the network.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path

from zkllm.errors import CheckpointError, reason
from zkllm.model.tokenizer_files import TOKENIZER_FILES
from zkllm.requirements import install

PREFIX = "hf:"
GGUF = ".gguf"
HELP = "Hugging Face folder, GGUF file, or hf:ID of the hub"
_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_FILES = ["config.json", "*.safetensors", "*.safetensors.index.json", "adapter_config.json", *TOKENIZER_FILES,
          "generation_config.json", "chat_template.jinja"]  # fmt: skip


def hub_id(model: str | Path) -> str | None:
    """The hub's name of what is named with the prefix; None for a path."""
    if not str(model).startswith(PREFIX):
        return None
    name = str(model)[len(PREFIX) :]
    if not _ID.fullmatch(name):
        raise CheckpointError(f"{str(model)[:120]}: not a model of the hub; write hf:NAME or hf:OWNER/NAME")
    return name


def is_gguf(path: Path) -> bool:
    return path.suffix == GGUF and path.is_file()


def require_named(model: str | Path) -> None:
    """A CheckpointError unless `model` is a folder, a GGUF file, or may be one of the hub. Asks nobody."""
    if hub_id(model) is not None or str(model) and Path(model).is_dir():
        return
    if is_gguf(Path(model)):
        return
    if str(model) and Path(model).exists():
        raise CheckpointError(f"{model}: a file, not a folder (of files, {GGUF} alone is read)")
    advice = f"; for the hub write {PREFIX}{model}" if _ID.fullmatch(str(model)) else ""
    raise CheckpointError(f"no such folder: {str(model)[:200]!r}{advice}")


def find_checkpoint(model: str | Path, revision: str | None = None) -> Path:
    """The folder of `model`: itself, a download, or what a GGUF file is made into."""
    require_named(model)
    name = hub_id(model)
    if name is None:
        if is_gguf(Path(model)):
            from zkllm.model.gguf_folder import folder_of  # which computes

            return folder_of(Path(model))
        folder = Path(model)  # which forgets the dot of ./hf:x
        return folder.absolute() if str(folder).startswith(PREFIX) else folder
    try:
        import huggingface_hub
    except ImportError:
        raise CheckpointError(f"{model}: downloading needs more: {install('huggingface_hub')}") from None
    try:
        return Path(huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except Exception as error:  # the hub client raises errors of many libraries
        raise CheckpointError(f"{model}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """The client's errors by name: their texts are long, and some are Python's own."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for names, text in (
        ({"GatedRepoError"}, "accept the model's terms at the hub and log in (hf auth login)"),
        ({"RepositoryNotFoundError"}, "the hub has no such model, or it is private (hf auth login)"),
        ({"RevisionNotFoundError"}, "the hub has no such revision of it"),
        (
            {"LocalEntryNotFoundError", "OfflineModeIsEnabled"},
            "the hub cannot be reached, and nothing of it was downloaded before; see also HF_HUB_OFFLINE",
        ),
        ({"HfHubHTTPError"}, "the hub refuses to send it; try again later"),
    ):
        if names & kinds:
            return text
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
        return f"it cannot be kept in the hub client's cache: {reason(error)}"
    return "the hub cannot be reached; try again later, or give a folder"
