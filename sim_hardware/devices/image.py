"""What every simulated Modbus device is to its faces: registers to read and write, and time that passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, runtime_checkable

from protocols.ports import Table
from protocols.registers import Shape


class ModbusRefusal(Exception):
    """The device answers with this Modbus exception code (MODBUS Application Protocol V1.1b3, section 7)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class IllegalAddress(ModbusRefusal):
    """Code 2: no such register, a part of a value, or nothing that may be written."""

    def __init__(self, message: str) -> None:
        super().__init__(2, message)


class IllegalValue(ModbusRefusal):
    """Code 3: a count or a value that the device does not take."""

    def __init__(self, message: str) -> None:
        super().__init__(3, message)


class RegisterImage(Protocol):
    """One device behind one unit id.

    The word `freeze` makes a `copy.deepcopy` of it: what it shows must come from attributes and bound methods. A lambda
    that closes over `self` would go on showing the original (own_map.py says how to have them all the same).
    """

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Exactly `count` 16-bit words from a zero-based address, or a ModbusRefusal."""
        ...

    def write(self, address: int, words: Sequence[int]) -> None:
        """Write holding registers, all of them or (ModbusRefusal) none."""
        ...

    def after(self, dt_s: float) -> None:
        """Let the device's own timers run."""
        ...


class Nature(Enum):
    """What a register value is, as far as a fault cares."""

    FLOW = auto()  # a current or a power: what goes through the current transformers
    LEVEL = auto()  # any other measured value
    COUNT = auto()  # energy or another counter that survives a reboot
    CLOCK = auto()  # the device's own wall clock, in seconds
    SETTING = auto()  # everything else

    @property
    def is_measured(self) -> bool:
        """Whether it reads zero while a rebooted device has not measured yet."""
        return self in (Nature.FLOW, Nature.LEVEL, Nature.COUNT)


@dataclass(frozen=True, slots=True)
class Value:
    """One number in an image; `absent` is the raw number that says "not implemented"."""

    address: int
    shape: Shape
    nature: Nature
    absent: int | None = None


@runtime_checkable
class LaidOut(Protocol):
    """An image that says where its numbers stand: without it no word can be swapped, drift or come up as zero."""

    def layout(self, table: Table) -> Sequence[Value]:
        """The numbers of a table, in ascending order."""
        ...


@runtime_checkable
class Restartable(Protocol):
    """An image whose device forgets something when it restarts."""

    def restart(self) -> None:
        """Forget what stood in RAM only; counters stay."""
        ...


@runtime_checkable
class CoilImage(Protocol):
    """One device with single bits; faces find them on a register image that has these two as well."""

    def read_bits(self, coils: bool, address: int, count: int) -> list[bool]:
        """Exactly `count` coils (function 1) or discrete inputs (function 2), or a ModbusRefusal."""
        ...

    def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """Write coils (functions 5 and 15), all of them or (ModbusRefusal) none."""
        ...
