"""What the homes hang on: their powers in, the voltages these leave at their connection points out."""

from random import Random
from typing import Protocol

import numpy as np

from sim_hardware.physics.frequency import NOMINAL_HZ
from sim_hardware.physics.grid import VoltageCollapse, Wander
from sim_hardware.physics.vector import Floats
from sim_hardware.world.parts import GridPart

# The three phases of a street never stand at the same voltage.
OFFSET_V = 1.5


class Supply(Protocol):
    """The network of all homes of a process; rows are homes in the order of the world, columns L1 L2 L3."""

    frequency_hz: float
    voltage_v: Floats
    """Homes x 3, phase to neutral."""

    def after(self, dt_s: float, power_w: Floats, reactive_var: Floats) -> None:
        """Let time pass under these powers (homes x 3, positive when drawn)."""
        ...


class Grid:
    """The grid above: a source voltage and a frequency that wander, the same for everyone."""

    def __init__(self, seed: int, part: GridPart) -> None:
        self._voltage = Wander(Random(f"{seed} grid voltage"), part.voltage_v, part.voltage_wander_v, 600.0)
        self._frequency = Wander(Random(f"{seed} grid frequency"), NOMINAL_HZ, part.frequency_wander_hz, 300.0)

    def after(self, dt_s: float) -> None:
        """Let both wander on."""
        self._voltage.after(dt_s)
        self._frequency.after(dt_s)

    @property
    def voltage_v(self) -> float:
        """Phase to neutral."""
        return self._voltage.value

    @property
    def frequency_hz(self) -> float:
        """The present frequency."""
        return self._frequency.value


class Alone:
    """Every home behind an impedance of its own: V^4 + (2 (R P + X Q) - E^2) V^2 + Z^2 S^2 = 0, the upper root."""

    def __init__(self, names: list[str], seed: int, part: GridPart) -> None:
        self._grid, self._names = Grid(seed, part), names
        self._r_ohm, self._x_ohm = part.r_ohm, part.x_ohm
        self._z2 = part.r_ohm**2 + part.x_ohm**2
        self._offset_v = np.array([_offsets(Random(f"{seed} {name} offset")) for name in names])
        self.frequency_hz = self._grid.frequency_hz
        self.voltage_v = self._grid.voltage_v + self._offset_v

    def after(self, dt_s: float, power_w: Floats, reactive_var: Floats) -> None:
        """As the port says; VoltageCollapse names the home."""
        self._grid.after(dt_s)
        self.frequency_hz = self._grid.frequency_hz
        source_v = self._offset_v + self._grid.voltage_v
        half = source_v * source_v
        half *= 0.5
        half -= self._r_ohm * power_w
        half -= self._x_ohm * reactive_var
        root = power_w * power_w
        root += reactive_var * reactive_var
        root *= -self._z2
        root += half * half
        if root.min() < 0.0 or half.min() <= 0.0:
            self._collapsed(half, root, power_w)
        np.sqrt(root, out=root)
        root += half
        self.voltage_v = np.sqrt(root, out=root)

    def _collapsed(self, half: Floats, root: Floats, power_w: Floats) -> None:
        row, phase = np.argwhere((root < 0.0) | (half <= 0.0))[0]
        raise VoltageCollapse(
            f"{self._names[row]}: {power_w[row, phase]:g} W on L{phase + 1} is more than"
            f" {self._r_ohm:g} + j{self._x_ohm:g} ohm can carry"
        )


def _offsets(random: Random) -> tuple[float, float, float]:
    return tuple(random.uniform(-OFFSET_V, OFFSET_V) for _ in range(3))  # type: ignore[return-value] # three
