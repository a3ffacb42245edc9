"""Register maps of our own, for simulated devices of which no vendor's map is followed.

Function 3 reads holding registers, 6 and 16 write them; a number is read and written whole. Register 0 says what the
device is. No real device has these maps; they are there so that a whole station can be simulated.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal, Nature, Value
from sim_hardware.distortions import encode


@dataclass(frozen=True, slots=True)
class Register:
    """One number: where it stands, how it is read, and how it is written (None: not at all) from-to."""

    address: int
    shape: Shape
    nature: Nature
    get: Callable[[], float]
    put: Callable[[int], None] | None = None
    allowed: tuple[int, int] = (0, 0xFFFF)


class OwnMap:
    """The image of such a device: its registers, one after the other without a hole."""

    def __init__(self) -> None:
        registers = self.registers()
        self._registers = {register.address: register for register in registers}
        self._layout = tuple(Value(each.address, each.shape, each.nature) for each in registers)
        self._end = registers[-1].address + registers[-1].shape.words

    def registers(self) -> Sequence[Register]:
        """The registers of this device, in ascending order."""
        raise NotImplementedError

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """A copy whose registers show the copy: functions are not copied, they would go on showing the original."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(
            {name: copy.deepcopy(each, memo) for name, each in self.__dict__.items() if name != "_registers"}
        )
        twin._registers = {register.address: register for register in twin.registers()}
        return twin

    def layout(self, table: Table) -> Sequence[Value]:
        """Where the numbers stand."""
        return self._layout if table is Table.HOLDING else ()

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Whole numbers only."""
        if table is not Table.HOLDING:
            raise ModbusRefusal(1, "this device answers function 3")
        words: list[int] = []
        while len(words) < count:
            register = self._at(address + len(words))
            words += encode(register.shape, register.get())
        if len(words) != count:
            raise IllegalAddress(f"{count} registers at {address}: the last number is cut")
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        """Whole numbers that may be written, with values that they take: all or none."""
        plan: list[tuple[Callable[[int], None], int]] = []
        at = 0
        while at < len(words):
            register = self._at(address + at)
            size = register.shape.words
            if register.put is None or at + size > len(words):
                raise IllegalAddress(f"{register.address} cannot be written with {len(words) - at} registers")
            number = int(register.shape.decode(words[at : at + size]))
            if not register.allowed[0] <= number <= register.allowed[1]:
                raise IllegalValue(f"{number} at {register.address} is outside {register.allowed}")
            plan.append((register.put, number))
            at += size
        for put, number in plan:
            put(number)

    def _at(self, address: int) -> Register:
        register = self._registers.get(address)
        if register is None:
            raise IllegalAddress(f"{address}: no number begins there (0 to {self._end - 1})")
        return register
