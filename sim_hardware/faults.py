"""Fault words: what can go wrong between a device and its master, switched on and off while traffic flows."""

import copy
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random

from protocols.ports import Table
from sim_hardware.devices.image import ModbusRefusal, RegisterImage


class Word(StrEnum):
    """A fault, and what its argument means."""

    DROP = "drop"  # requests are lost: no answer, nothing written
    DELAY = "delay"  # argument: seconds each answer takes, one after the other
    LATE = "late"  # argument: seconds after which an answer comes, whatever was asked meanwhile; writes take effect
    FREEZE = "freeze"  # reads show what stood there when the fault began; writes take effect
    EXCEPTION = "exception"  # argument: the Modbus exception code that answers everything
    GARBLE = "garble"  # one bit of each answer is flipped (TCP: in the header, as data bytes have no check sum)
    HALF_OPEN = "half_open"  # connections are accepted, nothing is ever answered
    OFF = "off"  # TCP: the port is closed and connections are reset; serial: silence


TAKES_ARGUMENT = frozenset({Word.DELAY, Word.LATE, Word.EXCEPTION})
SILENT = (Word.DROP, Word.HALF_OPEN, Word.OFF)


class Faults:
    """The switches of one device, shared by all its faces; `seen` counts the transactions each word has struck."""

    def __init__(self, *, seed: int = 0) -> None:
        self._on: dict[Word, float] = {}
        self._listeners: list[Callable[[], None]] = []
        self.random = Random(f"{seed} faults")
        self.seen: dict[Word, int] = dict.fromkeys(Word, 0)

    def begin(self, word: Word | str, argument: float | None = None) -> None:
        """Switch a fault on (or change its argument); ValueError for an unknown word or a wrong argument."""
        fault = Word(word)
        if (argument is not None) != (fault in TAKES_ARGUMENT) or (argument is not None and argument <= 0.0):
            needs = "a number above zero" if fault in TAKES_ARGUMENT else "no argument"
            raise ValueError(f"fault {fault.value}: takes {needs}, got {argument}")
        self._on[fault] = argument or 0.0
        self._tell()

    def end(self, word: Word | str | None = None) -> None:
        """Switch a fault off; without a word, all of them."""
        for fault in list(Word) if word is None else [Word(word)]:
            self._on.pop(fault, None)
        self._tell()

    def is_on(self, word: Word) -> bool:
        """Whether the fault is on now."""
        return word in self._on

    def argument(self, word: Word) -> float:
        """The argument of a fault; 0 where it is off."""
        return self._on.get(word, 0.0)

    def strikes(self, word: Word) -> bool:
        """Whether the fault is on, counting this transaction if so."""
        if word not in self._on:
            return False
        self.seen[word] += 1
        return True

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call this after each switch; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


class NoAnswer(Exception):
    """The device stays silent; each face makes of it what its wire would show."""


class FaultyImage:
    """An image seen through the faults of its device: silence, exceptions, frozen registers."""

    def __init__(self, image: RegisterImage, faults: Faults) -> None:
        self.faults = faults
        self._image = image
        self._frozen: RegisterImage | None = None
        faults.on_change(self._freeze)
        self._freeze()

    def _freeze(self) -> None:
        if not self.faults.is_on(Word.FREEZE):
            self._frozen = None
        elif self._frozen is None:
            self._frozen = copy.deepcopy(self._image)

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """As the image, or NoAnswer."""
        self._strike()
        if self._frozen is not None and self.faults.strikes(Word.FREEZE):
            return self._frozen.read(table, address, count)
        return self._image.read(table, address, count)

    def write(self, address: int, words: Sequence[int]) -> None:
        """As the image, or NoAnswer."""
        self._strike()
        self._image.write(address, words)

    def _strike(self) -> None:
        for word in SILENT:
            if self.faults.strikes(word):
                raise NoAnswer(word)
        if self.faults.strikes(Word.EXCEPTION):
            code = int(self.faults.argument(Word.EXCEPTION))
            raise ModbusRefusal(code, f"fault word exception: code {code}")
