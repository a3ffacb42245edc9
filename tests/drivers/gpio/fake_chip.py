"""A GPIO chip in memory: lines with levels, the kernel's debounce on the loop's time, and faults by word."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from drivers.gpio.lines import LineName, LineOptions
from protocols.faults import LinkDown


@dataclass
class FakeChip:
    """Implements `drivers.gpio.lines.Lines`; `levels` are electrical, True is high."""

    levels: dict[LineName, bool]
    busy: str = ""
    vanished: bool = False
    stuck: bool = False
    requests: list[tuple[str, LineOptions, bool | None]] = field(default_factory=list)
    driven: list[bool] = field(default_factory=list)
    held: list["FakeHeld"] = field(default_factory=list)

    def request_output(self, name: LineName, options: LineOptions, active: bool) -> "FakeHeld":
        held = self._request([name], options, active)
        held.set(active)
        return held

    def request_inputs(self, names: Sequence[LineName], options: LineOptions) -> "FakeHeld":
        return self._request(names, options, None)

    def _request(self, names: Sequence[LineName], options: LineOptions, active: bool | None) -> "FakeHeld":
        self.check()
        if self.busy:
            raise LinkDown(f"{names[0]}: busy: held by {self.busy!r}")
        self.requests.append((",".join(map(str, names)), options, active))
        self.held.append(FakeHeld(self, tuple(names), options))
        return self.held[-1]

    def check(self) -> None:
        if self.vanished:
            raise LinkDown("gpiochip0: the chip went away")

    def vanish(self) -> None:
        self.vanished = True
        for held in self.held:
            held.wake()

    def put(self, name: LineName, high: bool) -> None:
        """Something outside pulls the line; whoever watches it hears of it when it has settled."""
        self.levels[name] = high
        for held in self.held:
            if name in held.names:
                held.moved(name)


class FakeHeld:
    """Implements `drivers.gpio.lines.Held`."""

    def __init__(self, chip: FakeChip, names: tuple[LineName, ...], options: LineOptions) -> None:
        self.chip, self.names, self.options = chip, names, options
        self.released = False
        self._settled = {name: chip.levels[name] for name in names}
        self._timers: dict[LineName, asyncio.TimerHandle] = {}
        self._edge = asyncio.Event()

    def get(self) -> tuple[bool, ...]:
        self._check()
        return tuple(self._settled[name] is not self.options.active_low for name in self.names)

    def set(self, active: bool) -> None:
        self._check()
        self.chip.driven.append(active)
        if not self.chip.stuck:
            (name,) = self.names
            self._settled[name] = self.chip.levels[name] = active is not self.options.active_low

    async def edges(self) -> AsyncIterator[None]:
        while True:
            await self._edge.wait()
            self._edge.clear()
            self._check()
            yield

    def release(self) -> None:
        self.released = True
        for timer in self._timers.values():
            timer.cancel()
        self._edge.set()

    def wake(self) -> None:
        self._edge.set()

    def moved(self, name: LineName) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()
        if self.options.debounce_s > 0:
            loop = asyncio.get_running_loop()
            self._timers[name] = loop.call_later(self.options.debounce_s, self._settle, name)
        else:
            self._settle(name)

    def _settle(self, name: LineName) -> None:
        if self._settled[name] is not self.chip.levels[name]:
            self._settled[name] = self.chip.levels[name]
            self._edge.set()

    def _check(self) -> None:
        self.chip.check()
        if self.released:
            raise LinkDown("released")
