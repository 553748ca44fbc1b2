"""Types of command line arguments. What they refuse is a wrong usage: exit code 2."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from zkllm.errors import ZkllmError, reason
from zkllm.limits import MAX_MU, MAX_POSITIONS, MIN_MU
from zkllm.statement import Context
from zkllm.units import ETHER

if TYPE_CHECKING:
    from zkllm.model.chat import Messages

MOST_PROMPT = 1 << 22
"""Bytes of a prompt's file: more than any context takes."""


def positive(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_POSITIONS:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 1 to {MAX_POSITIONS}")
    return int(text)


def count(text: str) -> int:
    """Of what may be many: 1000000 or 1,000,000."""
    digits = text.replace(",", "")
    if not re.fullmatch(r"[0-9]{1,12}", digits) or int(digits) < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 1 to 999999999999")
    return int(digits)


def number(text: str) -> float:
    """A decimal above 0."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) or not float(text) > 0:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number above 0, as in 2.5")
    return float(text)


def index(text: str) -> int:
    """Counted from 0."""
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 0 to 9999")
    return int(text)


def token_ids(text: str) -> list[int]:
    """ "1,2,3"."""
    parts = text.split(",")
    if not all(re.fullmatch(r" *[0-9]{1,8} *", part) for part in parts):
        raise argparse.ArgumentTypeError("expected token ids separated by commas, as in 1,2,3")
    return [int(part) for part in parts]


def hexadecimal(size: int) -> Callable[[str], bytes]:
    """0x and 2 * size digits."""

    def parse(text: str) -> bytes:
        if len(text) != 2 + 2 * size or not re.fullmatch(r"0x[0-9a-fA-F]*", text):
            raise argparse.ArgumentTypeError(f"{text[:80]!r} is not 0x with {2 * size} hexadecimal digits")
        return bytes.fromhex(text[2:])

    return parse


digest = hexadecimal(32)


def context(text: str) -> Context:
    """CHAIN:CONTRACT:SENDER[:REQUEST]."""
    parts = text.split(":")
    if len(parts) not in (3, 4) or not re.fullmatch(r"[0-9]{1,19}", parts[0]):
        raise argparse.ArgumentTypeError(
            "expected CHAIN:CONTRACT:SENDER[:REQUEST], the chain's id in decimal"
        )
    request = digest(parts[3]) if len(parts) == 4 else bytes(32)
    return Context(int(parts[0]), checked_address(parts[1]), checked_address(parts[2]), request)


def log2_size(text: str) -> int:
    """mu."""
    if not re.fullmatch(r"[0-9]{1,2}", text) or not MIN_MU <= int(text) <= MAX_MU:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from {MIN_MU} to {MAX_MU}")
    return int(text)


def size(text: str) -> int:
    """Bytes: "8GiB", "8G", "512M", "1000000"."""
    match = re.fullmatch(r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?([KMGT]?)(i?B)?", text, re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a size such as 8GiB or 512M")
    scale = 1024 ** " KMGT".index(match[3].upper() or " ")
    return int(float(f"{match[1]}.{match[2] or 0}") * scale)


class ActionTexts(TypedDict):
    """For `add_parser`."""

    epilog: str
    formatter_class: type[argparse.HelpFormatter]


def action_texts(examples: str, program: str, action: str) -> ActionTexts:
    """Of an action of `program`: those of its examples that are of this action, below its options."""
    mine = [line for line in examples.strip().splitlines() if line.startswith(f"{{program}} {action} ")]
    return {
        "epilog": "examples:\n" + "\n".join(f"  {line.replace('{program}', program)}" for line in mine),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def add_memory_budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--memory-budget",
        type=size,
        metavar="SIZE",
        help="refuse before starting where a proof would take more resident memory: 8GiB, 512M "
        "(default: what the machine has)",
    )


RAY = "HOST:PORT of the head of a Ray cluster that is running, or auto on one of its machines "


def add_ray(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help=what,
    )


def add_context(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--context",
        type=context,
        metavar="CHAIN:CONTRACT:SENDER[:REQUEST]",
        help="where it may be settled",
    )


def ether(text: str) -> int:
    """Wei of a decimal number of ether."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,18})?", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not an amount of ether, as in 0.05")
    whole, _, fraction = text.partition(".")
    return int(whole) * ETHER + int(fraction.ljust(18, "0"))


def duration(text: str) -> int:
    """Seconds of 90s, 30m, 12h or 7d."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if not re.fullmatch(r"[0-9]{1,8}[smhd]", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a duration, as in 90s, 30m, 12h or 7d")
    return int(text[:-1]) * units[text[-1]]


def checked_address(text: str) -> bytes:
    """One whose checksum, if it has one, is right."""
    from zkllm.errors import SettlementError
    from zkllm.settle.rpc import parse_address

    try:
        return parse_address(text)
    except SettlementError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def address_text(text: str) -> str:
    """The same, as it was given."""
    checked_address(text)
    return text


def port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) >= 1 << 16:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port, from 0 to 65535")
    return int(text)


def add_prompt(
    parser: argparse.ArgumentParser, required: bool = True, what: str = "the prompt"
) -> argparse._MutuallyExclusiveGroup:
    """As text, as messages or as ids; what is returned may take another option in place of them."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--prompt", metavar="TEXT", help=what)
    group.add_argument(
        "--prompt-file",
        dest="prompt",
        type=text_file,
        metavar="FILE",
        help="the prompt as the text of a file: other users of this machine see command lines",
    )
    group.add_argument(
        "--chat",
        dest="prompt",
        type=chat,
        metavar="TEXT",
        help="the prompt that the model's chat template makes of a user's message",
    )
    group.add_argument(
        "--messages",
        dest="prompt",
        type=messages_file,
        metavar="FILE",
        help='the same of several: a JSON list such as [{"role": "user", "content": ".."}]',
    )
    group.add_argument("--tokens", type=token_ids, metavar="IDS", help="the prompt as token ids: 1,2,3")
    return group


def text_file(text: str) -> str:
    """What is in a file, without the newline at its end."""
    from zkllm.files import read_text

    try:
        return read_text(Path(text), MOST_PROMPT).removesuffix("\n")
    except (OSError, ValueError, ZkllmError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {text[:80]!r}: {reason(error)}") from None


def chat(text: str) -> Messages:
    from zkllm.model.chat import Messages

    return Messages.of_user(text)


def messages_file(text: str) -> Messages:
    from zkllm.files import read_text
    from zkllm.model.chat import Messages

    try:
        return Messages.of_json(read_text(Path(text), MOST_PROMPT))
    except (OSError, ValueError, ZkllmError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {text[:80]!r}: {reason(error)}") from None


def add_rows(
    parser: argparse.ArgumentParser, what: str = "positions of the shape (default: the package's)"
) -> None:
    """N."""
    parser.add_argument("--max-tokens", dest="rows", type=positive, metavar="N", help=what)


def add_shape(parser: argparse.ArgumentParser, certified: int | None = 1) -> None:
    """k, by default `certified`, and N."""
    parser.add_argument(
        "--new-tokens",
        dest="certified",
        type=positive,
        default=argparse.SUPPRESS if _is_below(parser) else certified,
        metavar="K",
        help="answered tokens to certify" + ("" if certified is None else f" (default {certified})"),
    )
    add_rows(parser)


def add_sealed(
    parser: argparse.ArgumentParser, what: str = "of which the proof, and the chain, tell P alone"
) -> None:
    """Whether the shape is one of sealed prompts."""
    default = argparse.SUPPRESS if _is_below(parser) else False
    parser.add_argument(
        "--sealed", action="store_true", default=default, help=f"of prompts that are sealed, {what}"
    )


def add_salt_file(parser: argparse.ArgumentParser, what: str) -> None:
    """Beside `add_sealed`."""
    default = argparse.SUPPRESS if _is_below(parser) else None
    parser.add_argument("--salt-file", type=Path, default=default, metavar="FILE", help=what)


def _is_below(parser: argparse.ArgumentParser) -> bool:
    """Whether it is a subcommand's, whose parent has the defaults."""
    return parser.argument_default == argparse.SUPPRESS


def salt_misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.salt_file is not None and not arguments.sealed:
        return "--salt-file is for --sealed"
    return None


def shape_misuse(arguments: argparse.Namespace) -> str | None:
    rows, certified = arguments.rows, arguments.certified
    if rows is not None and certified is not None and certified > rows:
        return f"--new-tokens {certified} is more than --max-tokens {rows}"
    return None
