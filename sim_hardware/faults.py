"""Fault words: what can go wrong between a device and its master, switched on and off while traffic flows."""

import asyncio
import copy
import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cached_property
from random import Random
from typing import Final

from protocols.ports import Table
from sim_hardware import distortions
from sim_hardware.devices.image import CoilImage, ModbusRefusal, RegisterImage, Restartable


class Word(StrEnum):
    """A fault, and what its argument means."""

    DROP = "drop"  # requests are lost: no answer, nothing written
    DELAY = "delay"  # argument: seconds each answer takes, one after the other
    LATE = "late"  # argument: seconds after which an answer comes, whatever was asked meanwhile; writes take effect
    FREEZE = "freeze"  # reads show what stood there when the fault began; writes take effect
    DRIFT = "drift"  # argument: share by which currents and powers read more (below 0: less) after each hour
    WORD_SWAP = "word_swap"  # the registers of each number of two and more are in the other order, both ways
    EXCEPTION = "exception"  # argument: the Modbus exception code that answers everything
    GARBLE = "garble"  # one bit of each answer is flipped (TCP: in the header, as data bytes have no check sum)
    REBOOT = "reboot"  # argument: seconds of silence; then zeros for ZEROS_S; settings in RAM are lost, energy is kept
    HALF_OPEN = "half_open"  # connections are accepted, nothing is ever answered
    SINGLE_CONNECTION = "single_connection"  # argument: "refuse" a second client, or let it "kick" the first
    CLOCK_JUMP = "clock_jump"  # argument: seconds by which the wall clock stands wrong while the fault is on
    BABBLE = "babble"  # rubbish on the line that never falls silent; strikes every device on it
    OFF = "off"  # TCP: the port is closed and connections are reset; serial: silence


REFUSE, KICK = "refuse", "kick"
ABOVE_ZERO: Final = frozenset({Word.DELAY, Word.LATE, Word.EXCEPTION, Word.REBOOT})
NOT_ZERO: Final = frozenset({Word.DRIFT, Word.CLOCK_JUMP})
CHOICES: Final = {Word.SINGLE_CONNECTION: (REFUSE, KICK)}
SILENT = (Word.DROP, Word.HALF_OPEN, Word.OFF)
# A SolarEdge inverter gave zeros for 40 s after it came up (home-assistant-solaredge-modbus#127).
ZEROS_S: Final = 40.0

Argument = float | str


def check_argument(word: Word, argument: Argument | None) -> None:
    """ValueError that names what the word takes, where this is not it."""
    if word in CHOICES:
        good, needs = argument in CHOICES[word], " or ".join(repr(each) for each in CHOICES[word])
    elif word in ABOVE_ZERO:
        good, needs = _is_number(argument) and float(argument or 0.0) > 0.0, "a number above zero"
    elif word in NOT_ZERO:
        good, needs = _is_number(argument) and float(argument or 0.0) != 0.0, "a number other than zero"
    else:
        good, needs = argument is None, "no argument"
    if not good:
        raise ValueError(f"fault {word.value}: takes {needs}, got {argument!r}")


def _is_number(argument: Argument | None) -> bool:
    return isinstance(argument, int | float) and not isinstance(argument, bool) and math.isfinite(argument)


def loop_time_s() -> float:
    """The time of the running loop, real or virtual."""
    return asyncio.get_running_loop().time()


class Faults:
    """The switches of one device, shared by all its faces; `seen` counts the transactions each word has struck.

    Words that take time (drift, reboot) are measured on `now_s`, by default the running loop's.
    """

    def __init__(self, *, seed: int = 0, name: str = "", now_s: Callable[[], float] = loop_time_s) -> None:
        self._on: dict[Word, Argument] = {}
        self._began_s: dict[Word, float] = {}
        self._now_s = now_s
        self._listeners: list[Callable[[], None]] = []
        self._seed = f"{seed} {name} faults" if name else f"{seed} faults"
        self.seen: dict[Word, int] = dict.fromkeys(Word, 0)

    @cached_property
    def random(self) -> Random:
        """What a fault draws from; made when first used, as it takes 2.5 kB."""
        return Random(self._seed)

    @property
    def any_on(self) -> bool:
        """Whether any fault is on now."""
        return len(self._on) > 0

    def begin(self, word: Word | str, argument: Argument | None = None) -> None:
        """Switch a fault on (or change its argument); ValueError for an unknown word or a wrong argument."""
        fault = Word(word)
        check_argument(fault, argument)
        self._on[fault] = 0.0 if argument is None else argument
        if fault in (Word.DRIFT, Word.REBOOT):
            self._began_s[fault] = self._now_s()
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
        """The number that a fault was given; 0 where it is off or takes none."""
        argument = self._on.get(word, 0.0)
        return 0.0 if isinstance(argument, str) else argument

    def choice(self, word: Word) -> str:
        """The word that a fault was given; empty where it is off or takes none."""
        argument = self._on.get(word, "")
        return argument if isinstance(argument, str) else ""

    def strikes(self, word: Word) -> bool:
        """Whether the fault is on, counting this transaction if so."""
        if word not in self._on:
            return False
        self.seen[word] += 1
        return True

    def is_booting(self) -> bool:
        """Whether the device is down just now because it reboots."""
        return self.is_on(Word.REBOOT) and self._since_s(Word.REBOOT) < self.argument(Word.REBOOT)

    def is_blank(self) -> bool:
        """Whether the device is up again but has not measured anything yet."""
        up_s = self._since_s(Word.REBOOT) - self.argument(Word.REBOOT) if self.is_on(Word.REBOOT) else -1.0
        return 0.0 <= up_s < ZEROS_S

    def drift(self) -> float:
        """The share by which currents and powers read too much by now."""
        return self.argument(Word.DRIFT) * self._since_s(Word.DRIFT) / 3600.0 if self.is_on(Word.DRIFT) else 0.0

    def _since_s(self, word: Word) -> float:
        return self._now_s() - self._began_s[word]

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call this after each switch; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


class NoAnswer(Exception):
    """The device stays silent; each face makes of it what its wire would show."""


class FaultyImage:
    """An image seen through the faults of its device: silence, exceptions, frozen, swapped or wrong registers."""

    def __init__(self, image: RegisterImage, faults: Faults) -> None:
        self.faults = faults
        self.image = image
        self._frozen: RegisterImage | None = None
        self._rebooted = False
        faults.on_change(self._switched)
        self._switched()

    def _switched(self) -> None:
        rebooted = self.faults.is_on(Word.REBOOT)
        if rebooted and not self._rebooted and isinstance(self.image, Restartable):
            self.image.restart()
        self._rebooted = rebooted
        if not self.faults.is_on(Word.FREEZE):
            self._frozen = None
        elif self._frozen is None:
            self._frozen = copy.deepcopy(self.image)

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """As the image, or NoAnswer."""
        if not self.faults.any_on:
            return self.image.read(table, address, count)
        self.strike()
        frozen = self._frozen if self._frozen is not None and self.faults.strikes(Word.FREEZE) else None
        words = (frozen or self.image).read(table, address, count)
        return self._distorted(table, address, words)

    def write(self, address: int, words: Sequence[int]) -> None:
        """As the image, or NoAnswer."""
        self.strike()
        if self.faults.strikes(Word.WORD_SWAP):
            words = distortions.swapped(self.image, Table.HOLDING, address, words)
        self.image.write(address, words)

    def read_bits(self, coils: bool, address: int, count: int) -> list[bool]:
        """As the image, or NoAnswer; a device without bits does not know the function."""
        image = self._with_bits(self.image)
        self.strike()
        frozen = self._frozen is not None and self.faults.strikes(Word.FREEZE)
        bits = (self._with_bits(self._frozen) if frozen else image).read_bits(coils, address, count)
        if not coils and self.faults.is_blank():  # inputs not read yet
            self.faults.strikes(Word.REBOOT)
            return [False] * count
        return bits

    def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """As the image, or NoAnswer."""
        image = self._with_bits(self.image)
        self.strike()
        image.write_bits(address, bits)

    @staticmethod
    def _with_bits(image: object) -> CoilImage:
        if not isinstance(image, CoilImage):
            raise ModbusRefusal(1, "this device has no single bits")
        return image

    def strike(self) -> None:
        """Raise what the faults make of any transaction, if they do."""
        if not self.faults.any_on:
            return
        for word in SILENT:
            if self.faults.strikes(word):
                raise NoAnswer(word)
        if self.faults.is_booting():
            self.faults.strikes(Word.REBOOT)
            raise NoAnswer(Word.REBOOT)
        if self.faults.strikes(Word.EXCEPTION):
            code = int(self.faults.argument(Word.EXCEPTION))
            raise ModbusRefusal(code, f"fault word exception: code {code}")

    def _distorted(self, table: Table, address: int, words: list[int]) -> list[int]:
        faults, image = self.faults, self.image
        if faults.strikes(Word.DRIFT):
            words = distortions.changed(image, table, address, words, distortions.drifted(faults.drift()))
        if faults.strikes(Word.CLOCK_JUMP):
            seconds = faults.argument(Word.CLOCK_JUMP)
            words = distortions.changed(image, table, address, words, distortions.shifted(seconds))
        if faults.is_blank():
            faults.strikes(Word.REBOOT)
            words = distortions.changed(image, table, address, words, distortions.blank)
        if faults.strikes(Word.WORD_SWAP):
            words = distortions.swapped(image, table, address, words)
        return words
