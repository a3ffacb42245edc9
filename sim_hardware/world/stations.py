"""`[[station]]` alive: tap changers, capacitor banks, meters and relay boards on a network, each with its faults.

A step has two halves: `after` lets motors and contactors run, before the power flow; `observe` shows them its outcome.
Inputs of a relay board: 0 a branch above its rating, 1 a phase above +10 %, 2 one below -10 %, 3 voltage is there. Its
relays switch nothing by themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from sim_hardware.devices.capacitor_bank import CapacitorBank
from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.devices.tap_changer import TapChanger
from sim_hardware.faults import Faults
from sim_hardware.physics.feeder import Feeder
from sim_hardware.physics.network import Floats, Flow
from sim_hardware.physics.terminal import Phases, Terminal
from sim_hardware.world.feeder_part import StationPart
from sim_hardware.world.station_check import BANK_STEP_VAR, BANK_STEPS

# Station devices measure through voltage transformers that make 400 V of any nominal voltage.
MEASURED_V: Final = 400.0
HIGH, LOW, ALIVE = 1.10, 0.90, 0.05
RELAYS, INPUTS = 4, 4


@dataclass(frozen=True, slots=True)
class Seen:
    """One copy's power flow as station devices see it; rows as in the feeder."""

    voltage_v: Floats
    line_w: Floats
    line_var: Floats
    line_loading: Floats
    transformer_w: Floats
    transformer_var: Floats
    transformer_loading: Floats
    frequency_hz: float

    @classmethod
    def first_of(cls, flow: Flow, frequency_hz: float) -> "Seen":
        """Of a batch the first copy."""
        copy = 0 if flow.voltage_v.ndim == 3 else ...
        return cls(
            flow.voltage_v[copy],
            flow.line_w[copy],
            flow.line_var[copy],
            flow.line_loading[copy],
            flow.transformer_w[copy],
            flow.transformer_var[copy],
            flow.transformer_loading[copy],
            frequency_hz,
        )


class Station(Protocol):
    """A device with its two halves of a step."""

    @property
    def image(self) -> RegisterImage:
        """Its registers."""
        ...

    def after(self, dt_s: float) -> None:
        """Let motors and contactors run."""
        ...

    def observe(self, seen: Seen, dt_s: float) -> None:
        """Show what flows now, and count it for `dt_s`."""
        ...


class Where:
    """The rows of a feeder by name."""

    def __init__(self, feeder: Feeder) -> None:
        self.bus = {bus.name: row for row, bus in enumerate(feeder.buses)}
        self.line = {line.name: row for row, line in enumerate(feeder.lines)}
        self.transformer = {each.name: row for row, each in enumerate(feeder.transformers)}
        self.feeder = feeder

    def bus_at(self, branch: str) -> str:
        """Where a branch is measured: the low side of a transformer, the beginning of a line."""
        if branch in self.transformer:
            return self.feeder.transformers[self.transformer[branch]].to_bus
        return self.feeder.lines[self.line[branch]].from_bus

    def scale(self, bus: str) -> float:
        """What a voltage transformer makes of the bus' voltage."""
        return MEASURED_V / self.feeder.buses[self.bus[bus]].voltage_v


class TapStation:
    """A tap changer that moves the taps of its transformer."""

    def __init__(self, at: str, where: Where, clock_s: float, move: Callable[[str, int], None]) -> None:
        self._transformer, self._move = where.feeder.transformers[where.transformer[at]], move
        it, bus = self._transformer, where.bus_at(at)
        self._row, self._scale = where.bus[bus], where.scale(bus)
        # The feeder's taps count turns on the high side, the device counts voltage on the low side.
        self.image = TapChanger(
            lowest=-it.tap_most, highest=-it.tap_least, step_percent=100.0 * it.tap_step_pu, clock_s=clock_s
        )
        self.image.position = self.image.wanted = -it.tap

    def after(self, dt_s: float) -> None:
        """As the protocol says."""
        before = self.image.position
        self.image.after(dt_s)
        if self.image.position != before:
            self._move(self._transformer.name, -self.image.position)

    def observe(self, seen: Seen, dt_s: float) -> None:
        """As the protocol says."""
        self.image.voltage_v = float(seen.voltage_v[self._row].mean()) * self._scale


class BankStation:
    """A capacitor bank at its bus."""

    def __init__(self, part: StationPart, where: Where, clock_s: float) -> None:
        assert part.at is not None  # station_check saw to it
        self._row, self._scale = where.bus[part.at], where.scale(part.at)
        self.image = CapacitorBank(
            steps=BANK_STEPS if part.steps is None else part.steps,
            step_var=BANK_STEP_VAR if part.step_var is None else part.step_var,
            clock_s=clock_s,
        )

    def after(self, dt_s: float) -> None:
        """As the protocol says."""
        self.image.after(dt_s)

    def observe(self, seen: Seen, dt_s: float) -> None:
        """As the protocol says."""
        self.image.voltage_v = float(seen.voltage_v[self._row].mean()) * self._scale


class MeterStation:
    """A meter in a transformer's low side or at the beginning of a line: import is what flows into the branch's far end."""

    def __init__(self, at: str, where: Where, serial: int) -> None:
        self.terminal = Terminal()
        self.image = Sdm630(self.terminal, serial=serial)
        self._bus = where.bus[where.bus_at(at)]
        self._is_transformer = at in where.transformer
        self._row = (where.transformer if self._is_transformer else where.line)[at]

    def after(self, dt_s: float) -> None:
        """Nothing moves in a meter."""

    def observe(self, seen: Seen, dt_s: float) -> None:
        """As the protocol says."""
        power_w, reactive_var = (
            (seen.transformer_w, seen.transformer_var) if self._is_transformer else (seen.line_w, seen.line_var)
        )
        terminal = self.terminal
        terminal.voltage_v = _phases(seen.voltage_v[self._bus])
        terminal.power_w, terminal.reactive_var = _phases(power_w[self._row]), _phases(reactive_var[self._row])
        terminal.frequency_hz = seen.frequency_hz
        if dt_s > 0.0:
            terminal.after(dt_s)
            self.image.after(dt_s)


class RelayStation:
    """A relay board with the alarms of a branch on its inputs."""

    def __init__(self, at: str, where: Where) -> None:
        self.image = RelayBoard(relays=RELAYS, inputs=INPUTS)
        self._is_transformer = at in where.transformer
        self._row = (where.transformer if self._is_transformer else where.line)[at]
        bus = where.bus_at(at)
        self._bus, self._nominal_v = where.bus[bus], where.feeder.buses[where.bus[bus]].voltage_v / 3**0.5

    def after(self, dt_s: float) -> None:
        """As the protocol says."""
        self.image.after(dt_s)

    def observe(self, seen: Seen, dt_s: float) -> None:
        """As the protocol says."""
        loading = (seen.transformer_loading if self._is_transformer else seen.line_loading)[self._row]
        volts_pu = seen.voltage_v[self._bus] / self._nominal_v
        self.image.inputs[:] = [
            bool(loading > 1.0),
            bool(volts_pu.max() > HIGH),
            bool(volts_pu.min() < LOW),
            bool(volts_pu.min() > ALIVE),
        ]


class Stations:
    """All of a world, by name: `images` and `faults` are what faces serve."""

    def __init__(
        self,
        parts: Sequence[StationPart],
        feeder: Feeder,
        *,
        seed: int,
        clock_s: float,
        move: Callable[[str, int], None],
    ) -> None:
        where = Where(feeder)
        self._all: dict[str, Station] = {}
        for number, part in enumerate(parts):
            self._all[part.name] = _station(part, where, 22_000_000 + number, clock_s, move)
        self._banks = [each for each in self._all.values() if isinstance(each, BankStation)]
        self.images: Mapping[str, RegisterImage] = {name: each.image for name, each in self._all.items()}
        self.faults: Mapping[str, Faults] = {name: Faults(seed=seed, name=name) for name in self._all}

    @property
    def bank_var(self) -> Floats:
        """What the capacitor banks absorb, banks x 3."""
        total_var = np.array([bank.image.reactive_var for bank in self._banks], dtype=float)
        return np.repeat(total_var[:, None] / 3.0, 3, axis=1)

    def after(self, dt_s: float) -> None:
        """Let motors and contactors run."""
        for each in self._all.values():
            each.after(dt_s)

    def observe(self, seen: Seen, dt_s: float) -> None:
        """Show what flows now, and count it for `dt_s`."""
        for each in self._all.values():
            each.observe(seen, dt_s)


def _station(part: StationPart, where: Where, serial: int, clock_s: float, move: Callable[[str, int], None]) -> Station:
    assert part.at is not None  # station_check saw to it
    match part.kind:
        case "tap-changer":
            return TapStation(part.at, where, clock_s, move)
        case "capacitor-bank":
            return BankStation(part, where, clock_s)
        case "meter":
            return MeterStation(part.at, where, serial)
        case "relay-board":
            return RelayStation(part.at, where)


def _phases(row: Floats) -> Phases:
    l1, l2, l3 = row.tolist()
    return l1, l2, l3
