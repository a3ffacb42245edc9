"""An R4DCB08's registers: eight DS18B20 probes on RS-485.

Source: "R4DCB08 modbus rtu protocol" (the maker's, Eletechsup; a copy stands in acpiccolo/R4DCB08-Temperature-Collector,
        docs/, at f4e98de): holding registers 0 to 7 (0.1 degC, signed; 0x8000: no sensor or error), 8 to 15 (what is added
        to a channel, 0.1 K), 0xFD (reports by itself every so many seconds, 0: never), 0xFE (its address), 0xFF (its baud
        rate, 5: factory reset). One read takes 1 to 8 registers. Functions 3 and 6.
Choice: a probe resolves 1/16 K (DS18B20, 12 bit) and knows -55 to 125 degC; the board rounds to 0.1 K. Outside it is an
        error to the board. It reports nothing by itself here, and keeps its address and baud rate. What refuses is ours
        too: the document has no exceptions. After a reboot it has its temperatures at once; what a real one shows until its first
        conversion is unverified.
"""

from collections.abc import Sequence
from typing import Final

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal, Nature, Value

CHANNELS: Final = 8
NO_SENSOR: Final = 0x8000
COLDEST_C, HOTTEST_C = -55.0, 125.0
PER_K: Final = 16  # what a DS18B20 resolves
CORRECTIONS: Final = range(CHANNELS, 2 * CHANNELS)
REPORT_S, ADDRESS, BAUD = 0xFD, 0xFE, 0xFF
_SETTABLE: Final = {REPORT_S: range(256), ADDRESS: range(1, 248), BAUD: range(6)}


class R4dcb08:
    """`temperatures_c` is what the probes feel, channel by channel (None: no probe); `dead` are the channels whose probe is cut."""

    def __init__(self, temperatures_c: Sequence[float | None] = ()) -> None:
        if len(temperatures_c) > CHANNELS:
            raise ValueError(f"R4DCB08: {len(temperatures_c)} probes; at most {CHANNELS} are allowed")
        self.temperatures_c = [*temperatures_c, *[None] * (CHANNELS - len(temperatures_c))]
        self.dead: set[int] = set()
        self._settings = {**dict.fromkeys(CORRECTIONS, 0), REPORT_S: 0, ADDRESS: 1, BAUD: 3}

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Up to eight registers."""
        if table is not Table.HOLDING:
            raise ModbusRefusal(1, "R4DCB08: it answers function 3")
        if not 1 <= count <= CHANNELS:
            raise IllegalValue(f"R4DCB08: {count} registers; 1 to {CHANNELS} are allowed")
        return [self._word(place) for place in range(address, address + count)]

    def write(self, address: int, words: Sequence[int]) -> None:
        """One setting."""
        if address not in self._settings or len(words) != 1:
            raise IllegalAddress(f"R4DCB08: {len(words)} registers at {address} can not be written")
        if address in _SETTABLE and words[0] not in _SETTABLE[address]:
            raise IllegalValue(f"R4DCB08: {words[0]} to {address}")
        self._settings[address] = words[0]

    def after(self, dt_s: float) -> None:
        """It keeps no time."""

    def layout(self, table: Table) -> Sequence[Value]:
        """The channels; as settings, for a board that has just started shows no zeros: 0 would be a temperature."""
        if table is not Table.HOLDING:
            return ()
        return [Value(channel, Shape.S16, Nature.SETTING, NO_SENSOR - 0x10000) for channel in range(CHANNELS)]

    def _word(self, address: int) -> int:
        if address not in range(CHANNELS):
            if address not in self._settings:
                raise IllegalAddress(f"R4DCB08: no register {address}")
            return self._settings[address]
        felt_c = None if address in self.dead else self.temperatures_c[address]
        if felt_c is None or not COLDEST_C <= felt_c <= HOTTEST_C:
            return NO_SENSOR
        correction = self._settings[CHANNELS + address]
        signed = correction - 0x10000 if correction & 0x8000 else correction
        return (round(10 * round(PER_K * felt_c) / PER_K) + signed) & 0xFFFF
