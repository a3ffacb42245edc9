"""What the composition root decides about a model."""

import pytest

from drivers.catalogue import MODELS
from firmware_py.compose import frozen_after_s


@pytest.mark.parametrize("model", ["p1", "sml", "dlms-push", "iec62056-21", "iec62056-21-push"])
def test_a_quiet_house_behind_a_meter_of_whole_watts_is_not_called_frozen(model: str) -> None:
    """DSMR 4 tells no voltage, and its power every 10 s: some minutes alike are ordinary, hours are not."""
    allowed_s = frozen_after_s(model)
    assert allowed_s is not None
    assert 120.0 <= allowed_s <= 900.0


def test_a_register_meter_is_called_frozen_soon_and_what_sleeps_at_night_never() -> None:
    assert frozen_after_s("sdm630") == 20.0
    assert {frozen_after_s(model) for model in MODELS if model.startswith("sunspec")} == {None}
