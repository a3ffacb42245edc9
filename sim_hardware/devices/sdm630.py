"""Eastron SDM630-Modbus, three-phase meter: its registers as the vendor's protocol paper lists them.

Source: "Eastron SDM630Modbus Smart Meter Modbus Protocol Implementation V1.8", sections 1.2.1 (input registers), 1.3.1
        (holding registers), 3.8 (pairs only), 3.11 (exception codes).
Sign:   import positive, as ours. Currents are magnitudes; the power factor carries the direction (note 1).
Energy: total import and export are the sums of the phases' counters, so a phase that exports counts although another
        imports ("not netting"; import - export is the net all the same). The paper does not say; `netting=True`
        counts the balance of the three phases instead.
Choice: a parameter inside the map that the paper leaves out, and one not simulated (THD, demand), reads 0.0. Only the
        settings that need no password can be written.
"""

import math
import struct
from collections.abc import Callable, Sequence
from typing import Final

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, IllegalValue, Nature, Value
from sim_hardware.physics.terminal import Terminal

MOST_REGISTERS: Final = 80  # section 1.1: 40 values in a single transaction
INPUT_END: Final = 0x017E  # behind the last parameter, "L3 total kvarh" at 0x017C
SERIAL: Final = 0xFC00

Source = Callable[["Sdm630"], float]


def _power_factor(power_w: float, reactive_var: float) -> float:
    apparent_va = math.hypot(power_w, reactive_var)
    return power_w / apparent_va if apparent_va > 0.0 else 1.0


def _angle_deg(power_w: float, reactive_var: float) -> float:
    return math.degrees(math.atan2(reactive_var, power_w))


def _line_v(terminal: Terminal, first: int, second: int) -> float:
    """Between two phases that stand 120 degrees apart."""
    a, b = terminal.voltage_v[first], terminal.voltage_v[second]
    return math.sqrt(a * a + b * b + a * b)


def _neutral_a(terminal: Terminal) -> float:
    """Vector sum of the three currents."""
    total = 0j
    for phase in range(3):
        angle = -2.0 * math.pi * phase / 3.0
        power = complex(terminal.power_w[phase], -terminal.reactive_var[phase])
        total += power / terminal.voltage_v[phase] * complex(math.cos(angle), math.sin(angle))
    return abs(total)


def _phase(phase: int) -> dict[int, Source]:
    """The parameters of one phase; the addresses of the three stand two registers apart."""
    step = 2 * phase
    return {
        0x0000 + step: lambda m: m.terminal.voltage_v[phase],
        0x0006 + step: lambda m: m.terminal.current_a(phase),
        0x000C + step: lambda m: m.terminal.power_w[phase],
        0x0012 + step: lambda m: m.terminal.apparent_va(phase),
        0x0018 + step: lambda m: m.terminal.reactive_var[phase],
        0x001E + step: lambda m: _power_factor(m.terminal.power_w[phase], m.terminal.reactive_var[phase]),
        0x0024 + step: lambda m: _angle_deg(m.terminal.power_w[phase], m.terminal.reactive_var[phase]),
        0x00C8 + step: lambda m: _line_v(m.terminal, phase, (phase + 1) % 3),
        0x015A + step: lambda m: m.terminal.import_wh[phase] / 1000.0,
        0x0160 + step: lambda m: m.terminal.export_wh[phase] / 1000.0,
        0x0166 + step: lambda m: (m.terminal.import_wh[phase] + m.terminal.export_wh[phase]) / 1000.0,
        0x016C + step: lambda m: m.terminal.import_varh[phase] / 1000.0,
        0x0172 + step: lambda m: m.terminal.export_varh[phase] / 1000.0,
        0x0178 + step: lambda m: (m.terminal.import_varh[phase] + m.terminal.export_varh[phase]) / 1000.0,
    }


INPUT: Final[dict[int, Source]] = {
    **_phase(0),
    **_phase(1),
    **_phase(2),
    0x002A: lambda m: sum(m.terminal.voltage_v) / 3.0,
    0x002E: lambda m: sum(m.terminal.current_a(phase) for phase in range(3)) / 3.0,
    0x0030: lambda m: sum(m.terminal.current_a(phase) for phase in range(3)),
    0x0034: lambda m: m.terminal.total_w,
    0x0038: lambda m: math.hypot(m.terminal.total_w, m.terminal.total_var),
    0x003C: lambda m: m.terminal.total_var,
    0x003E: lambda m: _power_factor(m.terminal.total_w, m.terminal.total_var),
    0x0042: lambda m: _angle_deg(m.terminal.total_w, m.terminal.total_var),
    0x0046: lambda m: m.terminal.frequency_hz,
    0x0048: lambda m: m.import_wh / 1000.0,
    0x004A: lambda m: m.export_wh / 1000.0,
    0x004C: lambda m: sum(m.terminal.import_varh) / 1000.0,
    0x004E: lambda m: sum(m.terminal.export_varh) / 1000.0,
    0x00CE: lambda m: sum(_line_v(m.terminal, phase, (phase + 1) % 3) for phase in range(3)) / 3.0,
    0x00E0: lambda m: _neutral_a(m.terminal),
    0x0156: lambda m: (m.import_wh + m.export_wh) / 1000.0,
    0x0158: lambda m: (sum(m.terminal.import_varh) + sum(m.terminal.export_varh)) / 1000.0,
}

# Address: (value from the factory, what may be written; empty: nothing).
SETTINGS: Final[dict[int, tuple[float, tuple[float, ...]]]] = {
    0x0002: (60.0, (0.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)),  # demand period, minutes
    0x000A: (3.0, ()),  # system type 3p4w; behind the password
    0x000C: (100.0, (60.0, 100.0, 200.0)),  # pulse 1 width, ms
    0x000E: (0.0, ()),  # password lock: 0 = locked
    0x0012: (0.0, (0.0, 1.0, 2.0, 3.0)),  # parity and stop bits, after a restart
    0x0014: (1.0, tuple(float(node) for node in range(1, 248))),  # node address, after a restart
    0x0016: (0.0, (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)),  # pulse 1 divisor
    0x0018: (0.0, ()),  # password
    0x001C: (2.0, (0.0, 1.0, 2.0, 3.0, 4.0)),  # baud rate index, after a restart
    0x0056: (4.0, (1.0, 2.0, 4.0, 5.0, 6.0, 8.0)),  # pulse 1 energy type
}


# Currents and powers, by address: per phase, then their sums and means; energy counters stand from-to.
FLOWS: Final = (*range(0x0006, 0x001E, 2), 0x002E, 0x0030, 0x0034, 0x0038, 0x003C, 0x00E0)
COUNTERS: Final = (range(0x0048, 0x0050), range(0x0156, INPUT_END))


def _nature(address: int) -> Nature:
    if address in FLOWS:
        return Nature.FLOW
    return Nature.COUNT if any(address in counters for counters in COUNTERS) else Nature.LEVEL


INPUT_LAYOUT: Final = tuple(Value(address, Shape.F32, _nature(address)) for address in sorted(INPUT))
HOLDING_LAYOUT: Final = (
    *(Value(address, Shape.F32, Nature.SETTING) for address in sorted(SETTINGS)),
    Value(SERIAL, Shape.U32, Nature.SETTING),
)


def float_words(value: float) -> tuple[int, int]:
    """IEEE 754 single precision, most significant register first."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


class Sdm630:
    """The meter's register image at a terminal."""

    terminal: Terminal

    def __init__(self, terminal: Terminal, *, serial: int = 21_230_001, netting: bool = False) -> None:
        self.terminal = terminal
        self.serial = serial
        self._netting = netting
        self._netted_wh = [0.0, 0.0]
        self._settings = {address: value for address, (value, _) in SETTINGS.items()}

    @property
    def import_wh(self) -> float:
        """Total imported energy, as this meter counts it."""
        return self._netted_wh[0] if self._netting else sum(self.terminal.import_wh)

    @property
    def export_wh(self) -> float:
        """Total exported energy, as this meter counts it."""
        return self._netted_wh[1] if self._netting else sum(self.terminal.export_wh)

    def after(self, dt_s: float) -> None:
        """Count the balance of the phases."""
        energy_wh = self.terminal.total_w * dt_s / 3600.0
        self._netted_wh[0 if energy_wh >= 0.0 else 1] += abs(energy_wh)

    def layout(self, table: Table) -> Sequence[Value]:
        """Where the numbers stand."""
        return INPUT_LAYOUT if table is Table.INPUT else HOLDING_LAYOUT

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Whole parameters only, at most 40 of them (sections 1.1 and 3.8)."""
        if address % 2 or count % 2:
            raise IllegalAddress(f"{count} registers at {address:#06x}: parts of floating point values")
        if count > MOST_REGISTERS:
            raise IllegalValue(f"{count} registers at {address:#06x}: at most {MOST_REGISTERS} in a transaction")
        if table is Table.INPUT:
            return self._inputs(address, count)
        return [word for each in range(address, address + count, 2) for word in self._holding(each)]

    def _inputs(self, address: int, count: int) -> list[int]:
        if address + count > INPUT_END:
            raise IllegalAddress(f"no input register {max(address, INPUT_END):#06x}")
        numbers = [INPUT[each](self) if each in INPUT else 0.0 for each in range(address, address + count, 2)]
        return list(struct.unpack(f">{count}H", struct.pack(f">{count // 2}f", *numbers)))

    def _holding(self, address: int) -> tuple[int, int]:
        if address == SERIAL:
            return self.serial >> 16, self.serial & 0xFFFF
        if address not in self._settings:
            raise IllegalAddress(f"no holding register {address:#06x}")
        return float_words(self._settings[address])

    def write(self, address: int, words: Sequence[int]) -> None:
        """One parameter per message (section 1.3)."""
        allowed = SETTINGS.get(address, (0.0, ()))[1]
        if len(words) != 2 or not allowed:
            raise IllegalAddress(f"{len(words)} registers at {address:#06x} cannot be written")
        (value,) = struct.unpack(">f", struct.pack(">HH", *words))
        if value not in allowed:
            raise IllegalValue(f"{value:g} at {address:#06x} is none of {allowed}")
        self._settings[address] = value
