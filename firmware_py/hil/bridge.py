"""A simulated home whose terminals follow a real-time simulator's Modbus server, as a small TOML table says.

    url = "tcp://192.0.2.20:502"      # the simulator; we are its client
    unit = 1
    period_s = 0.1

    [[take]]                          # read from the simulator, once a period
    quantity = "grid.voltage_v"       # of sim_hardware/foreign.py, TAKES
    address = 0
    shape = "F32"                     # U16 S16 U32 S32 U64 S64 F32 F64
    table = "holding"                 # or "input"
    scale = 1.0                       # raw number times scale is the value; a simulator that counts produced power
                                      # as positive has a negative one
    [[give]]                          # written to the simulator's holding registers, once a period
    quantity = "battery.setpoint_w"
    address = 100
    shape = "F32"
    none = 0.0                        # written where there is no value, such as no setpoint

Without a reply nothing new is taken and the values before hold; the bridge goes on asking.
"""

import asyncio
import logging
import struct
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from drivers.links import parse_url
from firmware_py.hil.histogram import Histogram
from protocols.faults import Fault
from protocols.ports import RegisterBus, Table
from protocols.registers import Shape
from sim_hardware.foreign import GIVES, TAKES, BadValue, ForeignHome

_TABLES: Final = {"holding": Table.HOLDING, "input": Table.INPUT}
_log = logging.getLogger("busbar.hil")


class BadLink(Exception):
    """A table that cannot be used; each line of the message is a key, its value and what is allowed."""


def _shape(value: object) -> object:
    if not isinstance(value, str) or value not in Shape.__members__:
        raise ValueError(f"allowed are {', '.join(Shape.__members__)}")
    return Shape[value]


def _one_of(names: Collection[str]) -> BeforeValidator:
    def check(value: object) -> object:
        if value not in names:
            raise ValueError(f"allowed are {', '.join(names)}")
        return value

    return BeforeValidator(check)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True)


class _Register(_Part):
    """Where a quantity stands, and how."""

    address: Annotated[int, Field(ge=0, le=0xFFFF)]
    shape: Annotated[Shape, BeforeValidator(_shape)]
    scale: float = 1.0
    low_word_first: bool = False

    @field_validator("scale")
    @classmethod
    def _not_zero(cls, value: float) -> float:
        if value == 0:
            raise ValueError("any number but 0 is allowed")
        return value

    def value(self, words: tuple[int, ...]) -> float:
        """The value in these registers, in its unit."""
        return self.shape.decode(words[::-1] if self.low_word_first else words) * self.scale

    def words(self, value: float) -> tuple[int, ...]:
        """A value as registers, held at the ends of what an integer can carry."""
        raw = value / self.scale
        if self.shape not in (Shape.F32, Shape.F64):
            bits, signed = 16 * self.shape.words, self.shape.code.islower()
            least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            raw = min(max(round(raw), least), most)
        packed = struct.pack(f">{self.shape.code}", raw)
        words = struct.unpack(f">{self.shape.words}H", packed)
        return words[::-1] if self.low_word_first else words


class Take(_Register):
    """`[[take]]`: from the simulator to the home."""

    quantity: Annotated[str, _one_of(TAKES)]
    table: Literal["holding", "input"] = "holding"


class Give(_Register):
    """`[[give]]`: from the home to the simulator."""

    quantity: Annotated[str, _one_of(GIVES)]
    none: float = 0.0


class LinkConfig(_Part):
    """The whole table."""

    url: str
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    period_s: Annotated[float, Field(ge=0.01, le=60)] = 0.1
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    take: tuple[Take, ...] = ()
    give: tuple[Give, ...] = ()

    @field_validator("url")
    @classmethod
    def _line(cls, value: str) -> str:
        parse_url(value)
        return value


def load_link(path: Path) -> LinkConfig:
    """Read a table; BadLink with every mistake in it."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return LinkConfig.model_validate(raw)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadLink(f"{path}: a readable TOML file is needed: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))} = {e['input']!r:.80}: {e['msg']}" for e in error.errors()]
        raise BadLink("\n".join([f"{path}: {len(lines)} mistake(s)", *lines])) from error


@dataclass(slots=True)
class Bridge:
    """Keeps a home and a simulator together; `histograms` say how late a round began and how long it took."""

    link: LinkConfig
    bus: RegisterBus
    home: ForeignHome
    now_s: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    took: Histogram = field(init=False)
    late: Histogram = field(init=False)
    _trouble: str = field(default="", init=False)

    def __post_init__(self) -> None:
        deadline_us = round(self.link.period_s * 1e6)
        self.took, self.late = Histogram("bridge.took", deadline_us), Histogram("bridge.late", deadline_us)

    @property
    def histograms(self) -> list[Histogram]:
        """What was measured."""
        return [self.late, self.took]

    async def run(self) -> None:
        """A round at each absolute deadline, until cancelled; a deadline that has passed is dropped."""
        next_s = self.now_s()
        while True:
            began_s = self.now_s()
            self.late.add_s(began_s - next_s)
            await self._tried()
            next_s = max(next_s + self.link.period_s, self.now_s())
            await asyncio.sleep(next_s - self.now_s())

    async def _tried(self) -> None:
        began_s = self.now_s()
        try:
            await self.round()
        except (Fault, BadValue) as fault:
            self.took.lost += 1
            self._tell(str(fault))
        else:
            self.took.add_s(self.now_s() - began_s)
            self._tell("")

    async def round(self) -> None:
        """Read everything that is taken, then write everything that is given; a Fault or BadValue, and nothing was taken."""
        unit, values = self.link.unit, dict[str, float | None]()
        for take in self.link.take:
            words = await self.bus.read(unit, _TABLES[take.table], take.address, take.shape.words)
            values[take.quantity] = take.value(words)
        self.home.take(values)
        gives = self.home.give()
        for give in self.link.give:
            value = gives[give.quantity]
            await self.bus.write(unit, give.address, give.words(give.none if value is None else value))

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _log.warning("the simulator is not followed: %s", trouble)
        self._trouble = trouble
