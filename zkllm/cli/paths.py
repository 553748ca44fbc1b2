"""What a command's arguments name on this machine. Each type says what the command does with it.

`check` looks at all of them before the command starts: what is read is there and can be read, what is written
can be written, and nothing that is read, or that another option writes, would be written over.
"""

from __future__ import annotations

import argparse
import errno
import os
from pathlib import Path, PosixPath

from zkllm.errors import PathError, reason
from zkllm.files import require_file_place, require_folder_place
from zkllm.model.hub import require_named


class Place(PosixPath):
    """An argument that names a file or a folder."""

    def check(self) -> None:
        """Raises PathError."""


class Source(Place):
    """A file or a folder that is read."""

    def check(self) -> None:
        try:
            self.stat()
            if not os.access(self, os.R_OK):
                raise PermissionError(errno.EACCES, "")
            if self.is_file():  # what the system grants is known when it is opened; a pipe is opened once
                self.open("rb").close()
        except OSError as error:
            raise PathError(f"{self}: {reason(error)}") from None


class SourceFile(Source):
    def check(self) -> None:
        super().check()
        if self.is_dir():
            raise PathError(f"{self}: it is a folder; give the name of a file")


class SourceFolder(Source):
    def check(self) -> None:
        super().check()
        if not self.is_dir():
            raise PathError(f"{self}: it is a file; give the name of a folder")


class SourceOrStdin(SourceFile):
    """The same, or - for standard input."""

    def check(self) -> None:
        if str(self) != "-":
            super().check()


class TargetFile(Place):
    """A file that is written, or a pipe."""

    def check(self) -> None:
        require_file_place(self)


class OrdinaryTarget(TargetFile):
    """A file that is written, and no pipe."""

    def check(self) -> None:
        require_file_place(self, ordinary=True)


class TargetFolder(Place):
    """A folder that files are written to."""

    def check(self) -> None:
        require_folder_place(self)


class Package(TargetFolder):
    """A model package: written, or with --check only read."""


class FileName(Place):
    """Only named in what is printed."""

    def check(self) -> None:
        if self.is_dir():
            raise PathError(f"{self}: it is a folder; give the name of a file")


class Model(str):
    """A folder, or a model of the hub."""

    def check(self) -> None:
        require_named(self)


class ModelOrFile(Model):
    def check(self) -> None:
        if Path(self).is_file():
            SourceFile(self).check()
        else:
            super().check()


def check(arguments: argparse.Namespace) -> None:
    """Raises PathError or CheckpointError where a path of the command is of no use for it."""
    given = (v if isinstance(v, list) else [v] for _, v in sorted(vars(arguments).items()))
    values = [v for several in given for v in several if isinstance(v, Place | Model)]
    if getattr(arguments, "check", False):
        values = [SourceFolder(v) if isinstance(v, Package) else v for v in values]
    for value in values:
        value.check()
    sources = [Path(v) for v in values if isinstance(v, Source | Model) and Path(v).exists()]
    targets = [v for v in values if isinstance(v, TargetFile | TargetFolder)]
    for i, target in enumerate(targets):
        for source in sources:
            _keep_apart(target, source)
        for other in targets[:i]:
            if _real(other) == _real(target) and not _is_pipe(target):
                raise PathError(f"{target}: two options write there; give them different names")


def _keep_apart(target: Place, source: Path) -> None:
    """Nothing that is read is written over: not the source itself, and no file of a source folder."""
    if _is_pipe(target):
        return
    same = _real(target) == _real(source) or target.exists() and target.samefile(source)
    inside = target.is_file() and source.is_dir() and _real(source) in _real(target).parents
    if same or inside:
        raise PathError(f"{target}: {source} is read, and would be written over; give another place")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_pipe(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()
