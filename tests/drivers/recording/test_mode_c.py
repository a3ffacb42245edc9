"""A meter of mode C on record: its two answers with their rates, without its number, and the same readout again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from drivers.modbus.channel import Channel
from drivers.recording.lines import Plan, recorded
from drivers.recording.pseudonyms import Pseudonyms
from drivers.recording.telegram_masks import masked_block
from drivers.telegrams.mode_c import ModeCMeter
from drivers.telegrams.stream import Stream
from protocols.faults import BadReply, Fault, NoReply
from protocols.ports import Nameplate
from protocols.readings import Measurement
from protocols.recording import GotAnswer, Line, Recording, encoded, parse
from protocols.telegrams import Malformed
from sim_hardware.devices.iec62056 import Iec62056, checked
from sim_hardware.replay.player import Player
from sim_hardware.virtual_time import run_virtual
from tests.drivers.wire import After, MemoryChannel, Script, Wire
from tests.replay import telegram_meter_of
from tests.sim_hardware.push_vectors import READING

SERIAL = "48151623"
METER = Iec62056(serial=SERIAL)
REQUEST = b"/?!\r\n"


class Port(MemoryChannel):
    """A port in memory; what it was set to, and its text carries parity."""

    def __init__(self, wire: Wire, bauds: list[int]) -> None:
        super().__init__(wire)
        self._bauds = bauds

    def change_baud(self, baud: int) -> None:
        self._bauds.append(baud)


class PortWire(Wire):
    def __init__(self, script: Script) -> None:
        super().__init__(script, follows=True)
        self.bauds: list[int] = []

    async def open(self) -> MemoryChannel:
        self._channel = Port(self, self.bauds)
        return self._channel


def even(text: bytes) -> bytes:
    return bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in text)


def honest(asked: bytes) -> Sequence[After]:
    text = METER.identification if asked.translate(bytes(range(128)) * 2) == REQUEST else METER(READING)
    return [After(0.4, even(text[:1])), After(0.9, even(text[1:]))]


async def recorded_through(
    script: Script, film: Callable[[ModeCMeter], Awaitable[None]], *, masks: bool = True, url: str = "serial:///dev/x"
) -> tuple[Recording, PortWire]:
    lines: list[Line] = []
    wire = PortWire(script)

    async def opened() -> Channel:
        return await (wire.open() if url.startswith("serial") else Wire.open(wire))

    plan = Plan(url, (recorded("iec62056-21", 1),), 1.0, masks=masks)
    through = plan.through(lines.append, asyncio.get_running_loop().time)
    await film(ModeCMeter(Stream("meter", through(opened))))
    data = b"".join(map(encoded, (plan.head(version="", utc=""), *lines)))
    return parse(data, "record"), wire


async def twice(meter: ModeCMeter) -> None:
    await meter.probe()
    await meter.read()


def test_a_readout_is_recorded_with_its_rates_and_comes_again_without_its_number() -> None:
    async def main() -> tuple[Recording, list[int], Nameplate, Measurement]:
        recording, wire = await recorded_through(honest, twice)
        meter, stream, _ = telegram_meter_of(Player(recording))
        plate, values = await meter.probe(), await meter.read()
        await stream.close()
        return recording, wire.bauds, plate, values

    recording, bauds, plate, values = run_virtual(main(), horizon_s=100.0)
    answers = [line for line in recording.lines if isinstance(line, GotAnswer)]
    assert [(line.say, line.baud, line.after) for line in answers] == 2 * [
        ("/?!\r\n", 300, 0.4),
        ("\x06050\r\n", 9600, 0.4),
    ]
    assert {line.took for line in answers} == {0.9}
    assert bauds == [9600, 9600], "and the port itself was changed"
    assert recording.head.baud == 300
    assert recording.is_asked
    assert SERIAL not in repr(recording)
    assert (plate.maker, plate.model, plate.serial) == ("BSB", "SIM-C", "99999001")
    assert values["power_w"] == READING.total_w


def test_serial_numbers_are_kept_where_asked_for() -> None:
    recording, _ = run_virtual(recorded_through(honest, twice, masks=False), horizon_s=100.0)
    assert SERIAL in repr(recording)


def test_through_tcp_there_is_no_rate() -> None:
    def script(asked: bytes) -> Sequence[After]:
        return [After(0.4, METER.identification if asked == REQUEST else METER(READING))]

    recording, wire = run_virtual(recorded_through(script, twice, url="tcp://x:4001"), horizon_s=100.0)
    answers = [line for line in recording.lines if isinstance(line, GotAnswer)]
    assert {(line.say, line.baud) for line in answers} == {("/?!\r\n", None), ("\x06000\r\n", None)}
    assert (wire.bauds, recording.head.baud) == ([], None)


def spoilt(asked: bytes) -> Sequence[After]:
    good = list(honest(asked))
    if asked.translate(bytes(range(128)) * 2) != REQUEST:
        good[1] = After(0.9, even(METER(READING)[1:-1]) + b"\x00")
    return good


@pytest.mark.parametrize(("script", "fault"), [(spoilt, BadReply), (lambda asked: [], NoReply)])
def test_a_fault_is_on_record_and_comes_again(script: Script, fault: type[Fault]) -> None:
    async def main() -> Recording:
        async def fails(meter: ModeCMeter) -> None:
            with pytest.raises(fault):
                await meter.probe()

        recording, _ = await recorded_through(script, fails)
        meter, stream, _ = telegram_meter_of(Player(recording))
        with pytest.raises(Fault):
            await meter.probe()
        await stream.close()
        return recording

    recording = run_virtual(main(), horizon_s=100.0)
    last = recording.lines[-1]
    assert isinstance(last, GotAnswer)
    assert (last.text, last.hex) == ("", ""), "spoilt bytes may hold half of a number"
    assert bool(last.size) == bool(last.why) == (fault is BadReply)
    assert SERIAL not in repr(recording)


@pytest.mark.parametrize(
    "code", ["0.0.0", "0.0", "C.1.0", "C.1", "96.1.1", "1-0:96.1.0*255", "42.0.0", "C.90.1", "C.13.0"]
)
def test_every_place_of_a_number_is_masked_and_the_block_check_made_anew(code: str) -> None:
    """Codes as on meters: 0.0 and C.1 name the device (OBIS 0.0.x, 96.1.x), C.90 its address."""
    body = f"{code}(4815162342)\r\n1.8.0(000012.345*kWh)\r\nF.F(00000000)\r\n!\r\n"
    clean = masked_block("/BSB5SIM-C", checked(body.encode("ascii")), Pseudonyms())
    assert clean == checked(body.replace("4815162342", "9999999001").encode("ascii"))


def test_what_is_no_block_is_not_given_out() -> None:
    with pytest.raises(Malformed, match="not a data block"):
        masked_block("/BSB5SIM-C", b"\x020.0.0(4815162342)\r\n\x03x", Pseudonyms())
