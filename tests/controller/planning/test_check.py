"""Every wrong input is named with its value and what is allowed; a good site has nothing said of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from bench.homes import home
from controller.planning.check import check
from controller.planning.site import Commitment, Site, Trip
from tests.controller.planning.sites import dishwasher, full

GOOD = home(1)
N = GOOD.horizon.steps
CAR, BATTERY, HOUSE = GOOD.cars[0], GOOD.batteries[0], GOOD.houses[0]
PUMP = HOUSE.heaters[0]


def comfort(**changes: object) -> Site:
    return replace(GOOD, houses=(replace(HOUSE, comfort=replace(HOUSE.comfort, **changes)),))  # type: ignore[arg-type]


def trips(*ones: Trip) -> Site:
    return replace(GOOD, cars=(replace(CAR, trips=ones),))


WRONG: list[tuple[Site, str]] = [
    (replace(GOOD, import_per_kwh=full(N, 2e5)), "import_per_kwh: 200000.0 in step 0 (wrong in 96), allowed is -100000.0 to 100000.0"),
    (replace(GOOD, import_per_kwh=full(N, np.nan)), "import_per_kwh: nan in step 0"),
    (replace(GOOD, export_per_kwh=full(3, 0.1)), "export_per_kwh: 3 values, allowed is one for each of the 96 steps"),
    (replace(GOOD, load_w=np.where(np.arange(N) == 5, np.inf, 0.0)), "load_w: inf in step 5"),
    (replace(GOOD, pv_w=full(N, -1.0)), "pv_w: -1.0 in step 0"),
    (replace(GOOD, outdoor_c=full(N, 999.0)), "outdoor_c: 999.0"),
    (replace(GOOD, import_max_w=full(N, -5.0)), "import_max_w: -5.0"),
    (replace(GOOD, horizon=replace(GOOD.horizon, steps=0)), "horizon: 0 steps"),
    (replace(GOOD, horizon=replace(GOOD.horizon, start=datetime(2026, 1, 1))), "without a zone"),  # noqa: DTZ001
    (replace(GOOD, batteries=(BATTERY, BATTERY)), "name battery: given 2 times"),
    (replace(GOOD, batteries=(replace(BATTERY, least_wh=11_000.0),)), "battery least_wh: 11000.0, allowed is 0.0 to 10000.0"),
    (replace(GOOD, batteries=(replace(BATTERY, charge_efficiency=0.0),)), "battery charge_efficiency: 0.0"),
    (replace(GOOD, batteries=(replace(BATTERY, stored_wh=np.nan),)), "battery stored_wh: nan"),
    (trips(Trip(4, 9, 60_000.0, 0.0)), "needs_wh: 60000.0, allowed is 0.0 to 50000.0"),
    (trips(Trip(4, 4, 0.0, 0.0)), "car trip from step 4 to 4: allowed is to return in a later step"),
    (trips(Trip(4, 9, 0.0, 0.0), Trip(8, 12, 0.0, 0.0)), "car trip from step 8 to 12: allowed is to leave from step 9 on"),
    (replace(GOOD, cars=(replace(CAR, charge_least_w=12_000.0),)), "car charge_least_w: 12000.0, allowed is 0.0 to 11000.0"),
    (comfort(least_c=full(N, 24.0)), "living least_c: 24.0 in step 0, allowed is living most_c (23.0) at most"),
    (comfort(liked_c=full(N, 25.0)), "living liked_c: 25.0 in step 0, allowed is living most_c (23.0) at most"),
    (comfort(liked_c=full(N, 10.0)), "allowed is living liked_c (10.0) at most"),
    (comfort(most_c=full(N, np.nan)), "living most_c: nan"),
    (replace(GOOD, houses=(replace(HOUSE, air_c=np.nan),)), "living air_c: nan"),
    (replace(GOOD, houses=(replace(HOUSE, heaters=(replace(PUMP, least_w=9_000.0),)),)), "heat_pump least_w: 9000.0"),
    (replace(GOOD, houses=(replace(HOUSE, model=replace(HOUSE.model, air_j_per_k=0.0)),)), "living air_j_per_k: 0.0"),
    (replace(GOOD, tanks=(replace(GOOD.tanks[0], water_c=np.inf),)), "boiler water_c: inf"),
    (replace(GOOD, appliances=(dishwasher(4, 8),)), "dishwasher run_s: 7200.0, allowed is 0.0 to 3600.0"),
    (replace(GOOD, appliances=(dishwasher(8, 4),)), "dishwasher window: step 8 to 4"),
    (replace(GOOD, commitments=(Commitment("c", 5, 5, 0.0, 0.0),)), "contract c: step 5 to 5"),
    (replace(GOOD, commitments=(Commitment("c", 5, 6, np.nan, 0.0),)), "contract c energy_wh: nan"),
]  # fmt: skip


@pytest.mark.parametrize(("site", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_named(site: Site, said: str) -> None:
    assert any(said in each for each in check(site)), check(site)


@pytest.mark.parametrize("make", [lambda: home(0), lambda: home(7, 48), lambda: home(9, 24, 300.0)])
def test_a_good_site_is_good(make: Callable[[], Site]) -> None:
    assert check(make()) == []
