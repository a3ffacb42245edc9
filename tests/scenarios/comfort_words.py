"""The words of films about comfort: probes, weather, taps and the car's cable; and what was truly warm, and truly paid."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sim_hardware.devices.go_e import EMPTY
from sim_hardware.devices.sg_ready import SgState
from sim_hardware.household import OUTSIDE, ROOM, TANK, Household
from tests.scenarios.stage import Stage, Step

CHANNELS = {"room": ROOM, "tank": TANK, "outside": OUTSIDE}
WH_PER_KWH = 1000.0
Prices = Callable[[datetime], tuple[float, float]]


def household(stage: Stage) -> Household:
    """The house and its machines."""
    assert stage.home.household is not None, "this film has a home without comfort"
    return stage.home.household


def true_c(stage: Stage, where: str) -> float:
    """How warm it truly is in the "room", the "tank" or "outside"."""
    its = household(stage)
    return {"room": its.room_c, "outside": its.outdoors.temperature_c}[where] if where != "tank" else its.tank_c


# What happens


def probe_is_cut(where: str) -> Step:
    """The probe of the room, the tank or outside says nothing from now on."""
    return lambda stage: household(stage).thermometers.dead.add(CHANNELS[where])


def probe_is_mended(where: str) -> Step:
    return lambda stage: household(stage).thermometers.dead.discard(CHANNELS[where])


def outside_is(celsius: float | None) -> Step:
    """It stays so cold or warm outside (None: as the climate has it)."""
    return lambda stage: setattr(household(stage).outdoors, "hold_c", celsius)


def draws(litres_per_s: float | None) -> Step:
    """Hot water flows (None: as people do)."""
    return lambda stage: setattr(household(stage).taps, "hold_l_per_s", litres_per_s)


def room_stands_at(celsius: float) -> Step:
    """Air and walls are so warm, now."""

    def step(stage: Stage) -> None:
        house = household(stage).house
        house.air_c = house.mass_c = celsius

    return step


def tank_stands_at(celsius: float) -> Step:
    """All of its water is so warm, now."""

    def step(stage: Stage) -> None:
        tank = household(stage).water_heater
        assert tank is not None
        tank.upper_c = tank.lower_c = celsius

    return step


def car_is_unplugged(stage: Stage) -> None:
    """Somebody pulls the cable, whatever the car's habit."""
    assert stage.home.charger is not None
    stage.home.charger.car.is_unplugged = True


def car_is_plugged(stage: Stage) -> None:
    """The cable is in again, while the car is there."""
    assert stage.home.charger is not None
    stage.home.charger.car.is_unplugged = False


def car_holds(percent: float) -> Step:
    """The state of charge of the car, now."""

    def step(stage: Stage) -> None:
        assert stage.home.charger is not None
        car = stage.home.charger.car
        car.stored_wh = percent / 100.0 * car.params.capacity_wh

    return step


# What is seen


def is_warm(where: str, least_c: float, most_c: float) -> Step:
    """The room, the tank or outside is truly so warm, now."""

    def step(stage: Stage) -> None:
        found_c = true_c(stage, where)
        assert least_c <= found_c <= most_c, f"{where}: {found_c:.2f} degC, expected {least_c:g} to {most_c:g}"

    return step


def draws_power(name: str, least_w: float, most_w: float) -> Step:
    """A terminal of the home ("heat_pump", "air_conditioner", "water_heater", "pool_pump", "charger") takes this, now."""

    def step(stage: Stage) -> None:
        found_w = stage.home.terminals[name].total_w
        assert least_w <= found_w <= most_w, f"{name} takes {found_w:.0f} W, expected {least_w:g} to {most_w:g}"

    return step


def contact_is(contact: int, *, closed: bool) -> Step:
    """A contact of the board stands so."""

    def step(stage: Stage) -> None:
        relays = household(stage).board.relays
        assert relays[contact] is closed, f"relays: {relays}"

    return step


def pump_is_in(state: SgState) -> Step:
    """The heat pump follows this state."""

    def step(stage: Stage) -> None:
        assert stage.home.sg_ready.state is state, f"the pump is {stage.home.sg_ready.state}"

    return step


def socket_is_empty(stage: Stage) -> None:
    """No car stands at the charging point."""
    assert stage.home.charger is not None
    assert stage.home.charger.state == EMPTY, f"the charging point says {stage.home.charger.state}"


def energy_wh(stage: Stage, name: str) -> float:
    """What went into a terminal since the beginning, less what came out of it."""
    terminal = stage.home.terminals[name]
    return sum(terminal.import_wh) - sum(terminal.export_wh)


@dataclass
class Watch:
    """How warm it truly was and what truly flowed at the connection point, from when `watched` was called.

    Each sample holds until the next: `every_s` is how finely bounds and prices are looked at.
    """

    every_s: float = 60.0
    at: list[datetime] = field(default_factory=list)
    true_c: dict[str, list[float]] = field(default_factory=dict)
    net_wh: list[float] = field(default_factory=list)

    def watched(self, stage: Stage) -> None:
        """A step of a film: sample until it ends."""
        stage.beside(self._sample(stage), "watch")

    async def _sample(self, stage: Stage) -> None:
        its = stage.home.household
        places = [] if its is None else [each for each in CHANNELS if each != "tank" or its.water_heater is not None]
        self.true_c = {place: [] for place in places}
        before_wh = energy_wh(stage, "grid")
        while True:
            self.at.append(stage.setup.clock + timedelta(seconds=asyncio.get_running_loop().time()))
            for place in places:
                self.true_c[place].append(true_c(stage, place))
            await asyncio.sleep(self.every_s)
            now_wh = energy_wh(stage, "grid")
            self.net_wh.append(now_wh - before_wh)
            before_wh = now_wh

    def degree_hours(
        self, where: str, least_c: float, most_c: float, when: Callable[[datetime], bool] = lambda _: True
    ) -> float:
        """Kelvin outside the bounds times hours, where `when` says that they hold."""
        outside_k = (
            max(0.0, least_c - found_c, found_c - most_c)
            for at, found_c in zip(self.at, self.true_c[where], strict=True)
            if when(at)
        )
        return sum(outside_k) * self.every_s / 3600.0

    def cost(self, prices: Prices) -> float:
        """What was paid by the true meter, `prices` of a moment being (import, export) for each kWh; less is earned."""
        total = 0.0
        for at, net_wh in zip(self.at, self.net_wh, strict=False):  # the last sample has not flowed yet
            bought, sold = prices(at)
            total += net_wh / WH_PER_KWH * (bought if net_wh > 0.0 else sold)
        return total


def banded(tariff: dict[str, object]) -> Prices:
    """The prices of a `[tariff]` of fixed bands as full_home.py has it, its times being UTC."""

    def prices(at: datetime) -> tuple[float, float]:
        clock = f"{at:%H:%M}"
        bands = tariff.get("band", [])
        assert isinstance(bands, list)
        band: dict[str, object] = next((each for each in bands if _holds(each["from"], each["to"], clock)), {})
        bought, sold = (band.get(key, tariff[key]) for key in ("import_per_kwh", "export_per_kwh"))
        assert isinstance(bought, float)
        assert isinstance(sold, float)
        return bought, sold

    return prices


def _holds(begin: str, end: str, clock: str) -> bool:
    return begin <= clock < end if begin < end else clock >= begin or clock < end
