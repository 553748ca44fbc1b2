"""Salts of sealed prompts: made once, for their owner alone, and read as they were written or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from zkllm import secret_scalars
from zkllm.errors import StatementError
from zkllm.field import R
from zkllm.salt_files import make_salt, read_salt
from zkllm.sealed import question_id, seal
from zkllm.statement import SealedStatement, Statement

MODEL = bytes(range(32))


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_fresh_salt_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "salt"
    salt = make_salt(path)
    assert read_salt(path) == salt and path.read_text() == f"0x{salt:064x}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(StatementError, match="is there already"):
        make_salt(path)
    assert read_salt(path) == salt
    assert make_salt(tmp_path / "other") != salt
    with pytest.raises(StatementError, match="cannot write the salt file"):
        make_salt(tmp_path / "no folder" / "salt")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_what_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "salt", f"0x{7:064x}\n", mode)
    with pytest.raises(StatementError, match="others can read the salt file .*: run chmod 600"):
        read_salt(path)


@pytest.mark.parametrize(
    "text",
    ["", "7", f"{7:064x}", f"0x{7:063x}", f"0x{7:065x}", f"0x{R:064x}", f"0x{R + 7:064x}",
     f"0x{7:064x}\n0x07", f"0x{0xA:064X}", "pass phrase"],
)  # fmt: skip
def test_what_is_no_salt_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "salt", text)
    with pytest.raises(StatementError) as error:
        read_salt(path)
    assert str(error.value) == (
        f"the salt file {path} does not hold 0x and 64 hexadecimal digits of a number below r"
    )


def test_the_last_salt(tmp_path: Path) -> None:
    assert read_salt(written(tmp_path / "salt", f"0x{R - 1:064x}")) == R - 1


def test_a_salt_that_is_not_on_disk_seals_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(secret_scalars, "write_private", full)
    with pytest.raises(OSError, match="No space left"):
        make_salt(tmp_path / "salt")


def test_questions_have_the_ids_of_their_statements() -> None:
    clear = Statement(MODEL, 2, (5, 6, 7, 8))
    assert question_id(MODEL, 2, (5, 6), None) == clear.claim_id()
    hidden = SealedStatement(MODEL, 2, seal(9, (5, 6)), (7, 8))
    assert question_id(MODEL, 2, (5, 6), 9) == hidden.claim_id() != clear.claim_id()
    ids = {
        question_id(MODEL, 2, (5, 6), 10),
        question_id(MODEL, 1, (5, 6), 9),
        question_id(bytes(32), 2, (5, 6), 9),
        question_id(MODEL, 2, (6, 5), 9),
        hidden.claim_id(),
    }
    assert len(ids) == 5
