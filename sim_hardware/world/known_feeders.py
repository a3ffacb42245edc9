"""Networks that everybody knows, out of pandapower: IEEE European LV, CIGRE LV, CIGRE MV (extra `sim`).

Source: pandapower.networks; the IEEE feeder as its "on_peak_566" states the loads, each on the one phase it has there;
        CIGRE Task Force C6.04.02 (2014) for the other two. Importing pandapower takes seconds.
Choice: the streets of CIGRE MV hang on buses with households (loads "R"), in the order of ZONE_BUSES.
"""

import warnings
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np

from sim_hardware.physics.pandapower_feeder import from_pandapower
from sim_hardware.world.feeder_base import FeederBase, Place
from sim_hardware.world.feeder_part import FeederPart
from sim_hardware.world.street import street

Module: TypeAlias = Any
# Middle, far end of the other feeder, and so on: zones that do not all sag together.
ZONE_BUSES: Final = ("Bus 5", "Bus 14", "Bus 10", "Bus 8", "Bus 3", "Bus 11", "Bus 6", "Bus 4")


def european_lv() -> FeederBase:
    """55 customers on their buses and phases."""
    given = from_pandapower(_networks().ieee_european_lv_asymmetric())
    phases = np.abs(given.power_w).argmax(axis=1)
    places = tuple(Place(site.bus, int(phase)) for site, phase in zip(given.feeder.sites, phases, strict=True))
    return FeederBase(given.feeder, places, given.power_w, given.reactive_var)


def cigre_lv() -> FeederBase:
    """Three subnetworks, households, industry and trade: a place on each bus with a load."""
    given = from_pandapower(_networks().create_cigre_network_lv())
    places = tuple(Place(site.bus) for site in given.feeder.sites)
    return FeederBase(given.feeder, places, given.power_w, given.reactive_var)


def cigre_mv(part: FeederPart, homes: int) -> FeederBase:
    """The medium-voltage network with `zones` streets of equal size, the near houses of each first."""
    given = from_pandapower(_networks().create_cigre_network_mv())
    houses = part.houses or -(-homes // part.zones)
    zones = [
        street(houses, part.length_m, part.service_m, part.transformer_va, high_bus=bus, prefix=f"zone-{number}.")
        for number, bus in enumerate(ZONE_BUSES[: part.zones], 1)
    ]
    feeder = replace(
        given.feeder,
        buses=given.feeder.buses + tuple(bus for zone in zones for bus in zone.buses),
        lines=given.feeder.lines + tuple(line for zone in zones for line in zone.lines),
        transformers=given.feeder.transformers + tuple(zone.transformer for zone in zones),
    )
    places = tuple(Place(house) for zone in zones for house in zone.houses)
    return FeederBase(feeder, places, given.power_w, given.reactive_var)


def _networks() -> Module:
    """pandapower.networks; what pandas and pandapower deprecate is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pandapower.networks  # noqa: PLC0415 -- an extra, and slow
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "pandapower":
                raise
            raise ModuleNotFoundError(
                "this feeder needs pandapower, which is in the extra `sim`: python -m pip install --editable '.[sim]'",
                name=error.name,
            ) from error
    return pandapower.networks
