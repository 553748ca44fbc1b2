"""How a config.json says which rotations its layers have: the spellings of old and new files, by the rules of
the library's `convert_rope_params_to_dict`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkllm.errors import Malformed
from zkllm.files import JsonObject
from zkllm.model.config_fields import Fields, shown
from zkllm.model.llama.rotary import Rotary


@dataclass(frozen=True)
class RopeNames:
    """Fields that count where the rotation's object does not say it, and what a class allows."""

    theta: str = "rope_theta"
    partial: str | None = None  # of the share of a head's features that is turned; None: all must be
    share: float = 1.0  # where nothing says it
    kinds: tuple[str, ...] = ("default", "linear", "dynamic", "llama3")
    others: tuple[str, ...] = ()  # fields that the class ignores, although they look as if they counted


class RopeFields(Fields):
    """Problems are collected, as those of all fields are."""

    def rotary(self, positions: int, head_dim: int, names: RopeNames) -> tuple[Rotary, int]:
        """And the features of a head that are turned. By the library's rules: a rope_scaling that is not
        empty stands for all of rope_parameters."""
        scaling, parameters = (self.data.get(name) for name in ("rope_scaling", "rope_parameters"))
        for name, value in (("rope_scaling", scaling), ("rope_parameters", parameters)):
            if value is not None and not isinstance(value, dict):
                self.problem(name, "it is not an object")
                return Rotary(), head_dim
        if scaling and parameters and scaling != parameters:
            self.problem("rope_scaling", "rope_parameters says something else")
        rope: JsonObject = scaling or parameters or {}
        where = "rope_scaling" if scaling else "rope_parameters"
        theta = rope.get("rope_theta", self.data.get(names.theta, 10000.0))
        turned = head_dim
        if names.partial is None:
            self._all_turned(rope, where)
        else:
            turned = self._turned(rope, where, names.partial, names.share, head_dim)
        for name, used in zip(names.others, (theta, turned / head_dim), strict=False):
            self._ignored(name, used, head_dim)
        return self.rotation(rope, where, theta, positions, turned, names.kinds), turned

    def _turned(self, rope: JsonObject, where: str, name: str, share: float, head_dim: int) -> int:
        """Of a class that may leave some features as they are."""
        own = self.data.get(name, share)
        value = rope.get("partial_rotary_factor", own)
        if name in self.data and value != own:
            self.problem(name, f"{where} says something else")
        elif type(value) not in (int, float) or not 0 < value <= 1:
            self.problem(name if name in self.data else where, "it is not a share of a head's features")
        elif (turned := int(head_dim * value)) % 2 or not turned:
            self.problem(name if name in self.data else where,
                         f"{turned} of {head_dim} features have no halves to turn")  # fmt: skip
        else:
            return turned
        return head_dim

    def _ignored(self, name: str, used: float, head_dim: int) -> None:
        """A field that would say the same as what counts, or nothing."""
        value = self.data.get(name)
        if value is None:
            return
        share = name == "partial_rotary_factor" and type(value) is float and 0 < value <= 1
        same = type(value) in (int, float) and value == used
        if not same and not (share and int(head_dim * value) == used * head_dim):
            self.problem(name, "the class does not read it, and goes by something else")

    def rotations(
        self, positions: int, types: Sequence[str], head_dim: int
    ) -> tuple[tuple[Rotary, ...], tuple[int, ...]]:
        """Of a Gemma 3: different ones in the order of the layers that have them first, and each layer's. The
        old fields are those of layers with full attention, but for rope_local_base_freq."""
        given, scaling = self.data.get("rope_parameters"), self.data.get("rope_scaling")
        given = {} if given is None else given
        known = {"full_attention", "sliding_attention"}
        if not isinstance(given, dict) or not all(isinstance(given.get(t) or {}, dict) for t in known):
            self.problem("rope_parameters", "it is not an object for each type of layer")
            return (Rotary(),), ()
        if others := sorted(set(given) - known):
            self.problem("rope_parameters", f"{shown(others[0])} is no type of layer")
        if scaling is not None and not isinstance(scaling, dict):
            self.problem("rope_scaling", "it is not an object")
            return (Rotary(),), ()
        full = {**(given.get("full_attention") or {}), **(scaling or {})}
        if scaling and given.get("full_attention") and full != given["full_attention"]:
            self.problem("rope_scaling", "rope_parameters says something else")
        local = given.get("sliding_attention") or {}
        by_type = {}
        for kind, rope, field, usual in (
            ("full_attention", full, "rope_theta", 1e6),
            ("sliding_attention", local, "rope_local_base_freq", 1e4),
        ):  # fmt: skip
            self._all_turned(rope, "rope_parameters")
            theta = rope.get("rope_theta", self.data.get(field, usual))
            by_type[kind] = self.rotation(
                rope, "rope_parameters", theta, positions, head_dim, RopeNames().kinds
            )
        own = [by_type[t] for t in types]
        tables = tuple(dict.fromkeys(own))
        return tables, tuple(map(tables.index, own)) if len(tables) > 1 else ()

    def _all_turned(self, rope: JsonObject, where: str) -> None:
        partial = rope.get("partial_rotary_factor", self.data.get("partial_rotary_factor"))
        if partial is not None and partial != 1:
            self.problem("partial_rotary_factor" if "partial_rotary_factor" in self.data else where,
                         "all of a head's features must be turned")  # fmt: skip
        if "mrope_section" in rope:
            self.problem(where, "positions of images are another model's")

    def rotation(
        self, rope: JsonObject, where: str, theta: object, positions: int, turned: int, kinds: Sequence[str]
    ) -> Rotary:
        """`positions` that the model was trained on, `turned` features; `kinds` that the class allows."""
        kind = rope.get("rope_type", rope.get("type", "default"))
        kind = "longrope" if kind in ("su", "yarn") and "longrope" in kinds else kind

        def number(name: str) -> float:
            value = rope.get(name)
            if isinstance(value, int | float) and type(value) is not bool:
                return float(value)
            self.problem(where, f"{kind} needs {name}, a number")
            return 1.0

        if isinstance(theta, bool) or not isinstance(theta, int | float):
            self.problem("rope_theta", "it is not a number")
            return Rotary()
        if kind not in kinds:
            known = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
            self.problem(where, f"rope_type {shown(kind)} is not {known}")
            return Rotary()
        if kind in ("default", "dynamic"):  # the same up to the positions that were trained
            rotary = Rotary("default", float(theta))
        elif kind == "linear":
            rotary = Rotary("linear", float(theta), number("factor"))
        elif kind == "longrope":
            rotary = self._longrope(rope, where, float(theta), positions, turned)
        else:
            own = self.data.get("original_max_position_embeddings")
            original = own if own is not None else rope.get("original_max_position_embeddings", positions)
            factor, low, high = (number(f"{name}factor") for name in ("", "low_freq_", "high_freq_"))
            if type(original) not in (int, float):
                self.problem("original_max_position_embeddings", "it is not a number")
                return Rotary()
            rotary = Rotary("llama3", float(theta), factor, low, high, float(original))
        try:
            rotary.check()
        except Malformed as error:
            self.problem(where, str(error))
            return Rotary()
        return rotary

    def original(self) -> int:
        """Positions that a Phi 3 was trained on before they were made more."""
        return self.whole("original_max_position_embeddings", 4096, 1 << 30)

    def _longrope(self, rope: JsonObject, where: str, theta: float, positions: int, turned: int) -> Rotary:
        """Of passes that are not longer than the original positions: by the short factors."""
        factors, original = rope.get("short_factor"), self.original()
        real = lambda value: type(value) in (int, float)
        if not isinstance(factors, list) or len(factors) != turned // 2 or not all(map(real, factors)):
            self.problem(where, f"longrope needs short_factor, {turned // 2} numbers")
            return Rotary()
        factor, attention = rope.get("factor"), rope.get("attention_factor")
        factor = positions / original if factor is None else factor
        if not real(factor) or not (attention is None or real(attention)):
            self.problem(where, "factor or attention_factor is not a number")
            return Rotary()
        if attention == 0:  # the class turns by it as it is; to `Rotary` 0 says that none is given
            self.problem(where, "attention_factor is not a number above 0")
            return Rotary()
        given = tuple(float(f) for f in factors)
        return Rotary("longrope", theta, float(factor), original=float(original), factors=given,
                      attention=0.0 if attention is None else float(attention))  # fmt: skip
