"""A record as a test, in minutes: docs/record-replay.md shows the first one. And a record is what was measured."""

import asyncio
import struct

import pytest

from drivers.meters.eastron_three_phase import SDM630
from drivers.recording.lines import Plan
from drivers.telegrams.models import MODELS
from drivers.telegrams.stream import Stream
from protocols.faults import DeviceRefused, Fault
from protocols.modbus import Function
from protocols.ports import Meter, Table
from protocols.readings import Measurement
from protocols.recording import GotWords, Line, Recorded, Recording, asked, words_of
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.push_reading import PushMeter
from sim_hardware.faces.push import PushStream
from sim_hardware.faults import Faults
from sim_hardware.home import SimHome
from sim_hardware.replay.device import Framing
from sim_hardware.replay.faces import talk
from sim_hardware.replay.player import Player
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.recording.test_faults_again import line_on, on_disk
from tests.drivers.wire import After, Wire
from tests.protocols import modbus_peer as peer
from tests.replay import bus_of, meter_of, recording, telegram_meter_of
from tests.sim_hardware.push_vectors import SUMMER

FIELD = ("sdm630-tcp-faults.jsonl", "sdm630-rtu-faults.jsonl")
Series = list[Measurement | str]


@pytest.mark.parametrize("name", FIELD)
def test_a_day_in_the_field(name: str) -> None:
    """Spoilt replies, silence, exceptions and a late reply: faults, said as such, and never a value that was not told."""

    async def main() -> Series:
        player = Player(recording(name))
        seen = await polled(meter_of(player), 12)
        assert not player.unknown
        return seen

    seen = run_virtual(main(), horizon_s=120)
    told = powers_told(recording(name))
    powers = [each["power_w"] for each in seen if not isinstance(each, str)]
    assert {kind for kind in seen if isinstance(kind, str)} == {"BadReply", "NoReply", "DeviceRefused"}
    assert len(powers) >= 7
    assert powers == sorted(powers, key=told.index), "never back in time"


def powers_told(record: Recording) -> list[float | None]:
    """Total power, straight from the words of the record: IEEE 754 in input registers 52 and 53."""
    found: list[float | None] = []
    for line in record.lines:
        if isinstance(line, GotWords):
            ask = asked(line.ask)
            if ask.function is Function.READ_INPUT and ask.address <= 52 < ask.address + ask.count - 1:
                pair = words_of(line.words)[52 - ask.address : 54 - ask.address]
                found.append(struct.unpack(">f", struct.pack(">2H", *pair))[0])
    return found


async def polled(meter: Meter, polls: int, every_s: float = 1.0) -> Series:
    """What a poller sees, second by second."""
    loop, seen, is_probed = asyncio.get_running_loop(), Series(), False
    begun_s = loop.time()
    for poll in range(polls):
        await asyncio.sleep(max(begun_s + poll * every_s - loop.time(), 0.0))
        try:
            if not is_probed:
                await meter.probe()
            is_probed = True
            seen.append(dict(await meter.read()))
        except Fault as fault:
            is_probed = False
            seen.append(type(fault).__name__)
    return seen


def recorded(framing: Framing, polls: int) -> tuple[Series, Recording]:
    """A simulated meter whose load moves, read and recorded on virtual time; each fourth request meets silence."""
    home, lines = SimHome(5), list[Line]()

    def script(frame: bytes) -> list[After]:
        request, number = (slaves.on_rtu(frame), 0) if framing is Framing.RTU else slaves.on_tcp(frame)
        home.after(0.5)
        words = home.images["grid"].read(Table(request.function), request.address, request.count)
        pdu = peer.reply_pdu(request, words, number)
        reply = peer.rtu(pdu) if framing is Framing.RTU else peer.tcp(pdu)
        return [] if len(wire.sent) % 7 == 5 else [After(0.013, reply)]

    async def main() -> Series:
        bus = line_on(wire, framing, lines)
        seen = await polled(SDM630.build(bus, 1), polls)
        await bus.close()
        return seen

    wire = Wire(script, follows=True)
    return run_virtual(main(), horizon_s=600), on_disk(framing, lines)


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "by time"])
@pytest.mark.parametrize("framing", list(Framing))
def test_the_same_series_of_measurements(framing: Framing, in_order: bool) -> None:
    first, record = recorded(framing, 30)
    assert len({str(each) for each in first}) > 10, "or there is nothing to tell apart"

    async def again() -> Series:
        return await polled(meter_of(Player(record, in_order=in_order)), 30)

    assert run_virtual(again(), horizon_s=600) == first


@pytest.mark.parametrize("served", list(Framing))
def test_the_same_series_on_another_wire(served: Framing) -> None:
    """What was recorded on one framing is served on the other."""
    source = Framing.RTU if served is Framing.TCP else Framing.TCP
    first, record = recorded(source, 4)

    async def again() -> Series:
        return await polled(SDM630.build(bus_of(Player(record, in_order=True), served), 1), 4)

    assert run_virtual(again(), horizon_s=600) == first


def test_ten_times_as_fast() -> None:
    """A poll every tenth of a second sees what a poll every second saw, where no time-out comes between."""
    first, record = recorded(Framing.TCP, 30)
    values = [each for each in first if not isinstance(each, str)]

    async def again() -> Series:
        player = Player(record, speed=10.0)
        return await polled(meter_of(player), 30, every_s=0.1)

    seen = [each for each in run_virtual(again(), horizon_s=600) if not isinstance(each, str)]
    assert len(seen) > 10
    powers = [each["power_w"] for each in values]
    assert {each["power_w"] for each in seen} <= set(powers)
    assert [each["power_w"] for each in seen] == sorted((each["power_w"] for each in seen), key=powers.index)


def test_what_was_never_asked_is_refused_and_counted() -> None:
    async def main() -> Player:
        player = Player(recording(FIELD[0]))
        bus = bus_of(player)
        for question, code in (
            (lambda: bus.read(1, Table.HOLDING, 7, 2), 2),
            (lambda: bus.read(2, Table.INPUT, 0, 36), 2),
            (lambda: bus.write(1, 0xF000, (1, 2)), 1),
        ):
            with pytest.raises(DeviceRefused) as refused:
                await question()
            assert refused.value.code == code
        return player

    player = run_virtual(main(), horizon_s=60)
    assert player.unknown.total() == 3


def test_with_loop_it_begins_again() -> None:
    async def main() -> tuple[list[float | None], float]:
        player = Player(recording(FIELD[0]), loop=True)
        bus, seen = bus_of(player), list[float | None]()
        for at_s in (0.0, player.length_s, 2 * player.length_s):
            await asyncio.sleep(max(at_s - asyncio.get_running_loop().time(), 0.0))
            words = await bus.read(1, Table.INPUT, 0x30, 0x1C)
            seen.append(struct.unpack(">f", struct.pack(">2H", *words[4:6]))[0])
        return seen, player.length_s

    seen, length_s = run_virtual(main(), horizon_s=100)
    assert seen[0] == seen[1] == seen[2] == powers_told(recording(FIELD[0]))[0]
    assert 12.0 < length_s < 14.0


def test_telegrams_are_said_again_at_their_times() -> None:
    """Recorded from a simulated P1 port, a telegram each 10 s; replayed ten times as fast."""
    home, lines = SimHome(5), list[Line]()

    plan = Plan("serial:///dev/p1?baud=115200", (Recorded("p1"),), 1.0)

    async def record() -> list[float | None]:
        wire = Wire(lambda data: (), follows=True)
        stream = Stream("p1", plan.through(lines.append, asyncio.get_running_loop().time)(wire.open))
        meter, seen = MODELS["p1"].build(stream, None), list[float | None]()
        device = PushMeter(home.terminals["grid"], P1(), lambda: SUMMER)
        pushing = asyncio.create_task(PushStream(device, Faults(), wire.inject, 10.0).run())
        for _ in range(5):
            seen.append((await meter.read())["power_w"])
            home.after(10.0)
        pushing.cancel()
        await stream.close()
        return seen

    async def again(record_: Recording) -> tuple[list[float | None], float]:
        player, loop = Player(record_, speed=10.0), asyncio.get_running_loop()
        meter, stream, wire = telegram_meter_of(player)
        reading = asyncio.create_task(meter.read())
        await asyncio.sleep(0.1)
        talking = asyncio.create_task(talk(player, wire.inject))
        seen, begun_s = [(await reading)["power_w"]], loop.time()
        seen += [(await meter.read())["power_w"] for _ in range(4)]
        took_s = loop.time() - begun_s
        await talking
        await stream.close()
        return seen, took_s

    first = run_virtual(record(), horizon_s=600)
    assert len(set(first)) == 5
    seen, took_s = run_virtual(again(on_disk(Framing.RTU, lines, plan)), horizon_s=600)
    assert seen == first
    assert took_s == pytest.approx(4.0)
