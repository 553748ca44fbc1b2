"""Profiles of proofs, and parts of a block that are timed alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_a_profile_of_a_proof(run, package, tmp_path):
    out, flame, proof = (tmp_path / name for name in ("profile.json", "flame.json", "a.zkllm"))
    run("prove", package, "--tokens", "72,101", "--out", proof, "--profile", out)
    shown = run("profile", out, "--speedscope", flame, "--compare", out)
    assert all(word in shown.out for word in ("lookups", "opening W'", "+0.000", "attention"))
    assert json.loads(flame.read_text())["exporter"] == "zkllm"
    run("profile", proof).failed_in_one_line("cannot read the profile")


def test_a_sub_block(run, tmp_path):
    exported = tmp_path / "tensors.npz"
    sizes = ("--width", 16, "--inner", 24, "--rows", 1)
    data = run("bench", "sub-block", "--block", "fc1-gelu", *sizes, "--export", exported, "--json").json
    (result,) = data["results"]
    assert result["parameters"] == 16 * 24 + 24 and result["max_error"] < 2e-3
    assert set(np.load(exported)) == {"y", "weight", "bias", "g"}
