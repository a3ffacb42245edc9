"""The planner against closed forms: what two prices earn, and what a house at rest needs."""

from dataclasses import replace

import numpy as np
import pytest

from controller.planning.plan import Made
from controller.planning.planner import Planner
from controller.planning.site import Battery
from tests.controller.planning.sites import bare, full


def test_two_prices_earn_what_their_difference_is_worth() -> None:
    site = replace(
        bare(4, load_w=2_000.0),
        import_per_kwh=np.array([0.1, 0.1, 0.5, 0.5]),
        batteries=(Battery("battery", 0.0, 0.0, 3_000.0, 2_000.0, 2_000.0, 0.9, 0.9, 0.02),),
    )
    made = Planner().plan(site, 1.0, 0.0)
    # 3 kWh are put in (3 / 0.9 at 0.10) and come out (3 * 0.9 at 0.50 saved, 0.02 worn); at the end a kWh refilled at 0.10 is worth
    # 0.1 / 0.9: less than it saves, so nothing stays.
    plain = 2.0 * (0.1 + 0.1 + 0.5 + 0.5)
    assert made.cost.total == pytest.approx(plain + 3 / 0.9 * 0.1 - 2.7 * 0.5 + 2.7 * 0.02)
    assert made.stored_wh["battery"][-1] == pytest.approx(0.0)
    assert made.made is Made.OPTIMAL
    np.testing.assert_allclose(made.value_per_kwh, [0.1, 0.1, 0.5, 0.5])
    assert full(1, 2.7)[0] == pytest.approx(-made.power_w["battery"][made.power_w["battery"] < 0].sum() / 1000.0)
