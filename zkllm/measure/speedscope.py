"""A profile as speedscope reads it: nested stages as a flame to zoom into."""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.files import JsonObject

CLOCKS = {"wall_s": "wall clock", "processor_s": "processor time"}


def speedscope(title: str, stages: Sequence[JsonObject]) -> JsonObject:
    """Nested stages {name, <clock>, stages} by each of `CLOCKS`. A stage's parts stand in the order in which
    they began, without gaps; a part that came back is one."""
    names: dict[str, int] = {}
    profiles = [_profile(label, stages, key, names) for key, label in CLOCKS.items()]
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": title,
        "exporter": "zkllm",
        "shared": {"frames": [{"name": name} for name in names]},
        "profiles": profiles,
    }


def _profile(label: str, stages: Sequence[JsonObject], key: str, names: dict[str, int]) -> JsonObject:
    events: list[JsonObject] = []

    def add(level: Sequence[JsonObject], at: float) -> float:
        """Adds stages from a time on; when the last of them ended."""
        for stage in level:
            frame = names.setdefault(stage["name"], len(names))
            events.append({"type": "O", "frame": frame, "at": at})
            at = max(add(stage.get("stages", ()), at), at + stage[key])
            events.append({"type": "C", "frame": frame, "at": at})
        return at

    end = add(stages, 0.0)
    return {
        "type": "evented",
        "name": label,
        "unit": "seconds",
        "startValue": 0.0,
        "endValue": end,
        "events": events,
    }
