"""The uplink of a meter without a broker: never up, so that nothing is said and every record waits."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from protocols.faults import Fault, LinkDown
from protocols.ports import Message

_WHY = "no broker is configured"


class NoUplink:
    """`protocols.ports.Uplink` without a connection."""

    is_up = False

    async def run(self) -> None:
        """For ever."""
        await asyncio.Event().wait()

    async def wait_up(self) -> None:
        """For ever."""
        await asyncio.Event().wait()

    async def wait_down(self) -> None:
        """At once."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """LinkDown."""
        raise LinkDown(_WHY)

    async def publish_all(self, messages: Sequence[Message]) -> list[Fault | None]:
        """LinkDown for each."""
        return [LinkDown(_WHY) for _ in messages]

    async def messages(self) -> AsyncIterator[Message]:
        """None, for ever."""
        await asyncio.Event().wait()
        yield Message("", b"")
