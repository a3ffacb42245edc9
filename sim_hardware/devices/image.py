"""What every simulated Modbus device is to its faces: registers to read and write, and time that passes."""

from collections.abc import Sequence
from typing import Protocol

from protocols.ports import Table


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
    """One device behind one unit id."""

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Exactly `count` 16-bit words from a zero-based address, or a ModbusRefusal."""
        ...

    def write(self, address: int, words: Sequence[int]) -> None:
        """Write holding registers, all of them or (ModbusRefusal) none."""
        ...

    def after(self, dt_s: float) -> None:
        """Let the device's own timers run."""
        ...
