"""Takes the pictures of the explorer's pages that docs/explorer.md shows (`make explorer-pictures`).

    python -m scripts.explorer.pictures [--out DIR]

The chain and the page are those of the tests (`world`), the browser theirs. Pictures are PNGs of 256 colours
at most. Claims' ids and addresses differ from run to run, so pictures do too: no check compares them.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from scripts import ROOT
from scripts.explorer.chromium import MISSING, chromium
from scripts.explorer.running import TESTS, WorldError, running_world

FIGURES = ROOT / "docs/figures"
SIDE_BY_SIDE = {
    "explorer-phone": ("phone-claims", "phone-claim", "phone-requests"),
}
"""Pictures that are several of those taken, on one height."""
GAP, BACKGROUND = 16, "#808080"
COLOURS = 256


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FIGURES, help="where the pictures go")
    out: Path = parser.parse_args().out
    browser = chromium()
    if browser is None:
        print(MISSING, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder)
        try:
            with running_world(browser) as environment:
                environment["ZKLLM_EXPLORER_PICTURES"] = str(taken)
                runner = ["node", "--test", str(TESTS / "pictures.js")]
                done = subprocess.run(runner, cwd=ROOT, env=environment, stdout=sys.stderr)
        except WorldError as error:
            print(error, file=sys.stderr)
            return 1
        if done.returncode:
            return done.returncode
        out.mkdir(parents=True, exist_ok=True)
        pictures = {path.stem: Image.open(path).convert("RGB") for path in sorted(taken.glob("*.png"))}
        for name, parts in SIDE_BY_SIDE.items():
            write(beside([pictures.pop(part) for part in parts]), out / f"{name}.png")
        for name, picture in pictures.items():
            write(picture, out / f"explorer-{name}.png")
    return 0


def beside(parts: list[Image.Image]) -> Image.Image:
    """From left to right, tops aligned."""
    width = sum(part.width for part in parts) + GAP * (len(parts) - 1)
    whole = Image.new("RGB", (width, max(part.height for part in parts)), BACKGROUND)
    left = 0
    for part in parts:
        whole.paste(part, (left, 0))
        left += part.width + GAP
    return whole


def write(picture: Image.Image, path: Path) -> None:
    data = io.BytesIO()
    picture.quantize(COLOURS).save(data, "PNG", optimize=True)
    path.write_bytes(data.getvalue())
    print(f"{path}: {picture.width} x {picture.height}, {len(data.getvalue()):,} bytes")


if __name__ == "__main__":
    sys.exit(main())
