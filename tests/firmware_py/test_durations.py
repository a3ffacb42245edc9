"""Durations as people write them."""

import pytest

from firmware_py.durations import duration_s


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("500ms", 0.5), ("5m", 300.0), ("24h", 86400.0), ("1.5 h", 5400.0)]
)
def test_what_is_understood(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "0s", "-1s", "1d", "s", "1e3s", "nan s", "1s2s"])
def test_what_is_not(text: str) -> None:
    with pytest.raises(ValueError, match="is allowed, such as 30s"):
        duration_s(text)
