"""A DS18B20 on the machine's own 1-Wire bus, read from the kernel's files (w1_therm).

Source: the kernel's Documentation/w1/slaves/w1_therm.rst (at 021da53e): each slave's folder under /sys/bus/w1/devices has
        `temperature` (since 5.8; millidegrees Celsius; may be empty while a conversion goes on), and in every kernel
        `w1_slave`: nine bytes with "YES" where their check sum is right, then the same with `t=` and millidegrees, kept from
        the last good reading where it is not. A folder is named by family code and serial number. The same page: 85.00 is the
        value of power-on, 127.94 that of too little power. Range -55 to 125 degC: DS18B20 data sheet (Maxim 19-7487).
Limits: a conversion takes 0.75 s at 12 bits and the bus makes one at a time: many probes on one bus need a longer cycle.
Quirk:  85000 is refused, so a store that truly stands at 85.000 degC is seen as a fault for as long.
Left:   not tried on a kernel with a 1-Wire bus.
"""

import asyncio
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from drivers.evidence import Evidence, Sheet
from protocols.faults import BadReply, LinkDown, NoReply
from protocols.ports import Nameplate
from protocols.readings import Measurement

NAME: Final = "w1-therm"
SHEET: Final = Sheet(
    maker="Maxim",
    product="DS18B20 and its family on the kernel's 1-Wire bus",
    quantities=("temperature_c",),
    verified=Evidence.DOCUMENT,
    quirks=("not Modbus: its folder as the url", "85.000 degC is refused", "0.75 s a reading"),
)
FAMILIES: Final = {"10": "DS18S20", "22": "DS1822", "28": "DS18B20", "3b": "DS1825", "42": "DS28EA00"}
POWER_ON_MC: Final = 85_000
RANGE_MC: Final = range(-55_000, 125_001)
_FOLDER: Final = re.compile(r"(10|22|28|3b|42)-([0-9a-f]{12})")
_SLAVE: Final = re.compile(r"crc=[0-9a-f]{2} (YES|NO)\n.* t=(-?[0-9]+)\s*", re.DOTALL)


def folder_of(url: str) -> Path:
    """The slave's folder of `file:///sys/bus/w1/devices/28-…`; ValueError otherwise."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or parts.query or not _FOLDER.fullmatch(Path(parts.path).name):
        raise ValueError(f"{url}: allowed is file:///sys/bus/w1/devices/28-0123456789ab, the folder of the probe")
    return Path(parts.path)


class W1Thermometer:
    """Implements `protocols.ports.Meter`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._folder, self._timeout_s = folder_of(url), timeout_s
        self._asked: asyncio.Future[str] | None = None

    async def probe(self) -> Nameplate:
        """Who it is, by its folder; LinkDown where that is not there: a probe that is cut goes from the bus."""
        if not await asyncio.to_thread(self._folder.is_dir):
            raise LinkDown(f"{self._folder}: no such probe on the bus")
        family, serial = self._folder.name.split("-")
        return Nameplate("Maxim", FAMILIES[family], serial)

    async def read(self) -> Measurement:
        """As the port: the file is read in a thread, for each reading is a conversion."""
        milli_c = _milli_c(await self._text(), self._folder)
        if milli_c == POWER_ON_MC:
            raise BadReply(f"{self._folder}: 85 degC, the value of power-on: it has lost its power and not measured")
        if milli_c not in RANGE_MC:
            raise BadReply(f"{self._folder}: {milli_c / 1000:g} degC; allowed is -55 to 125, what the probe knows")
        return {"temperature_c": milli_c / 1000.0}

    async def _text(self) -> str:
        """What the kernel says; NoReply too late: then the answer is thrown away when it comes, and asked for anew."""
        late = self._asked
        if late is not None:
            if not late.done():
                raise NoReply(f"{self._folder}: still no answer to the question before")
            if not late.cancelled():
                late.exception()  # seen, and done with
        self._asked = asyncio.ensure_future(asyncio.to_thread(_content, self._folder))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(self._asked)
        except TimeoutError:
            raise NoReply(f"{self._folder}: no answer within {self._timeout_s:g} s") from None
        finally:
            if self._asked.done():
                self._asked = None


def _content(folder: Path) -> str:
    """The newer file where the kernel has it; LinkDown without either, BadReply where the kernel could not read the probe."""
    for name in ("temperature", "w1_slave"):
        try:
            return (folder / name).read_text(encoding="ascii")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise BadReply(f"{folder / name}: {error}") from error
    raise LinkDown(f"{folder}: no such probe on the bus")


def _milli_c(text: str, folder: Path) -> int:
    """Millidegrees of either file."""
    if not text.strip():
        raise NoReply(f"{folder}: nothing yet, a conversion goes on")
    slave = _SLAVE.search(text)
    if slave is None:
        if re.fullmatch(r"-?[0-9]{1,6}\s*", text) is None:
            raise BadReply(f"{folder}: {text[:60]!r}; allowed are millidegrees, or two lines with crc= and t=")
        return int(text)
    verdict, milli_c = slave.groups()
    if verdict != "YES":
        raise BadReply(f"{folder}: the check sum of the probe's answer is wrong")
    return int(milli_c)
