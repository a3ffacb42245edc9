"""Cars and probes of one home's row, as the registers of its charging point and its thermometers want to see them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim_hardware.devices.go_e import GoECharger
from sim_hardware.devices.r4dcb08 import R4dcb08
from sim_hardware.household import OUTSIDE, ROOM, TANK
from sim_hardware.physics.terminal import Phases, Terminal
from sim_hardware.world.block import Block, Cars
from sim_hardware.world.views import Fresh, Meters


@dataclass(slots=True)
class _StillCar:
    is_home: bool
    power_w: float
    soc: float
    phase_w: Phases
    limit_a: float | None

    def after(self, dt_s: float, voltage_v: float) -> None:
        """It stands still."""


class CarRow:
    """One car of many, as its charging point sees it; the block charges it."""

    def __init__(self, cars: Cars, row: int) -> None:
        self._cars, self._row = cars, row
        self._limit_a: float | None = None

    @property
    def limit_a(self) -> float | None:
        """The wallbox's offer per phase."""
        return self._limit_a

    @limit_a.setter
    def limit_a(self, value: float | None) -> None:
        self._limit_a = value
        evs = self._cars.evs
        if evs.limit_a is None:
            evs.limit_a = np.full(len(evs.power_w), np.inf)
        assert isinstance(evs.limit_a, np.ndarray), "an offer for each home"
        evs.limit_a[self._row] = np.inf if value is None else value

    @property
    def is_home(self) -> bool:
        """Whether it is plugged in."""
        return bool(self._cars.evs.is_home[self._row])

    @property
    def power_w(self) -> float:
        """What it takes now."""
        return float(self._cars.evs.power_w[self._row])

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        evs = self._cars.evs
        return float(evs.stored_wh[self._row]) / evs.params.capacity_wh

    @property
    def phase_w(self) -> Phases:
        """The power by phase, L1 being the first that the car is on."""
        share = self.power_w / self._cars.evs.params.phases
        one, two, three = (share if phase < self._cars.evs.params.phases else 0.0 for phase in range(3))
        return one, two, three

    def after(self, dt_s: float, voltage_v: float) -> None:
        """Nothing: see above."""

    def __deepcopy__(self, memo: dict[int, object]) -> _StillCar:
        return _StillCar(self.is_home, self.power_w, self.soc, self.phase_w, self._limit_a)


class Wallbox:
    """A home's charging point: `image` for its face, `after` for its own lag."""

    def __init__(self, block: Block, row: int, home: int, meters: Meters, serial: str) -> None:
        assert block.cars is not None
        self._cars, self._row, self._home, self._meters = block.cars, row, home, meters
        self._terminal = Terminal()
        most_a = int(block.cars.evs.params.most_a)
        self._charger = GoECharger(self._terminal, CarRow(block.cars, row), most_a=most_a, serial=serial)
        self.image = Fresh(self._charger, self._show)

    def after(self, dt_s: float) -> None:
        """Let the offer follow the registers."""
        self._charger.follow(dt_s)

    def _show(self) -> None:
        terminal, phases = self._terminal, self._cars.evs.params.phases
        terminal.voltage_v, terminal.frequency_hz = self._meters.phases_v(self._home), self._meters.frequency_hz
        terminal.power_w = self._charger.car.phase_w
        share_wh = float(self._cars.charged_wh[self._row]) / phases
        terminal.import_wh = [share_wh if phase < phases else 0.0 for phase in range(3)]


def thermometers(block: Block, row: int, outdoor_c: Callable[[], float]) -> Fresh:
    """The probes of a home: its room and its tank, where it has them, and outside."""
    board = R4dcb08()

    def feel() -> None:
        felt_c = board.temperatures_c
        felt_c[OUTSIDE] = outdoor_c()
        felt_c[ROOM] = None if block.heating is None else float(block.heating.houses.air_c[row])
        if block.tanks is not None:
            tanks = block.tanks.heaters
            felt_c[TANK] = 0.5 * float(tanks.upper_c[row] + tanks.lower_c[row])

    return Fresh(board, feel)
