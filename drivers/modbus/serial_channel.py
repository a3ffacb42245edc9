"""A serial port as a channel: pyserial opens and configures it, the event loop watches its file descriptor."""

import asyncio
import os
from dataclasses import dataclass
from typing import Final, Literal

import serial

from drivers.modbus.channel import Inbox
from protocols.faults import LinkDown

Parity = Literal["N", "E", "O"]
StopBits = Literal[1, 2]

_CHUNK: Final = 4096


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a port is opened. The data bits are always 8, as RTU needs them (Serial Line V1.02, 2.5.1)."""

    path: str
    baud: int = 9600
    parity: Parity = "N"
    stopbits: StopBits = 1

    @property
    def character_s(self) -> float:
        """Time of one character on the wire: start bit, 8 data bits, parity, stop bits."""
        return (9 + (self.parity != "N") + self.stopbits) / self.baud


class SerialChannel:
    """One opening of a port, one life; a port that was unplugged ends it."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._fd: int = port.fileno()
        self._inbox = Inbox()
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._on_readable)

    def write(self, data: bytes) -> None:
        """Send without waiting; HungUp where the port is gone."""
        self._inbox.check()
        self._unsent += data
        self._on_writable()
        self._inbox.check()

    async def some(self) -> bytes:
        """At least one byte; HungUp where the port is gone."""
        return await self._inbox.some()

    def drain(self) -> bytes:
        """Take everything that has come in, also what the event loop has not noticed yet."""
        if not self.ended:
            self._inbox.put(self._read())
        return self._inbox.drain()

    def change_baud(self, baud: int) -> None:
        """Go on at another rate; what was written must have left, and what comes next is at the new one."""
        self._inbox.check()
        try:
            self._port.baudrate = baud
        except (OSError, ValueError) as error:
            self._end(f"the port takes no {baud} Bd: {error}")

    @property
    def ended(self) -> bool:
        """Whether the port is known to be gone."""
        return self._inbox.ended

    def close(self) -> None:
        """Give the port back."""
        self._end("closed here")

    def _on_readable(self) -> None:
        data = self._read()
        if not data:
            # Readable without a byte: unplugged. Watching it further would spin at 100 %.
            self._end("the port is gone")
        self._inbox.put(data)

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            self._end(f"the port is gone: {error.strerror}")
            return b""

    def _on_writable(self) -> None:
        try:
            sent = os.write(self._fd, self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._end(f"the port is gone: {error.strerror}")
            return
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._fd, self._on_writable)
        else:
            self._loop.remove_writer(self._fd)

    def _end(self, why: str) -> None:
        if self.ended:
            return
        self._inbox.end(why)
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._port.close()


async def open_port(settings: SerialSettings) -> SerialChannel:
    """The opened port, for us alone; LinkDown where it can not be opened."""
    try:
        port = serial.Serial(
            settings.path,
            settings.baud,
            parity=settings.parity,
            stopbits=settings.stopbits,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise LinkDown(f"can not be opened: {error}") from error
    return SerialChannel(port)
