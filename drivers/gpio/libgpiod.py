"""The port `Lines` by libgpiod's own Python package `gpiod`, version 2 (optional extra `gpio`).

Source: the package's signatures and docstrings, release 2.5.0. Chips are `/dev/gpiochip*`; their numbers may change when hardware
        is added, names of lines do not. Where a name is there twice on a chip, libgpiod takes the first.
Quirk:  calls go to the kernel in the event loop's thread: microseconds on a processor's own lines; a line behind I2C takes as
        long as that bus does.
"""

import asyncio
import errno
import importlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

from drivers.gpio.lines import LineName, LineOptions, Pull
from protocols.faults import Fault, LinkDown, Unsupported

CONSUMER: Final = "busbar"
BIAS: Final = {Pull.AS_IS: "AS_IS", Pull.UP: "PULL_UP", Pull.DOWN: "PULL_DOWN", Pull.NONE: "DISABLED"}


class ChipInfo(Protocol):
    """What is used of `gpiod.ChipInfo`."""

    @property
    def num_lines(self) -> int: ...


class LineInfo(Protocol):
    """What is used of `gpiod.LineInfo`."""

    @property
    def used(self) -> bool: ...
    @property
    def consumer(self) -> str: ...


class Chip(Protocol):
    """What is used of `gpiod.Chip`."""

    def line_offset_from_id(self, id: str | int) -> int: ...
    def get_line_info(self, line: int) -> "LineInfo": ...
    def get_info(self) -> "ChipInfo": ...
    def request_lines(self, config: dict[Any, Any], consumer: str) -> "Request": ...
    def close(self) -> None: ...


class Request(Protocol):
    """What is used of `gpiod.LineRequest`."""

    @property
    def fd(self) -> int: ...
    def get_values(self, lines: list[int]) -> Sequence[Any]: ...
    def set_values(self, values: dict[int, Any]) -> None: ...
    def read_edge_events(self) -> object: ...
    def release(self) -> None: ...


class Libgpiod:
    """Implements `drivers.gpio.lines.Lines`."""

    def __init__(self, gpiod: ModuleType | None = None, dev: Path = Path("/dev")) -> None:
        """Unsupported where the package is not installed."""
        self._gpiod = gpiod or _load()
        self._dev = dev

    def request_output(self, name: LineName, options: LineOptions, active: bool) -> "HeldLines":
        """As the port."""
        line = self._gpiod.line
        value = line.Value.ACTIVE if active else line.Value.INACTIVE
        return self._request([name], options, direction=line.Direction.OUTPUT, output_value=value)

    def request_inputs(self, names: Sequence[LineName], options: LineOptions) -> "HeldLines":
        """As the port."""
        line = self._gpiod.line
        debounce = timedelta(seconds=options.debounce_s)
        wanted = {"direction": line.Direction.INPUT, "edge_detection": line.Edge.BOTH, "debounce_period": debounce}
        return self._request(names, options, **wanted)

    def _request(self, names: Sequence[LineName], options: LineOptions, **wanted: Any) -> "HeldLines":
        bias = getattr(self._gpiod.line.Bias, BIAS[options.pull])
        settings = self._gpiod.LineSettings(active_low=options.active_low, bias=bias, **wanted)
        chip_name = names[0].chip or self._chip_with(names[0])
        chip = self._open(chip_name, names[0])
        try:
            offsets = [_offset(chip, chip_name, name) for name in names]
            try:
                request = chip.request_lines({tuple(offsets): settings}, consumer=CONSUMER)
            except OSError as error:
                raise self._refusal(chip, chip_name, names, offsets, error) from error
        finally:
            chip.close()
        return HeldLines(self._gpiod, request, offsets, f"{chip_name}:{','.join(str(name.line) for name in names)}")

    def _open(self, chip_name: str, name: LineName) -> Chip:
        path = self._dev / chip_name
        try:
            chip: Chip = self._gpiod.Chip(str(path))
        except FileNotFoundError as error:
            there = ", ".join(self._chips()) or "none"
            raise LinkDown(f"{name}: no chip {chip_name}; there is: {there} (gpiodetect lists them)") from error
        except PermissionError as error:
            raise LinkDown(f"{name}: no permission for {path}; put the user into its group (often gpio)") from error
        except OSError as error:
            raise LinkDown(f"{name}: {path} is not a GPIO chip that opens: {error.strerror}") from error
        return chip

    def _chips(self) -> list[str]:
        return sorted(path.name for path in self._dev.glob("gpiochip*"))

    def _chip_with(self, name: LineName) -> str:
        """The one chip with a line of this name."""
        found = [chip for chip in self._chips() if self._has(chip, name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise LinkDown(f"{name}: a line of that name is on {', '.join(found)}; write {found[0]}:{name}")
        raise LinkDown(f"{name}: no line of that name on: {', '.join(self._chips()) or 'none'} (gpioinfo lists them)")

    def _has(self, chip_name: str, name: LineName) -> bool:
        chip = self._open(chip_name, name)
        try:
            _offset(chip, chip_name, name)
        except LinkDown:
            return False
        finally:
            chip.close()
        return True

    def _refusal(
        self, chip: Chip, chip_name: str, names: Sequence[LineName], offsets: list[int], error: OSError
    ) -> Fault:
        which = f"{chip_name}:{','.join(str(name.line) for name in names)}"
        if error.errno == errno.EBUSY:
            holders = "; ".join(_holders(chip, names, offsets)) or "another program holds it"
            return LinkDown(f"{which}: busy: {holders}; end that program or take another line")
        if error.errno in (errno.EPERM, errno.EACCES):
            return LinkDown(f"{which}: the kernel keeps this line to itself (gpioinfo says what for)")
        if error.errno == errno.ENODEV:
            return LinkDown(f"{which}: the chip went away")
        return Unsupported(f"{which}: the chip cannot do what is asked (pull, debounce or edges): {error.strerror}")


class HeldLines:
    """Implements `drivers.gpio.lines.Held` on one request of libgpiod."""

    def __init__(self, gpiod: ModuleType, request: Request, offsets: list[int], which: str) -> None:
        self._gpiod = gpiod
        self._request = request
        self._offsets = offsets
        self._which = which
        self._ready = asyncio.Event()
        self._watching: asyncio.AbstractEventLoop | None = None
        self._released = False

    def get(self) -> tuple[bool, ...]:
        """As the port."""
        active = self._gpiod.line.Value.ACTIVE
        try:
            return tuple(value == active for value in self._request.get_values(self._offsets))
        except OSError as error:
            raise self._gone(error) from error

    def set(self, active: bool) -> None:
        """As the port."""
        values = self._gpiod.line.Value
        try:
            self._request.set_values(dict.fromkeys(self._offsets, values.ACTIVE if active else values.INACTIVE))
        except OSError as error:
            raise self._gone(error) from error

    async def edges(self) -> AsyncIterator[None]:
        """As the port."""
        while True:
            await self._readable()
            try:
                self._request.read_edge_events()
            except OSError as error:
                raise self._gone(error) from error
            yield

    def release(self) -> None:
        """As the port."""
        self._released = True
        self._ready.set()
        self._unwatch()  # before its descriptor is closed: the loop would never hear of a closed one
        with suppress(OSError):
            self._request.release()

    async def _readable(self) -> None:
        self._ready.clear()
        if not self._released:
            self._watching = asyncio.get_running_loop()
            self._watching.add_reader(self._request.fd, self._ready.set)
            try:
                await self._ready.wait()
            finally:
                self._unwatch()
        if self._released:
            raise LinkDown(f"{self._which}: given back while it was watched")

    def _unwatch(self) -> None:
        loop, self._watching = self._watching, None
        if loop is not None:
            loop.remove_reader(self._request.fd)

    def _gone(self, error: OSError) -> LinkDown:
        return LinkDown(f"{self._which}: the chip does not answer any more: {error.strerror}; is it still plugged in?")


def _load() -> ModuleType:
    try:
        gpiod = importlib.import_module("gpiod")
    except ImportError as error:
        raise Unsupported(
            "GPIO: no package gpiod is installed; allowed is version 2, the extra busbar[gpio]"
        ) from error
    if not hasattr(gpiod, "LineSettings"):  # version 1 has the same name and another face
        raise Unsupported("GPIO: the package gpiod is older than version 2; allowed is 2, the extra busbar[gpio]")
    return gpiod


def _offset(chip: Chip, chip_name: str, name: LineName) -> int:
    try:
        return int(chip.line_offset_from_id(name.line))
    except (OSError, ValueError) as error:
        last = chip.get_info().num_lines - 1
        raise LinkDown(f"{name}: no such line; {chip_name} has lines 0 to {last} (gpioinfo names them)") from error


def _holders(chip: Chip, names: Sequence[LineName], offsets: list[int]) -> list[str]:
    infos = [(name, chip.get_line_info(offset)) for name, offset in zip(names, offsets, strict=True)]
    return [f"line {name.line} is held by {info.consumer or 'an unnamed owner'!r}" for name, info in infos if info.used]
