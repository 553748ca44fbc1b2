"""Files that are not what they should be, through every command that reads one: a line that names the file,
in words of ours."""

from __future__ import annotations

import ast
import builtins
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from zkllm.errors import Malformed, SettlementError, ZkllmError, reason
from zkllm.pcs.ptau_write import write_development_ptau
from zkllm.settle.accounts import KeySource
from zkllm.settle.deployments import Deployments

PYTHON = re.compile(
    r"codec|errno|expecting|extra data|traceback|internal error|invalid literal|keyerror|nonetype|__\w+__"
    r"|unexpected keyword|null byte|unterminated|invalid control|mmap|object of type|indices must|unhashable"
    r"|subscriptable|has no attribute|not iterable|missing \d+ required|4300|recursion|struct|buffer|unpack"
    r"|\bint\(\)|non-hex|hexadecimal number|'(str|int|list|dict|float|bool)'|overflow|exceeds",
    re.IGNORECASE,
)
"""What Python's own errors say."""

CONTENTS = {
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "not JSON": b"hello",
    "NULs": bytes(4096),
    "a list": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "an empty object": b"{}",
    "empty": b"",
    "deep": b"[" * 100_000,
    "a long number": b'{"a": ' + b"9" * 5000 + b"}",
    "a surrogate": b'{"a": "\\ud800", "kind": "zkllm profile"}',
}
KINDS = (*CONTENTS, "truncated", "wrong types", "large", "a folder", "missing", "a circle of links")


@dataclass(frozen=True)
class Reader:
    """A command that reads a file: one that is named, or `file` of the package or the checkpoint."""

    command: str
    file: str = "bad"
    whole: str = ""
    good: str = ""  # what the file is without the fault
    fine: tuple[str, ...] = ()  # faults that are none here


TEXTS = tuple(kind for kind in KINDS if kind not in ("not UTF-8", "a folder", "missing", "a circle of links"))
MADE_AGAIN = ("missing", "a circle of links")
READERS = [
    Reader("verify {bad} --model {package}", good="proof"),
    Reader("inspect {bad}", good="proof"),
    Reader("calldata {bad}", good="proof"),
    Reader("verify {proof} --model {bad}", good="key"),
    Reader("verifier {bad} --out {new}", good="key"),
    Reader("profile {bad}", good="profile"),
    Reader("profile {profile} --compare {bad}", good="profile"),
    *(Reader(f"srs {action} {{bad}}", good="ptau") for action in ("check", "info")),
    *(Reader(f"srs {action} {{bad}} --out {{new}}", good="ptau") for action in ("import", "contribute")),
    Reader("srs export {bad} --out {new}", good="ptau"),
    Reader("srs contribute {ptau} --out {new} --entropy {bad}", fine=(*TEXTS, "not UTF-8")),
    Reader("setup {checkpoint} --out {new} --srs {bad}", good="ptau"),
    Reader("setup {checkpoint} --out {new} --calibration {bad}", fine=TEXTS),
    Reader("accuracy {package} --text {bad}", fine=tuple(kind for kind in TEXTS if kind != "empty")),
    Reader("setup {checkpoint} --out {new}", "config.json", "checkpoint"),
    Reader("setup {checkpoint} --out {new}", "tokenizer.json", "checkpoint"),
    Reader("setup {checkpoint} --out {new}", "model.safetensors", "checkpoint"),
    Reader("setup {checkpoint} --out {package} --check", "model.safetensors", "checkpoint"),
    Reader("inspect {package}", "manifest.json", "package"),
    Reader("prove {package} --tokens 72 --out {new}", "tokenizer.json", "package"),
    Reader("prove {package} --tokens 72 --out {new}", "ranges.json", "package"),
    Reader("prove {package} --tokens 72 --out {new}", "conversation.json", "package"),
    Reader("prove {package} --tokens 72 --out {new}", "weights/w_o.bin", "package"),
    Reader("prove {package} --tokens 72 --out {new}", "keys/setup.json", "package", fine=MADE_AGAIN),
    Reader("verify {proof} --model {package}", "keys/N8-k2/vk.json", "package"),
    Reader("setup {checkpoint} --out {package} --check", "keys/setup.json", "package"),
]


@pytest.fixture(scope="module")
def named(
    package: Path, proof: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("named")
    write_development_ptau(folder / "ptau", 2)
    shutil.copy(package / "keys" / "N8-k2" / "vk.json", folder / "key")
    stage = {"name": "prove", "wall_s": 1.0, "processor_s": 1.0}
    total = {"wall_s": 1.0, "processor_s": 1.0, "peak_rss_bytes": 1}
    profile = {"kind": "zkllm profile", "model": "m", "N": 1, "k": 1, "backend": "b", "stages": [stage]}
    profile |= {"total": total, "sub_blocks": []}
    (folder / "profile").write_text(json.dumps(profile))
    return {name: folder / name for name in ("ptau", "key", "profile")} | {
        "proof": proof, "package": package, "checkpoint": checkpoint,
    }  # fmt: skip


def spoil(path: Path, good: bytes, kind: str) -> None:
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    if kind == "a folder":
        path.mkdir()
    elif kind == "a circle of links":
        path.symlink_to(path.name)
    elif kind == "large":
        path.touch()
        with path.open("r+b") as file:
            file.truncate(1 << 27)
    elif kind != "missing":
        path.write_bytes(
            CONTENTS.get(kind, good[: len(good) // 2] if kind == "truncated" else wrong_types(good))
        )


def wrong_types(good: bytes) -> bytes:
    """The same fields, each of a type that it has not."""
    try:
        data = json.loads(good)
        return json.dumps(
            {key: {"a": 1} if isinstance(value, str) else "a" for key, value in data.items()}
        ).encode()
    except (ValueError, AttributeError):
        return good[::-1]


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=lambda r: f"{r.command.split(' --tokens')[0]} {r.file}")
def test_a_bad_file_is_named_in_words_of_ours(
    run, named: dict[str, Path], reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = dict(named) | {"bad": tmp_path / "bad", "new": tmp_path / "new"}
    path = tmp_path / "bad"
    if reader.whole:
        places[reader.whole] = tmp_path / reader.whole
        shutil.copytree(named[reader.whole], places[reader.whole])
        path = places[reader.whole] / reader.file
    good = path.read_bytes() if reader.whole else named[reader.good].read_bytes() if reader.good else b""
    command = [str(word).format(**places) for word in reader.command.split()]
    for kind in KINDS:
        if kind in reader.fine:
            continue
        spoil(path, good, kind)
        outcome = run(*command)
        text = outcome.err + outcome.out
        assert outcome.code == 1 and text.count("\n") >= 1, (kind, outcome)
        line = text.splitlines()[-1]
        assert not PYTHON.search(text.replace(str(tmp_path), "")), (kind, text)
        assert path.name in line or path.parent.name in line or line.startswith("rejected: "), (kind, line)
        assert not (tmp_path / "new").is_file(), kind


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("missing", "truncated")])
def test_files_of_the_client(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    bad = tmp_path / "31337.json"
    spoil(bad, b'{"chain_id": 1, "version": 1, "deployments": []}', kind)
    if kind != "an empty object":  # a list of no networks
        monkeypatch.setenv("ZKLLM_NETWORKS", str(bad))
        outcome = run("settle", "status", "--network", "anvil", "--home", tmp_path / "home")
        outcome.failed_in_one_line("31337.json")
        assert not PYTHON.search(outcome.err.replace(str(tmp_path), "")), outcome.err
    for read in (
        Deployments(tmp_path, 31337).all,
        lambda: KeySource(keystore=bad, password_env="PW").account(1),
    ):
        monkeypatch.setenv("PW", "x")
        if bad.is_file():
            bad.chmod(0o600)
        with pytest.raises(SettlementError, match=r"31337\.json") as caught:
            read()
        assert not PYTHON.search(str(caught.value).replace(str(tmp_path), "")), caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory", "x"), "no such file or folder"),
        (PermissionError(13, "Permission denied"), "permission denied"),
        (OSError(28, "No space left on device"), "the disk is full"),
        (OSError(74, "Bad message"), "bad message"),
        (OSError("12 requested and 3 written"), "not all of it could be read or written"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "it is not UTF-8 text"),
        (json.JSONDecodeError("Expecting value", "a\nb", 2), "it is not JSON (line 2, column 1)"),
        (KeyError("chain_id"), "it lacks 'chain_id'"),
        (KeyError(7), "its content is not what it should be"),
        (ValueError("invalid literal for int() with base 10: 'x'"), "its content is not what it should be"),
        (TypeError("'int' object is not iterable"), "its content is not what it should be"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (MemoryError(), "it does not fit into memory"),
        (Malformed("it is for chain 7"), "it is for chain 7"),
        (ZkllmError("ours"), "ours"),
    ],
)  # fmt: skip
def test_the_words_for_what_goes_wrong(error: BaseException, words: str) -> None:
    assert reason(error) == words


LIBRARIES = {"RequestException", "Web3Exception", "HTTPError", "SolcError", "DecodingError",
             "JSONDecodeError", "SubprocessError", "PackageNotFoundError"}  # fmt: skip
ALLOWED = {
    ("zkllm/cli/__init__.py", "_explain"): "a fault of the program's own, to be reported as it is",
    ("zkllm/files.py", "replacing"): "raised again with the file's name, for `reason`",
    ("zkllm/files.py", "write_atomically"): "the same",
    ("zkllm/model/tokenizer.py", "_guarded"): "what the tokenizers library says of its file",
    ("zkllm/serve/node.py", "_start"): "a fault of the program's own, to be reported as it is",
    ("zkllm/settle/keystore.py", "decrypt"): "looked at, not repeated",
}


def test_no_error_is_repeated_but_ours() -> None:
    """`reason` is the one place that words an error that is not of ours."""
    root, found = Path(__file__).parents[2], set()
    for path in (*root.glob("zkllm/**/*.py"), *root.glob("verifier_gen/**/*.py")):
        name = str(path.relative_to(root))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
            for handler in (n for n in ast.walk(function) if isinstance(n, ast.ExceptHandler) and n.name):
                assert handler.type is not None
                kinds = {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)} - {"UNREADABLE"}
                foreign = not kinds or any(k in LIBRARIES or hasattr(builtins, k) for k in kinds)
                if foreign and any(repeats(node, str(handler.name)) for node in ast.walk(handler)):
                    found.add((name, function.name))
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
            for given in function.args.args:
                kind = given.annotation.id if isinstance(given.annotation, ast.Name) else ""
                if kind == "Exception" and any(repeats(node, given.arg) for node in ast.walk(function)):
                    found.add((name, function.name))
    assert found == set(ALLOWED)


def repeats(node: ast.AST, error: str) -> bool:
    """Whether the text of an error goes somewhere: "{error}", str(error), error.strerror."""
    is_error = lambda n: isinstance(n, ast.Name) and n.id == error
    if isinstance(node, ast.FormattedValue):
        return is_error(node.value)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "str" and any(map(is_error, node.args))
    return isinstance(node, ast.Attribute) and is_error(node.value) and node.attr == "strerror"
