"""A board with relays and contact inputs on Modbus: coils, discrete inputs, and both again as registers.

Map:    our own, no vendor's: coils 0... are the relays (functions 1, 5, 15), discrete inputs 0... the contacts (2); the
        registers mirror them for masters that know registers only (own_map.py).
Fallback: with a watchdog time above 0 the relays fall open when no master has written for so long; it survives a reboot.
          At a reboot all relays fall open.
"""

from collections.abc import Sequence
from typing import Final

from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, Nature
from sim_hardware.devices.own_map import OwnMap, Register

IDENTITY: Final = 0x5242  # "RB"
CHANNELS_MOST: Final = 16  # one register


def _as_number(bits: Sequence[bool]) -> int:
    return sum(1 << index for index, bit in enumerate(bits) if bit)


class RelayBoard(OwnMap):
    """Relays that a master switches, and inputs that the world sets."""

    def __init__(self, *, relays: int = 8, inputs: int = 8) -> None:
        if not (1 <= relays <= CHANNELS_MOST and 0 <= inputs <= CHANNELS_MOST):
            raise ValueError(f"relay board: {relays} relays, {inputs} inputs; 1 to 16 and 0 to 16 are allowed")
        self.relays = [False] * relays
        self.inputs = [False] * inputs
        self.operations = 0
        self._watchdog_s = 0
        self._silent_s = 0.0
        super().__init__()

    def registers(self) -> list[Register]:
        """The map."""
        setting, most = Nature.SETTING, (1 << len(self.relays)) - 1
        return [
            Register(0, Shape.U16, setting, lambda: IDENTITY),
            Register(1, Shape.U16, setting, lambda: len(self.relays)),
            Register(2, Shape.U16, setting, lambda: len(self.inputs)),
            Register(3, Shape.U16, Nature.LEVEL, lambda: _as_number(self.inputs)),
            Register(4, Shape.U16, setting, lambda: _as_number(self.relays), self._put_all, (0, most)),
            Register(5, Shape.U16, setting, lambda: self._watchdog_s, self._guard),
            Register(6, Shape.U32, Nature.COUNT, lambda: self.operations),
        ]

    def read_bits(self, coils: bool, address: int, count: int) -> list[bool]:
        """Relays or inputs."""
        return self._slice(self.relays if coils else self.inputs, address, count)

    def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """Switch relays."""
        self._slice(self.relays, address, len(bits))
        self._put(address, bits)

    def after(self, dt_s: float) -> None:
        """Let the watchdog run."""
        self._silent_s += dt_s
        if 0 < self._watchdog_s <= self._silent_s:
            self.restart()

    def restart(self) -> None:
        """All relays fall open."""
        self._put(0, [False] * len(self.relays))

    @staticmethod
    def _slice(bits: Sequence[bool], address: int, count: int) -> list[bool]:
        if address + count > len(bits):
            raise IllegalAddress(f"bits {address} to {address + count - 1}: there are {len(bits)}")
        return list(bits[address : address + count])

    def _put(self, address: int, bits: Sequence[bool]) -> None:
        self._silent_s = 0.0
        for index, bit in enumerate(bits, address):
            self.operations += self.relays[index] != bit
            self.relays[index] = bit

    def _put_all(self, number: int) -> None:
        self._put(0, [bool(number >> index & 1) for index in range(len(self.relays))])

    def _guard(self, seconds: int) -> None:
        self._watchdog_s, self._silent_s = seconds, 0.0
