"""One home's row of the arrays, as the register images of its devices want to see it.

A frozen device (fault word `freeze`) is a deep copy: what it copies here is a picture of the row, not the world.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protocols.ports import Table
from sim_hardware.devices.image import LaidOut, RegisterImage, Restartable, Value
from sim_hardware.physics.terminal import Phases, Terminal
from sim_hardware.physics.vector import Floats
from sim_hardware.physics.vector.electric import Batteries, PvPlants


class Meters:
    """What flows and what has flowed, for every place of every home: the state behind all terminals.

    `power` is [W, var] x places x homes x 3; `energy_wh` is [taken, given] x the same.
    """

    def __init__(self, places: int, homes: int) -> None:
        self.power: Floats = np.zeros((2, places, homes, 3))
        self.energy_wh: Floats = np.zeros((2, 2, places, homes, 3))
        self.voltage_v: Floats = np.full((homes, 3), 230.0)
        self.frequency_hz = 50.0
        self.steps = 0
        self._part: Floats = np.empty_like(self.power)

    def count(self, dt_s: float) -> None:
        """Count the present powers, held for `dt_s`."""
        hours = dt_s / 3600.0
        taken, given = self.energy_wh
        part = np.multiply(self.power, hours, out=self._part)
        given -= np.minimum(part, 0.0)
        taken += np.maximum(part, 0.0, out=part)
        self.steps += 1

    def show(self, terminal: Terminal, place: int, home: int) -> None:
        """Bring a terminal up to date."""
        active_w, reactive_var = self.power[:, place, home].tolist()
        (import_wh, import_varh), (export_wh, export_varh) = self.energy_wh[:, :, place, home].tolist()
        terminal.power_w, terminal.reactive_var = tuple(active_w), tuple(reactive_var)
        terminal.import_wh, terminal.export_wh = import_wh, export_wh
        terminal.import_varh, terminal.export_varh = import_varh, export_varh
        terminal.voltage_v, terminal.frequency_hz = self.phases_v(home), self.frequency_hz

    def phases_v(self, home: int) -> Phases:
        """The voltages of a home."""
        a, b, c = self.voltage_v[home].tolist()
        return a, b, c


class Fresh:
    """A register image that is brought up to date before it is read; frozen, it is a picture of what it showed then."""

    def __init__(self, image: RegisterImage, refresh: Callable[[], None]) -> None:
        self.image, self._refresh = image, refresh

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """As the image."""
        self._refresh()
        return self.image.read(table, address, count)

    def write(self, address: int, words: Sequence[int]) -> None:
        """As the image."""
        self.image.write(address, words)

    def after(self, dt_s: float) -> None:
        """As the image."""
        self.image.after(dt_s)

    def layout(self, table: Table) -> Sequence[Value]:
        """As the image."""
        return self.image.layout(table) if isinstance(self.image, LaidOut) else ()

    def restart(self) -> None:
        """As the image, if it forgets anything."""
        if isinstance(self.image, Restartable):
            self.image.restart()

    def __deepcopy__(self, memo: dict[int, object]) -> RegisterImage:
        self._refresh()
        return copy.deepcopy(self.image, memo)


class Shown(Fresh):
    """A register image whose terminal is brought up to date before it is read, at most once a step."""

    def __init__(self, image: RegisterImage, meters: Meters, terminal: Terminal, place: int, home: int) -> None:
        super().__init__(image, self.refresh)
        self._meters, self._terminal, self._place, self._home = meters, terminal, place, home
        self._seen = -1

    def refresh(self) -> None:
        """Bring the terminal up to date."""
        if self._seen != self._meters.steps:
            self._seen = self._meters.steps
            self._meters.show(self._terminal, self._place, self._home)


@dataclass(frozen=True, slots=True)
class _StillPlant:
    rating_w: float
    available_w: float
    is_throttled: bool
    limit_w: float | None


class PlantRow:
    """`physics.pv.PvPlant` for one row: what its inverter asks of it."""

    def __init__(
        self, plants: PvPlants, row: int, rating_w: float, peak_w: float, light_w_m2: Callable[[], float]
    ) -> None:
        self.rating_w = rating_w
        self._plants, self._row, self._peak_w, self._light_w_m2 = plants, row, peak_w, light_w_m2

    @property
    def available_w(self) -> float:
        """What could be produced now, a magnitude."""
        return min(self.rating_w, self._peak_w * self._light_w_m2() / 1000.0)

    @property
    def is_throttled(self) -> bool:
        """Whether the limit binds."""
        return self.limit_w is not None and self.limit_w < self.available_w

    @property
    def limit_w(self) -> float | None:
        """At most this is produced, a magnitude."""
        return float(self._limits()[self._row])

    @limit_w.setter
    def limit_w(self, value: float | None) -> None:
        self._limits()[self._row] = self.rating_w if value is None else value

    def _limits(self) -> Floats:
        limits = self._plants.limit_w
        assert isinstance(limits, np.ndarray), "a limit for each home"
        return limits

    def __deepcopy__(self, memo: dict[int, object]) -> _StillPlant:
        return _StillPlant(self.rating_w, self.available_w, self.is_throttled, self.limit_w)


@dataclass(frozen=True, slots=True)
class _StillStore:
    rating_w: float
    capacity_wh: float
    stored_wh: float
    soc: float


class StoreRow:
    """`physics.battery.BatteryStore` for one row: what its inverter asks of it and tells it."""

    def __init__(self, batteries: Batteries, row: int, rating_w: float, capacity_wh: float) -> None:
        self.rating_w, self.capacity_wh = rating_w, capacity_wh
        self._batteries, self._row = batteries, row
        self._request_w: float | None = None
        self._discharge_limit_w: float | None = None

    @property
    def stored_wh(self) -> float:
        """What is in it."""
        return float(self._batteries.stored_wh[self._row])

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self.stored_wh / self.capacity_wh

    @property
    def request_w(self) -> float | None:
        """What is asked for, positive when charging; None: nothing, it rests."""
        return self._request_w

    @request_w.setter
    def request_w(self, value: float | None) -> None:
        self._request_w = value
        self._ask()

    @property
    def discharge_limit_w(self) -> float | None:
        """A magnitude; None: no limit."""
        return self._discharge_limit_w

    @discharge_limit_w.setter
    def discharge_limit_w(self, value: float | None) -> None:
        self._discharge_limit_w = value
        self._ask()

    def _ask(self) -> None:
        wanted_w = 0.0 if self._request_w is None else self._request_w
        if self._discharge_limit_w is not None:
            wanted_w = max(wanted_w, -self._discharge_limit_w)
        self._batteries.request_w[self._row] = wanted_w

    def __deepcopy__(self, memo: dict[int, object]) -> _StillStore:
        return _StillStore(self.rating_w, self.capacity_wh, self.stored_wh, self.soc)
