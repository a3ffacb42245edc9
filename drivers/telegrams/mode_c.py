"""A meter of IEC 62056-21 mode C: asked at 300 Bd, it answers at the rate it names.

Source: IEC 62056-21 (2002), reaction time 0.2 to 1.5 s, at most 1.5 s between two characters; the paper was not at hand:
        unverified. Through TCP nobody can change the baud rate of the far end: there the readout stays at 300.
"""

import asyncio
from typing import Final

from drivers.modbus.channel import Channel, SetsBaud
from drivers.telegrams.stream import Stream
from protocols.faults import BadReply, LinkDown, NoReply
from protocols.iec62056_21 import FIRST_BAUD, REQUEST, Identified, ModeCReader, acknowledgement, with_parity
from protocols.ports import Nameplate
from protocols.readings import Aged
from protocols.telegrams import Event, Rejected, Telegram, looks_like

_REACTION_S: Final = 0.3
# 1.5 s to react or between two characters, and as long again for adapters and a busy machine.
_SILENCE_S: Final = 3.0
# A readout of 6 kB takes 200 s at 300 Bd.
_LONGEST_S: Final = 240.0
_CHARACTER_S: Final = 10 / FIRST_BAUD  # start, seven bits, parity, stop


class ModeCMeter:
    """Implements `protocols.ports.Meter`: one readout for each `read`; between two of them the port is closed."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._serial: str | None = None

    async def probe(self) -> Nameplate:
        """Read everything once, for the numbers on the meter."""
        telegram = await self._readout()
        self._serial = telegram.serial
        lacks = () if telegram.serial else ("serial number",)
        return Nameplate(telegram.maker, telegram.model, telegram.serial, lacks=lacks)

    async def read(self) -> Aged:
        """Read everything once; the values are as old as the readout took."""
        begun_s = asyncio.get_running_loop().time()
        telegram = await self._readout()
        if self._serial is not None and telegram.serial != self._serial:
            raise BadReply(f"{self._stream.name}: meter {telegram.serial!r} answers, it was {self._serial!r}")
        return Aged(telegram.values, asyncio.get_running_loop().time() - begun_s)

    async def _readout(self) -> Telegram:
        channel = await self._stream.open()
        try:
            async with asyncio.timeout(_LONGEST_S):
                return await _exchange(channel)
        except TimeoutError:
            raise NoReply(f"{self._stream.name}: a readout that does not end within {_LONGEST_S:g} s") from None
        except (NoReply, BadReply, LinkDown) as fault:
            raise type(fault)(f"{self._stream.name}: {fault}") from fault
        finally:
            channel.close()


async def _exchange(channel: Channel) -> Telegram:
    reader = ModeCReader()
    await _say(channel, REQUEST)
    identified = await _event(channel, reader, "identification")
    if isinstance(identified, Identified):
        await asyncio.sleep(_REACTION_S)
        await _acknowledge(channel, identified)
        identified = await _event(channel, reader, "data block")
    match identified:
        case Telegram():
            return identified
        case Rejected(why):
            raise BadReply(why)
        case Identified(line):
            raise BadReply(f"{line!r} twice")


async def _acknowledge(channel: Channel, identified: Identified) -> None:
    if isinstance(channel, SetsBaud):
        await _say(channel, acknowledgement(identified.figure))
        channel.change_baud(identified.baud)
    else:
        await _say(channel, acknowledgement("0"))


async def _say(channel: Channel, text: bytes) -> None:
    """Send, and return when the last character has left at 300 Bd."""
    channel.write(with_parity(text) if isinstance(channel, SetsBaud) else text)
    await asyncio.sleep(len(text) * _CHARACTER_S)


async def _event(channel: Channel, reader: ModeCReader, what: str) -> Event | Identified:
    """The next event; NoReply after a silence, BadReply where only rubbish came before it."""
    heard = b""
    try:
        while True:
            async with asyncio.timeout(_SILENCE_S):
                data = await channel.some()
            heard = (heard + data)[-64:]
            if events := reader.feed(data):
                return events[0]
    except TimeoutError:
        if heard.strip(REQUEST):
            raise BadReply(f"no {what} within {_SILENCE_S:g} s; what came looks like {looks_like(heard)}") from None
        raise NoReply(f"no {what} within {_SILENCE_S:g} s") from None
