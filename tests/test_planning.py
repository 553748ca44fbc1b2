"""`zkllm setup --plan`: sizes, gas and predictions, from a checkpoint's shape or a package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_memory import XL
from zkllm.families import describe
from zkllm.measure import planning
from zkllm.measure.limits import point_muls
from zkllm.measure.planning import Choice, choice, plan
from zkllm.measure.profiling import sizes_of, stage_counts
from zkllm.memory import estimate
from zkllm.model.architecture import load_architecture
from zkllm.model.build import sized
from zkllm.model.family import family_of

RATES = {"field_mul": 4.0, "weight_mul": 0.3, "int_mac": 0.02, "bucket_add": 35.0, "bytes": 0.05}
RATES["point_mul"] = 12_000.0
DEMO = Path(__file__).resolve().parents[1] / "models" / "demo-gpt2"


def xl(mu: int, rows: int = 16, witness_mu: int | None = None) -> Choice:
    return choice(sized(XL, rows, mu, witness_mu), rows, 16, RATES)


def test_gas_is_what_was_measured() -> None:
    """docs/gas.md: a settlement of GPT-2 XL with 12 columns, and what another column takes."""
    for made in (xl(25), xl(24)):
        assert made.gas == 403_576 + 6_450 * (made.fixed_columns + made.witness_columns - 12)
    assert (xl(25).fixed_columns, xl(24).fixed_columns) == (10, 20)


def test_a_table_has_a_point_for_each_row_but_one() -> None:
    made = xl(24)
    assert made.table_bytes == 64 * made.fixed_columns * (made.rows - 1)


def test_a_table_saves_what_the_fixed_columns_take() -> None:
    """Only the witness columns' part is left of the quotient: the less, the shorter they are."""
    full, part = xl(25), xl(25, witness_mu=22)
    assert full.witness_columns < part.witness_columns and full.gas < part.gas
    assert full.prove_s - full.tabled_prove_s < part.prove_s - part.tabled_prove_s
    assert part.tabled_prove_s < 0.8 * part.prove_s
    assert part.pays_after is not None and part.pays_after > 1
    assert (part.pays_after - 1) * (part.prove_s - part.tabled_prove_s) < part.transform_s + part.table_s
    assert part.tabled_memory_bytes <= part.memory_bytes


def test_counts_with_a_table_change_the_opening_alone() -> None:
    protocol = describe(XL, 16, 1)
    plain, tabled = (stage_counts(sizes_of(protocol, 1 << 16), t) for t in (False, True))
    changed = [name for name in plain if plain[name] != tabled[name]]
    assert list(plain) == list(tabled) and changed == ["combine columns", "fold h", "open q, g"]
    assert estimate(protocol, tabled=True).resident <= estimate(protocol).resident


def test_products_of_a_transform_of_points() -> None:
    """Two transforms of 4 rows (one product each that is not by 1), and 3 factors between them."""
    assert point_muls(4, 2) == 2 * 1 + 3 and point_muls(80, 2) == 20 * point_muls(4, 2)
    assert point_muls(2, 1) == 1


def test_a_plan_of_a_checkpoint_says_what_it_is_from() -> None:
    made = plan(DEMO, nanoseconds=RATES)
    assert "usual widths" in made.source and made.tokens == 16 and made.nanoseconds == RATES
    mus = [c.mu for c in made.choices]
    assert sorted(set(mus)) == list(range(mus[0], mus[-1] + 1)) and len(set(mus)) <= planning.CHOICES
    assert mus == sorted(mus) and all(c.witness_mu < c.mu for c in made.choices)
    largest = next(c for c in made.choices if c.mu == mus[-1])
    assert largest.fixed_columns == largest.witness_columns == 1
    columns = [c.fixed_columns for c in made.choices]
    assert columns == sorted(columns, reverse=True) and json.dumps(made.to_dict())


def test_the_nominal_packing_is_that_of_the_large_model() -> None:
    architecture = load_architecture(DEMO / "config.json")
    config = family_of(architecture).nominal(architecture)
    assert (config.n_layer, config.width, config.vocab_size) == (3, 48, 478)
    assert config.vocab_slots == 4 and config.slot_bits >= 50


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "gpt_neox"])
def test_a_plan_needs_no_weights(kind: str, tmp_path: Path) -> None:
    shape = {"num_hidden_layers": 6, "hidden_size": 40, "intermediate_size": 24, "num_attention_heads": 4,
             "num_key_value_heads": 2, "head_dim": 20, "vocab_size": 301, "dtype": "bfloat16"}  # fmt: skip
    shape |= {"partial_rotary_factor": 0.6} if kind == "phi3" else {}
    shape |= {"hidden_size": 160, "head_dim": 40} if kind == "gpt_neox" else {}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": kind, **shape}))
    architecture = load_architecture(path)
    config = family_of(architecture).nominal(architecture)
    assert family_of(config).failed_config_predicates(config) == []
    assert family_of(config) is family_of(architecture) and describe(config, 4, 1).relations


@pytest.mark.slow
def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from zkllm.cli import main

    monkeypatch.setattr(planning, "limits", lambda _: {k: v for k, v in RATES.items() if k != "point_mul"})
    monkeypatch.setattr(planning, "point_mul", lambda: RATES["point_mul"])
    assert main(["setup", str(DEMO), "--plan"]) == 0
    text = capsys.readouterr().out
    assert "predicted" in text and "pays after" in text and "1 + 1" in text
    assert main(["setup", str(DEMO), "--plan", "--json"]) == 0
    assert [c["mu"] for c in json.loads(capsys.readouterr().out)["choices"]]
    for surplus in (["--out", "x"], ["--mu", "20"], ["--check"]):
        with pytest.raises(SystemExit):
            main(["setup", str(DEMO), "--plan", *surplus])
        assert "--plan takes no --" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["setup", str(DEMO)])
    assert "required: --out" in capsys.readouterr().err
