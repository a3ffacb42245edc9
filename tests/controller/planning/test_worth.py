"""Broken bounds cost more than whatever keeping them could."""

from dataclasses import replace

import numpy as np
import pytest

from controller.planning.heat import Steps
from controller.planning.site import Commitment, Site
from controller.planning.worth import broken
from tests.controller.planning.sites import BATTERY, bare


@pytest.mark.parametrize(
    ("changes", "dearest"),
    [
        ({}, 0.3),
        ({"export_per_kwh": np.array([-0.7, 0.0])}, 0.7),
        ({"commitments": (Commitment("c", 0, 1, 0.0, 10.0),)}, 10.0),
        ({"batteries": (replace(BATTERY, wear_per_kwh=0.5),)}, 0.5),
        ({"profit_per_kwh": 0.9}, 0.9),
        ({"import_per_kwh": np.zeros(2), "export_per_kwh": np.zeros(2)}, 0.1),
    ],
)
def test_a_broken_bound_is_dearer_than_all_that_is_paid(changes: dict[str, object], dearest: float) -> None:
    site: Site = replace(bare(2), **changes)  # type: ignore[arg-type]
    nothing = np.zeros(0)
    heavy = Steps(nothing, nothing, nothing, nothing, np.array([1.0, 4.0]))
    price = broken(site, [heavy])
    assert price.owner_per_kwh == pytest.approx(20.0 * dearest)
    assert price.per_kh(heavy) == pytest.approx(5.0 * price.owner_per_kwh)
    # A kWh at the connection point is dearer than a kelvin of the heaviest store.
    assert price.grid_per_kwh == pytest.approx(20.0 * price.per_kh(heavy))
