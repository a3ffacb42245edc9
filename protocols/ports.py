"""The ports: what decisions and daemons need from the world, one question each.

Concrete classes stand in drivers/, firmware_py/ and sim_hardware/, and are named in the composition root only. Every
method that talks to the outside raises a `protocols.faults.Fault` when the outside fails, and nothing else.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from protocols.faults import Fault
from protocols.readings import Measurement


class Table(IntEnum):
    """The two Modbus register tables, by the function code that reads them."""

    HOLDING = 3
    INPUT = 4


class BitTable(IntEnum):
    """The two Modbus bit tables, by the function code that reads them."""

    COILS = 1
    CONTACTS = 2  # discrete inputs


class RegisterBus(Protocol):
    """One line or connection with its devices; calls are queued, one transaction at a time, the urgent first (priority.py)."""

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        """Read `count` (1 to 125) 16-bit registers from a zero-based `address`; exactly `count` words or a Fault."""
        ...

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """Write holding registers (function 16, or 6); never repeated by itself. Returns once the device confirmed."""
        ...

    async def close(self) -> None:
        """Close the line; a later call opens it again."""
        ...


@runtime_checkable
class BitBus(Protocol):
    """A line whose devices have coils and discrete inputs; the rules are those of `RegisterBus`."""

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        """Read `count` (1 to 2000) bits from a zero-based `address`; exactly `count` or a Fault."""
        ...

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        """Write coils (function 15); never repeated by itself. Returns once the device confirmed."""
        ...


@dataclass(frozen=True, slots=True)
class Ratings:
    """What a controllable device can do at most. Both powers are magnitudes, in W."""

    consume_max_w: float
    produce_max_w: float
    energy_wh: float | None = None
    reverts_by_itself: bool = False  # a reversion timer in the device; without one: "no hardware fallback"


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Who a device says it is, what it can do, and which features it was found to lack when probed."""

    maker: str
    model: str
    serial: str
    firmware: str = ""
    ratings: Ratings | None = None
    lacks: tuple[str, ...] = ()


class Meter(Protocol):
    """A device that measures."""

    async def probe(self) -> Nameplate:
        """Identify the device and find what it lacks; called after each (re)connection, before the first read."""
        ...

    async def read(self) -> Measurement:
        """Read every quantity once; `Aged` where the device measured before it was asked."""
        ...


class Inverter(Meter, Protocol):
    """A producer whose production can be limited."""

    async def limit(self, produce_max_w: float | None, valid_s: float) -> None:
        """Let at most this be produced (magnitude, W; None lifts the limit) for `valid_s` seconds.

        The reversion timer is programmed first, so that the device falls into its fallback by itself afterwards.
        Read back before returning: NotApplied where the device kept something else.
        """
        ...


class Battery(Meter, Protocol):
    """A store that follows a power."""

    async def follow(self, power_w: float | None, valid_s: float) -> None:
        """Charge (positive) or discharge (negative) at this power for `valid_s` seconds; None: back to its own mode.

        Reversion and read-back as in `Inverter.limit`.
        """
        ...


class Plug(StrEnum):
    """The state of a charging point as IEC 61851-1 names it."""

    EMPTY = "A"  # no car
    CONNECTED = "B"  # a car that is not ready to charge, or may not
    CHARGING = "C"
    VENTILATED = "D"
    FAULTY = "E"
    OUT_OF_ORDER = "F"


class Charger(Meter, Protocol):
    """A charging point that takes a limit of the current per phase. Less than 6 A can no car be told (IEC 61851-1)."""

    async def plug(self) -> Plug | None:
        """What is plugged in and whether it charges; None where the device does not know."""
        ...

    async def allow(self, current_max_a: float | None, valid_s: float) -> None:
        """Let the car take this on each phase (6 and more; 0 pauses; None: its own setting) for `valid_s` seconds.

        ValueError between 0 and 6 A and beyond what the device takes. Read back as in `Inverter.limit`. A device without
        a timer of its own keeps the limit after `valid_s` ("no hardware fallback"): its owner must lift it.
        """
        ...


class Relay(Protocol):
    """One contact that is switched."""

    async def switch(self, on: bool, valid_s: float) -> None:
        """Close it (True) or open it for `valid_s` seconds; NotApplied where it reads back otherwise.

        Only a board with a watchdog lets go by itself.
        """
        ...

    async def is_on(self) -> bool:
        """Whether it is closed now, as the device says."""
        ...


class Contacts(Protocol):
    """Inputs that something outside closes, such as a ripple-control receiver."""

    async def closed(self) -> tuple[bool, ...]:
        """Each input, the first first."""
        ...


class SgMode(StrEnum):
    """What a heat pump with the SG-Ready label can be asked for."""

    BLOCKED = "blocked"  # for two hours at most
    NORMAL = "normal"
    ENCOURAGED = "encouraged"
    ORDERED = "ordered"


class Thermostat(Protocol):
    """A heat pump that is asked, not measured."""

    async def ask(self, mode: SgMode, valid_s: float) -> None:
        """Ask for this for `valid_s` seconds; NotApplied where the contacts read back otherwise."""
        ...

    async def asked(self) -> SgMode:
        """What it is asked for now, as the contacts say."""
        ...


class TapChanger(Protocol):
    """A transformer's tap changer; a higher position gives a higher voltage. It keeps its position: no lease."""

    async def position(self) -> int:
        """Where it stands."""
        ...

    async def go_to(self, position: int) -> None:
        """Begin to move there, step by step; ValueError outside its range, DeviceRefused while it moves or is local."""
        ...


class CapacitorBank(Protocol):
    """Capacitors in equal steps. It keeps what is ordered: no lease."""

    async def steps_in(self) -> int:
        """How many are switched in."""
        ...

    async def order(self, steps: int) -> None:
        """Have so many in, as soon as they are discharged; ValueError outside 0 to all, NotApplied where not taken."""
        ...


class Clock(Protocol):
    """The one clock, injected. Deadlines live on `now_s`; `utc` labels records only."""

    def now_s(self) -> float:
        """Monotonic seconds from an arbitrary start."""
        ...

    def utc(self) -> datetime:
        """Wall time, aware, UTC."""
        ...

    def synchronised(self) -> bool:
        """Whether the wall clock is known to be disciplined by a time source."""
        ...


class Message(msgspec.Struct, frozen=True):
    """What came in on a subscribed topic, as bytes, untouched; or what is to go out, and whether it is to be retained."""

    topic: str
    payload: bytes
    retained: bool = False


class Uplink(Protocol):
    """The broker. `run` keeps the connection for ever; everything else works on whatever connection there is."""

    @property
    def is_up(self) -> bool:
        """Whether the connection stands now."""
        ...

    async def run(self) -> None:
        """Connect, subscribe, announce, and reconnect for ever; ends only by cancellation."""
        ...

    async def wait_up(self) -> None:
        """Return once the connection stands."""
        ...

    async def wait_down(self) -> None:
        """Return once there is no connection."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Return once the broker has taken it (QoS 1); LinkDown when there is none, Refused when it says no."""
        ...

    async def publish_all(self, messages: Sequence[Message]) -> list[Fault | None]:
        """Publish several in their order (`retained`: to be retained) without waiting for each answer before the next.

        Returns once each is answered: None where the broker has taken it, else what `publish` would have raised.
        """
        ...

    def messages(self) -> AsyncIterator[Message]:
        """Everything that arrives on the subscribed topics, across reconnections."""
        ...


class Journal(Protocol):
    """Durable records: what `append` and `keep` have returned survives a power cut."""

    async def append(self, stream: str, record: bytes) -> int:
        """Store a record; its sequence number in the stream, counted from 1 without gaps."""
        ...

    async def pending(self, stream: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` unacknowledged records with a number above `after`, oldest first."""
        ...

    async def acknowledge(self, stream: str, up_to: int) -> None:
        """Delete everything up to and including this number; Refused where it was never stored."""
        ...

    async def keep(self, key: str, value: bytes) -> None:
        """Store the one present value of a key."""
        ...

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        """Store the present values of several keys, all or none of them; None deletes one."""
        ...

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        """Every key that begins so, with its present value."""
        ...

    async def kept(self, key: str) -> bytes | None:
        """The present value of a key; None where there is none."""
        ...
