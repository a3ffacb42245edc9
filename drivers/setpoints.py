"""How a device is told a setpoint through registers, as data: which registers, in which order, and how that is checked.

A register that reads as it should is left alone, so that what lies in flash is written on change only; but a `counted`
one is written each time, for its device takes the write as a sign of life. What was written is read back.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from protocols.faults import DeviceRefused, NotApplied
from protocols.ports import RegisterBus, Table
from protocols.registers import Shape

# A device may keep a floating-point number as an integer of hundredths.
KEPT: Final = 1e-3
_FLOATS: Final = (Shape.F32, Shape.F64)
_ILLEGAL: Final = (1, 2, 3)  # function, address, value (Modbus V1.1b3, 7): the device does not know the register


class What(Enum):
    """The part of a setpoint that a register holds, where it is no fixed number."""

    VALUE = "value"  # W, or percent of the rating
    FALLBACK = "fallback"  # what holds afterwards, in the unit of the value
    FALLBACK_W = "fallback in W"
    VALID_S = "valid_s"  # for how long the value holds


@dataclass(frozen=True, slots=True)
class Register:
    """A register of a device's own: `name` as its list calls it; a raw number times `scale` is in W, percent or s.

    `counted`: written at each renewal. `blind`: can not be read. `absent`: the raw number for "not available".
    """

    name: str
    address: int
    shape: Shape
    scale: float = 1.0
    low_word_first: bool = False
    table: Table = Table.HOLDING
    absent: float | None = None
    counted: bool = False
    blind: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"{self.name}: scale {self.scale}; allowed is finite and not 0")
        if not 0 <= self.address <= 0x10000 - self.shape.words:
            raise ValueError(f"{self.name}: address {self.address}; allowed is 0 to {0x10000 - self.shape.words}")

    def number(self, value: float) -> float:
        """The raw number for a value, rounded towards zero: never more power than was asked for."""
        number = value / self.scale
        if self.shape in _FLOATS:
            return float(self.shape.decode(struct.unpack(f">{self.shape.words}H", struct.pack(">f", number))))
        return math.trunc(number + math.copysign(1e-9, number))

    def words(self, number: float) -> tuple[int, ...]:
        """The words of a raw number in the order of the device; ValueError where it does not fit."""
        if not self.shape.holds(number):
            raise ValueError(f"{self.name}: {number} is no {self.shape.name}")
        words = struct.unpack(f">{self.shape.words}H", struct.pack(f">{self.shape.code}", number))
        return words[::-1] if self.low_word_first else words

    def raw(self, words: Sequence[int]) -> float:
        """The raw number in words."""
        return self.shape.decode(words[::-1] if self.low_word_first else words)

    def value(self, words: Sequence[int]) -> float | None:
        """The value in words; None where the device says it has none."""
        raw = self.raw(words)
        return None if raw == self.absent or not math.isfinite(raw) else raw * self.scale

    def agrees(self, number: float, read: float) -> bool:
        """Whether a number read is the one written."""
        return math.isclose(number, read, rel_tol=KEPT) if self.shape in _FLOATS else number == read


@dataclass(frozen=True, slots=True)
class Step:
    """One register and what it is to hold: a raw number, or a part of the setpoint."""

    register: Register
    holds: float | What

    def number(self, values: Mapping[What, float]) -> float:
        """The raw number for this setpoint."""
        if not isinstance(self.holds, What):
            return self.holds
        number = self.register.number(values[self.holds])
        # 0 s would mean "for ever" in some devices.
        return max(1, number) if self.holds is What.VALID_S else number


Steps = tuple[Step, ...]


class Told:
    """The settable registers of one device."""

    def __init__(self, bus: RegisterBus, unit: int) -> None:
        self._bus, self._unit = bus, unit

    async def read(self, register: Register) -> float | None:
        """A value in its unit; None where the device has none, or does not know the register."""
        try:
            return register.value(await self._words(register))
        except DeviceRefused as fault:
            if fault.code not in _ILLEGAL:
                raise
            return None

    async def lacks(self, steps: Steps) -> tuple[str, ...]:
        """The registers of these steps that the device does not show, by name."""
        shown = [step.register for step in steps if not step.register.blind]
        return tuple([register.name for register in dict.fromkeys(shown) if await self.read(register) is None])

    async def unset(self, steps: Steps, values: Mapping[What, float], *, or_more: bool = False) -> tuple[str, ...]:
        """What an installer would have to set for these to hold, in words; `or_more`: a part of the setpoint may be more."""
        return tuple([_said(step) for step in steps if not await self._is_set(step, values, or_more=or_more)])

    async def tell(self, steps: Steps, values: Mapping[What, float]) -> None:
        """Take the steps in their order, then check each; NotApplied where the device kept something else."""
        wanted = [(step.register, step.number(values)) for step in steps]
        words = [register.words(number) for register, number in wanted]  # all of them fit, or none is written
        written = []
        for (register, number), content in zip(wanted, words, strict=True):
            if not await self._holds(register, number):
                await self._bus.write(self._unit, register.address, content)
                written.append((register, number))
        for register, number in written:
            if not register.blind:
                await self._check(register, number)

    async def _is_set(self, step: Step, values: Mapping[What, float], *, or_more: bool) -> bool:
        value = await self.read(step.register)
        if value is None:
            return False
        read, wanted = step.register.number(value), step.number(values)
        more = or_more and isinstance(step.holds, What) and read > wanted
        return more or step.register.agrees(wanted, read)

    async def _holds(self, register: Register, number: float) -> bool:
        if register.counted or register.blind:
            return False
        return register.agrees(number, register.raw(await self._words(register)))

    async def _check(self, register: Register, number: float) -> None:
        read = register.raw(await self._words(register))
        if not register.agrees(number, read):
            raise NotApplied(f"{register.name} at {register.address}: wrote {number:g}, reads {read:g}")

    async def _words(self, register: Register) -> tuple[int, ...]:
        return await self._bus.read(self._unit, register.table, register.address, register.shape.words)


def _said(step: Step) -> str:
    holds = f"the {step.holds.value}" if isinstance(step.holds, What) else f"{step.holds:g}"
    return f"{step.register.name} set to {holds}"
