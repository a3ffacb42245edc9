"""Durations as people write them: `500ms`, `30s`, `5m`, `24h`."""

import re
from typing import Final

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_s(text: str) -> float:
    """Seconds; ValueError names what it was and what is allowed."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"duration {text!r}: a number above 0 with ms, s, m or h is allowed, such as 30s")
    return float(match[1]) * _UNITS_S[match[2]]
