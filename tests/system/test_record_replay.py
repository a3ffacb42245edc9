"""`busbar record` and `busbar replay` as people run them: the same measurements on TCP, on a pty, and ten times as fast."""

import asyncio
import re
import signal
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.links import open_bus, open_stream
from drivers.meters.eastron_three_phase import SDM630
from drivers.sunspec.inverter import SunSpecInverter
from drivers.telegrams.models import MODELS
from protocols.faults import Fault
from protocols.ports import Table
from protocols.recording import GotAnswer, GotText, Recording, parse
from sim_hardware.replay.faces import served
from sim_hardware.replay.player import Player
from tests.replay import RECORDS
from tests.system.busbar import BUSBAR, busbar, sim_device, told
from tests.system.eventually import eventually
from tests.system.mbpoll import mbpoll, polled
from tests.system.mosquitto import free_port
from tests.test_replay import powers_told

pytestmark = pytest.mark.system

TOTAL_W = 0x0034


@asynccontextmanager
async def replay(file: Path, listen: str, *words: str) -> AsyncIterator[str]:
    """`busbar replay` for as long as the block lasts; yields the address it printed, ends it with Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        BUSBAR, "replay", str(file), "--listen", listen, *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60.0):
            yield (await process.stdout.readline()).decode().strip()
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def loaded(path: Path) -> Recording:
    return parse(path.read_bytes(), path.name)


async def powers(url: str, polls: int) -> list[float | None]:
    """What our driver reads at an address."""
    bus = open_bus(url, 1.0)
    try:
        meter = SDM630.build(bus, 1)
        await meter.probe()
        return [(await meter.read())["power_w"] for _ in range(polls)]
    finally:
        await bus.close()


@pytest.mark.parametrize("source", ["tcp://127.0.0.1:0", "pty"])
async def test_the_same_measurements_on_every_wire(source: str, tmp_path: Path) -> None:
    file = tmp_path / "meter.jsonl"
    async with sim_device("sdm630", source) as url:
        ended = await busbar("record", url, "--model", "sdm630", "--out", str(file), "--for", "4s", "--every", "250ms")
        assert ended.good.startswith(f"{file}: ")
        assert ended.good.strip().endswith("serial numbers are masked")
    told_w = powers_told(loaded(file))
    assert len(set(told_w)) >= 3, "or there is nothing to tell apart"
    for listen in ("tcp://127.0.0.1:0", "rtu+tcp://127.0.0.1:0", "pty"):
        async with replay(file, listen, "--in-order") as again:
            assert await powers(again, len(told_w)) == told_w, listen
    # libmodbus hears it too. It asks for two registers, which nobody did.
    async with replay(file, "tcp://127.0.0.1:0", "--loop") as again:
        code, output = await mbpoll(again, TOTAL_W)
        assert (code, "Illegal data address" in output) == (1, True), output


async def test_ten_times_as_fast(tmp_path: Path) -> None:
    """12 s of the field in 1.2 s: values in their order, faults among them."""
    file = RECORDS / "sdm630-tcp-faults.jsonl"
    told_w = powers_told(loaded(file))
    loop = asyncio.get_running_loop()
    async with served(Player(loaded(file), speed=10.0), "tcp://127.0.0.1:0") as url:
        bus, seen, faults = open_bus(url, 0.1), list[float](), 0
        begun_s = loop.time()
        while loop.time() - begun_s < 1.3:
            try:
                words = await bus.read(1, Table.INPUT, 0x30, 0x1C)
                await bus.read(1, Table.INPUT, 0, 0x24)
                seen.append(struct.unpack(">f", struct.pack(">2H", *words[4:6]))[0])
            except Fault:
                faults += 1
            await asyncio.sleep(0.02)
        await bus.close()
    changes = [value for place, value in enumerate(seen) if place == 0 or seen[place - 1] != value]
    places = [told_w.index(value) for value in changes]
    assert places == sorted(places), "never back in time"
    assert len(changes) >= 6
    assert faults > 0


async def test_the_serial_number_of_an_inverter_is_not_in_its_record(tmp_path: Path) -> None:
    async with sim_device("sunspec-inverter", "tcp://127.0.0.1:0") as url:
        bus = open_bus(url, 1.0)
        serial = (await SunSpecInverter(bus, 1, fallback_produce_max_w=None).probe()).serial
        await bus.close()
        for words, is_masked in ((), True), (("--keep-serials",), False):
            file = tmp_path / f"{is_masked}.jsonl"
            record = ("record", url, "--model", "sunspec-inverter", "--out", str(file), "--for", "1s")
            (await busbar(*record, *words)).good  # noqa: B018 - it ended well
            data = file.read_bytes().replace(b" ", b"")
            assert (serial.encode().hex().encode() not in data) == is_masked
            async with replay(file, "tcp://127.0.0.1:0") as again:
                bus = open_bus(again, 1.0)
                plate = await SunSpecInverter(bus, 1, fallback_produce_max_w=None).probe()
                await bus.close()
            assert plate.ratings is not None
            assert len(plate.serial) == len(serial)
            assert (plate.serial != serial) == is_masked


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_telegrams(listen: str, tmp_path: Path) -> None:
    file = tmp_path / "sml.jsonl"
    async with sim_device("sml", listen) as url:
        (await busbar("record", url, "--model", "sml", "--out", str(file), "--for", "4500ms")).good  # noqa: B018
    assert not any(isinstance(line, GotText) for line in loaded(file).lines)
    assert len(loaded(file).lines) >= 2
    async with replay(file, listen, "--loop", "--speed", "2") as again:
        stream = open_stream(again, 1.0)
        meter = MODELS["sml"].build(stream, None)
        plate = await meter.probe()
        assert plate.maker == "BSB"
        assert plate.serial == "1BSB0099990001"
        assert 200.0 < ((await meter.read())["voltage_l1_v"] or 0.0) < 260.0
        await stream.close()


async def test_a_meter_of_mode_c_with_its_change_of_rate(tmp_path: Path) -> None:
    """On a pty a client that does not change over hears rubbish, from the simulated meter and from its record."""
    file = tmp_path / "mode_c.jsonl"
    async with sim_device("iec62056-21", "pty") as url:
        (await busbar("record", url, "--model", "iec62056-21", "--out", str(file), "--for", "4s")).good  # noqa: B018
    answers = [line for line in loaded(file).lines if isinstance(line, GotAnswer)]
    assert [(line.say, line.baud) for line in answers[:2]] == [("/?!\r\n", 300), ("\x06050\r\n", 9600)]
    for listen in ("pty", "tcp://127.0.0.1:0"):
        async with served(Player(loaded(file), in_order=True), listen) as again:
            meter = MODELS["iec62056-21"].build(open_stream(again, 1.0, 300), None)
            plate = await meter.probe()
            assert (plate.maker, plate.model, plate.serial) == ("BSB", "SIM-C", "99999001")
    told = re.search(r"1\.8\.0\((\d+\.\d+)\*kWh\)", answers[1].text)
    assert told is not None
    async with served(Player(loaded(file)), "pty") as again:
        values = await MODELS["iec62056-21"].build(open_stream(again, 1.0, 300), None).read()
        assert values["energy_import_wh"] == pytest.approx(1000.0 * float(told[1]), abs=1.0)


async def test_a_dead_device_is_on_record_and_dead_again(tmp_path: Path) -> None:
    file, url = tmp_path / "dead.jsonl", f"tcp://127.0.0.1:{free_port()}"
    ended = await busbar("record", url, "--model", "sdm630", "--out", str(file), "--for", "1500ms")
    assert ended.code == 0
    assert ended.err.count("no connection") == 1, "a fault that goes on is said once"
    text = file.read_text()
    assert '"got":"down"' in text
    assert "127.0.0.1" not in text


async def test_a_recorder_that_is_killed_leaves_a_record(tmp_path: Path) -> None:
    file = tmp_path / "killed.jsonl"
    async with sim_device("sdm630", "tcp://127.0.0.1:0") as url:
        process = await asyncio.create_subprocess_exec(
            BUSBAR, "record", url, "--model", "sdm630", "--out", str(file), "--every", "100ms"
        )
        try:
            await eventually("ten lines", lambda: file.exists() and file.read_bytes().count(b"\n") > 10)
        finally:
            process.kill()
            await process.wait()
    before = file.read_bytes().count(b"\n")
    assert len(loaded(file).lines) == before - 1
    assert powers_told(loaded(file))


async def test_a_file_that_was_cut_is_played_up_to_there(tmp_path: Path) -> None:
    whole = (RECORDS / "sdm630-tcp-faults.jsonl").read_bytes()
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(whole[:-20])
    ended = await busbar("replay", str(cut), "--listen", "tcp://127.0.0.1:0", "--for", "300ms")
    assert ended.code == 0
    assert ended.err == f"busbar: {cut}: line 36 was cut short and is left out\n"


def test_what_can_not_be_played(tmp_path: Path) -> None:
    whole = (RECORDS / "sdm630-tcp-faults.jsonl").read_bytes()
    file = tmp_path / "bad.jsonl"
    for data, said in (
        (whole.replace(b'"raw"', b'"row"', 1), ("line 10", "'row'")),
        (whole.replace(b'"busbar_record":1', b'"busbar_record":9'), ("line 1", "9")),
        (b"", ("line 1", "not a record")),
        (whole[:170] + b"\n", ("nothing was recorded",)) if whole.index(b"\n") == 169 else (b"{}\n", ("line 1",)),
    ):
        file.write_bytes(data)
        told("replay", str(file)).says(2, str(file), *said)
    told("replay", str(tmp_path / "absent")).says(2, "No such file")
    good = str(RECORDS / "sdm630-tcp-faults.jsonl")
    told("replay", good, "--listen", "udp://x").says(2, "udp://x", "pty")
    told("replay", good, "--listen", "tcp://127.0.0.1:99999").says(2, "99999")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tcp://x", "--model", "sdm360", "--out", "a.jsonl"), ("'sdm360'", "sdm630")),
        (("udp://x", "--model", "sdm630", "--out", "a.jsonl"), ("'udp'",)),
        (("tcp://x", "--model", "sdm630", "--out", "/nowhere/a.jsonl"), ("No such file",)),
        (("tcp://x", "--model", "sdm630", "--out", "a.jsonl", "--timeout", "60s"), ("60s", "30")),
    ],
)
def test_what_can_not_be_recorded(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    told("record", *words).says(2, *said)


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    told("record", "tcp://x", "--model", "sdm630", "--out", str(file)).says(2, "exists", str(file))
    assert file.read_text() == "mine"


async def test_mbpoll_reads_a_replayed_register(tmp_path: Path) -> None:
    """A record made through mbpoll's eyes: the block that it asks for."""
    file = tmp_path / "two.jsonl"
    head = (RECORDS / "sdm630-tcp-faults.jsonl").read_text().splitlines()[0]
    line = '{"got":"words","t":0.0,"ask":"01 04 0034 0002","words":"43e6 8000"}'
    file.write_text(f"{head}\n{line}\n")
    for listen in ("tcp://127.0.0.1:0", "pty"):
        async with replay(file, listen) as again:
            assert await polled(again, TOTAL_W) == 461.0
