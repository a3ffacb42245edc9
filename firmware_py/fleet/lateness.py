"""How late things are in a fleet that runs in real time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from math import floor
from typing import Final

from protocols.faults import Fault
from protocols.ports import Message, Uplink
from sim_hardware.world.world import World

# What a loop's timers may differ by is no lateness.
SLACK: Final = 0.5


class Lateness:
    """Things that are due every `period_s`: by how much one came later than a period after the one before (`worst_s`),
    and how many periods went by without one (`missed`).
    """

    def __init__(self, period_s: float) -> None:
        self.worst_s, self.missed = 0.0, 0
        self._period_s, self._loop = period_s, asyncio.get_running_loop()

    def watch(self) -> Callable[[], None]:
        """To be called whenever one of them is done; each thing has its own."""
        last_s: float | None = None

        def done() -> None:
            nonlocal last_s
            now_s = self._loop.time()
            if last_s is not None:
                self._took(now_s - last_s)
            last_s = now_s

        return done

    def _took(self, gap_s: float) -> None:
        self.worst_s = max(self.worst_s, gap_s - self._period_s)
        self.missed += max(0, floor(gap_s / self._period_s + SLACK) - 1)


class Published:
    """What the nodes of a fleet have sent: payload in bytes, and the longest that a broker took to confirm."""

    def __init__(self) -> None:
        self.payload_bytes, self.worst_s = 0, 0.0


class Watched:
    """An uplink that is looked at while it sends: `confirmed` is called when a broker has taken a reading."""

    def __init__(self, uplink: Uplink, published: Published, confirmed: Callable[[], None]) -> None:
        self._uplink, self._published, self._confirmed = uplink, published, confirmed
        self._loop = asyncio.get_running_loop()
        self.run, self.wait_up, self.wait_down, self.publish = (
            uplink.run,
            uplink.wait_up,
            uplink.wait_down,
            uplink.publish,
        )

    @property
    def is_up(self) -> bool:
        """As the port says."""
        return self._uplink.is_up

    async def publish_all(self, messages: Sequence[Message]) -> list[Fault | None]:
        """As the port says."""
        began_s = self._loop.time()
        faults = await self._uplink.publish_all(messages)
        self._published.worst_s = max(self._published.worst_s, self._loop.time() - began_s)
        self._published.payload_bytes += sum(len(message.payload) for message in messages)
        if any(fault is None and "/telemetry/" in each.topic for each, fault in zip(messages, faults, strict=True)):
            self._confirmed()
        return faults

    def messages(self) -> AsyncIterator[Message]:
        """As the port says."""
        return self._uplink.messages()


class Stepped:
    """A world whose every step is told."""

    def __init__(self, world: World, done: Callable[[], None]) -> None:
        self._world, self._done = world, done

    def after(self, dt_s: float) -> None:
        """As the world's."""
        self._world.after(dt_s)
        self._done()
