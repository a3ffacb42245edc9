"""A thermometer on a Modbus line: one register, and no reading without a value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from drivers.evidence import Sheet
from drivers.register_meter import MeterType, RegisterMeter
from protocols.faults import BadReply
from protocols.ports import Nameplate, RegisterBus
from protocols.readings import Measurement

QUANTITY: Final = "temperature_c"


@dataclass(frozen=True, slots=True)
class ProbeType:
    """A model with so many probes; `of` gives the registers of a channel, counted from 0."""

    channels: int
    of: Callable[[int], MeterType]

    @property
    def sheet(self) -> Sheet:
        """Its row in the table of supported devices."""
        return self.of(0).sheet

    def build(self, bus: RegisterBus, unit: int, channel: int) -> "RegisterThermometer":
        """One probe at this unit; ValueError for a channel that is not there."""
        if not 0 <= channel < self.channels:
            raise ValueError(f"channel {channel} of {self.of(0).product}: allowed is 0 to {self.channels - 1}")
        return RegisterThermometer(bus, unit, self.of(channel), channel)


class RegisterThermometer:
    """Implements `protocols.ports.Meter`: a probe that is cut is a fault, for nothing else is measured here."""

    def __init__(self, bus: RegisterBus, unit: int, kind: MeterType, channel: int) -> None:
        self._meter, self._where = RegisterMeter(bus, unit, kind), f"{kind.product} unit {unit}, channel {channel}"

    async def probe(self) -> Nameplate:
        """As the port; it tells no serial number, and is not said to lack one."""
        return replace(await self._meter.probe(), lacks=())

    async def read(self) -> Measurement:
        """As the port; BadReply where the device says that there is no sensor, or that it is broken."""
        values = await self._meter.read()
        if values[QUANTITY] is None:
            raise BadReply(f"{self._where}: the device says that there is no sensor or that it does not answer")
        return values
