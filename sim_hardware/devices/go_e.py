"""A go-eCharger's registers, with a car behind it.

Source: go-e's own repository goecharger/go-eCharger-API-v2, modbus-en.md at 013e3db: input registers 100 (car state), 108 to 118 (V,
        0.1 A), 120 (0.01 kW), 128 (0.1 kWh), 146 to 150 (0.1 kW), 304 (serial number); holding registers 211 (most amperes), 299
        (amperes, volatile), 300 (amperes), 337 (force state: 0 neutral, 1 off, 2 on). Highest word first. Functions 3, 4, 16.
Choice: a change of the current shows in the car after `lag_s`; a car that is full stays plugged in and draws nothing
        (state 4). A reboot puts 300 into 299.
"""

import struct
from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, IllegalValue, Nature, Value
from sim_hardware.physics.terminal import Phases, Terminal

EMPTY, CHARGING, WAITING, COMPLETE = 1, 2, 3, 4
NEUTRAL, OFF, ON = 0, 1, 2
LEAST_A: Final = 6
FLOWS: Final = (114, 116, 118, 120, 146, 148, 150)
LEVELS: Final = (108, 110, 112)
ENERGY: Final = 128


class Car(Protocol):
    """What a charging point needs of a car: `physics.ev.Ev`, or a row of many."""

    limit_a: float | None

    @property
    def is_home(self) -> bool:
        """Whether it is plugged in."""

    @property
    def power_w(self) -> float:
        """What it takes now."""

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""

    @property
    def phase_w(self) -> Phases:
        """The power by phase."""

    def after(self, dt_s: float, voltage_v: float) -> None:
        """Let it charge."""


C = TypeVar("C", bound=Car)


class GoECharger(Generic[C]):
    """The image: `car` charges as the registers let it; `terminal` shows it."""

    def __init__(
        self, terminal: Terminal, car: C, *, most_a: int = 16, lag_s: float = 3.0, serial: str = "GOE000000001"
    ) -> None:
        self.terminal, self.car, self.most_a, self.lag_s = terminal, car, most_a, lag_s
        self.holding = {211: most_a, 299: most_a, 300: most_a, 337: NEUTRAL}
        self._serial = struct.unpack(">6H", serial.encode().ljust(12, b"\0")[:12])
        self._waited_s = 0.0
        self._told_a = float(most_a)
        self.car.limit_a = self._told_a

    @property
    def limit_a(self) -> float:
        """What the registers let the car take on each phase."""
        return 0.0 if self.holding[337] == OFF else float(self.holding[299])

    @property
    def state(self) -> int:
        """The car's state, as register 100 says it."""
        if not self.car.is_home:
            return EMPTY
        if self.car.power_w > 0.0:
            return CHARGING
        return COMPLETE if self.car.soc >= 1.0 else WAITING

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """The registers of the table, those and no others."""
        words = self._inputs() if table is Table.INPUT else {key: value & 0xFFFF for key, value in self.holding.items()}
        try:
            return [words[place] for place in range(address, address + count)]
        except KeyError as error:
            raise IllegalAddress(f"go-e: no register {error}") from None

    def write(self, address: int, words: Sequence[int]) -> None:
        """One of the settings, within what it takes."""
        if address not in self.holding or address == 211 or len(words) != 1:
            raise IllegalAddress(f"go-e: {len(words)} registers at {address} can not be written")
        allowed = range(3) if address == 337 else range(LEAST_A, self.most_a + 1)
        if words[0] not in allowed:
            raise IllegalValue(f"go-e: {words[0]} to {address}")
        self.holding[address] = words[0]

    def after(self, dt_s: float) -> None:
        """Let the car follow, and charge."""
        self.follow(dt_s)
        self.car.after(dt_s, self.terminal.voltage_v[0])
        self.terminal.power_w = self.car.phase_w

    def follow(self, dt_s: float) -> None:
        """Let the offer to the car follow the registers; whoever charges the car elsewhere calls this instead of `after`."""
        if self.limit_a == self._told_a:
            self._waited_s = 0.0
            return
        self._waited_s += dt_s
        if self._waited_s >= self.lag_s:
            self._told_a, self._waited_s = self.limit_a, 0.0
            self.car.limit_a = self._told_a

    def restart(self) -> None:
        """What is volatile comes from the EEPROM again."""
        self.holding[299], self.holding[337] = self.holding[300], NEUTRAL

    def layout(self, table: Table) -> Sequence[Value]:
        """Where the numbers stand."""
        if table is not Table.INPUT:
            return ()
        flows = [Value(address, Shape.U32, Nature.FLOW) for address in FLOWS]
        levels = [Value(address, Shape.U32, Nature.LEVEL) for address in LEVELS]
        return sorted([*flows, *levels, Value(ENERGY, Shape.U32, Nature.COUNT)], key=lambda value: value.address)

    def _inputs(self) -> dict[int, int]:
        terminal = self.terminal
        numbers = {
            **{108 + 2 * phase: round(terminal.voltage_v[phase]) for phase in range(3)},
            **{114 + 2 * phase: round(10 * terminal.current_a(phase)) for phase in range(3)},
            120: round(terminal.total_w / 10),
            128: round(sum(terminal.import_wh) / 100),
            **{146 + 2 * phase: round(terminal.power_w[phase] / 100) for phase in range(3)},
        }
        words = {100: self.state}
        for address, number in numbers.items():
            words[address], words[address + 1] = number >> 16, number & 0xFFFF
        return words | {304 + place: word for place, word in enumerate(self._serial)}
