"""Meters that send telegrams, on real ptys and sockets: what is read, and what each fault word does to it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from drivers.links import open_stream
from drivers.telegrams.mode_c import ModeCMeter
from drivers.telegrams.push_meter import PushMeter
from protocols.dlms import DlmsReader, Keys
from protocols.faults import BadReply, Fault, LinkDown, NoReply
from protocols.p1 import P1Reader
from protocols.readings import Aged
from protocols.sml import SmlReader
from protocols.telegrams import TelegramReader
from sim_hardware.devices.dlms import Ciphering, Dlms
from sim_hardware.devices.iec62056 import Iec62056
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.push_reading import Encode
from sim_hardware.devices.push_reading import PushMeter as SimMeter
from sim_hardware.devices.sml import Sml
from sim_hardware.faces.mode_c import ModeCFace
from sim_hardware.faces.push import PtyPush, TcpPush
from sim_hardware.faults import Faults
from sim_hardware.physics.terminal import Terminal
from tests.system.busbar import busbar, sim_device, told
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.site import Setup, Site

pytestmark = pytest.mark.system

PERIOD_S = 0.2
MODELS: Final = {"dlms": "dlms-push"}
KEY, AUTHENTICATION, TITLE = bytes(range(16)), bytes(range(16, 32)), b"BSB12345"
Face = PtyPush | TcpPush

KINDS: dict[str, tuple[Callable[[], Encode], Callable[[], TelegramReader]]] = {
    "p1": (P1, P1Reader),
    "sml": (Sml, SmlReader),
    "sml-dzg": (lambda: Sml(dzg=True), SmlReader),
    "dlms": (Dlms, DlmsReader),
    "dlms-ciphered": (
        lambda: Dlms(ciphering=Ciphering(KEY, TITLE, AUTHENTICATION), segment=100),
        lambda: DlmsReader(Keys(KEY, AUTHENTICATION)),
    ),
}


class Rig:
    """A simulated meter on a wire, and ours that listens to it."""

    def __init__(self, face: Face, terminal: Terminal, reader: TelegramReader) -> None:
        self.face, self.faults, self.terminal = face, face.faults, terminal
        self.stream = open_stream(face.url, 1.0)
        self.meter = PushMeter(self.stream, reader, kind="the", period_s=PERIOD_S)

    def draw(self, power_w: float) -> None:
        """Let the house draw this."""
        self.terminal.power_w = (power_w, 0.0, 0.0)

    async def reads(self) -> None:
        """Read until it goes wrong."""
        while True:
            await self.meter.read()

    async def next(self, power_w: float, within_s: float = 10.0) -> Aged:
        """The first reading that shows this power; faults on the way are survived."""
        async with asyncio.timeout(within_s):
            while True:
                try:
                    values = await self.meter.read()
                except Fault:
                    await asyncio.sleep(PERIOD_S)
                    continue
                if values["power_w"] == power_w:
                    return values


@asynccontextmanager
async def rig(kind: str, wire: str) -> AsyncIterator[Rig]:
    encode, reader = KINDS[kind]
    terminal = Terminal(power_w=(500.0, 0.0, 0.0))
    meter, faults = SimMeter(terminal, encode(), lambda: datetime.now(UTC)), Faults(seed=3)
    async with AsyncExitStack() as stack:
        face: Face = TcpPush(meter, faults, period_s=PERIOD_S)
        if wire == "pty":
            face = PtyPush(meter, faults, period_s=PERIOD_S, baud=9600)
        await stack.enter_async_context(face)
        made = Rig(face, terminal, reader())
        try:
            yield made
        finally:
            await made.stream.close()


every_kind = pytest.mark.parametrize("kind", KINDS)
every_wire = pytest.mark.parametrize("wire", ["pty", "tcp"])


@every_wire
@every_kind
async def test_a_meter_is_read_and_follows(kind: str, wire: str) -> None:
    async with rig(kind, wire) as made:
        plate = await made.meter.probe()
        assert plate.serial
        values = await made.next(500.0)
        assert values.age_s < 2.0
        made.draw(-1200.0)
        assert (await made.next(-1200.0))["voltage_l1_v"] == pytest.approx(230.0)


@every_wire
@pytest.mark.parametrize("word", ["drop", "half_open"])
async def test_silence_is_no_reply_and_ends(word: str, wire: str) -> None:
    async with rig("p1", wire) as made:
        await made.next(500.0)
        made.faults.begin(word)
        with pytest.raises(NoReply, match="not a byte came"):
            await made.reads()
        made.draw(600.0)
        made.faults.end(word)
        await made.next(600.0)


@every_wire
@every_kind
async def test_garbled_telegrams_are_refused_and_no_value_is_wrong(kind: str, wire: str) -> None:
    async with rig(kind, wire) as made:
        await made.next(500.0)
        made.faults.begin("garble")
        end_s = time.monotonic() + 3.0
        said = set()
        while time.monotonic() < end_s:
            try:
                values = await made.meter.read()
                assert values["power_w"] == 500.0
            except BadReply as fault:
                said.add(str(fault).split(":")[-1])
        assert said, "none was refused"
        made.draw(600.0)
        made.faults.end("garble")
        await made.next(600.0)


@every_wire
async def test_babble_between_telegrams_costs_nothing_and_alone_is_shown(wire: str) -> None:
    async with rig("dlms", wire) as made:
        await made.next(500.0)
        made.faults.begin("babble")
        made.draw(700.0)
        await made.next(700.0)
        made.faults.begin("drop")
        with pytest.raises(BadReply, match=r"bytes and no|refused"):
            await made.reads()


@every_wire
async def test_a_frozen_meter_says_the_same_values_again(wire: str) -> None:
    """The poller finds out (EVerest#2673); here they come as they are sent."""
    async with rig("p1", wire) as made:
        await made.next(500.0)
        made.faults.begin("freeze")
        made.draw(900.0)
        for _ in range(4):
            assert (await made.meter.read())["power_w"] == 500.0
        made.faults.end("freeze")
        await made.next(900.0)


@every_wire
@every_kind
async def test_a_reboot_is_a_silence_then_zeros(kind: str, wire: str) -> None:
    async with rig(kind, wire) as made:
        await made.next(500.0)
        made.faults.begin("reboot", 1.0)
        await made.next(0.0)


async def test_a_port_that_is_closed_is_opened_again() -> None:
    async with rig("sml", "tcp") as made:
        await made.next(500.0)
        made.faults.begin("off")
        with pytest.raises(LinkDown):
            await made.reads()
        made.draw(600.0)
        made.faults.end("off")
        await made.next(600.0, within_s=20.0)


@every_wire
async def test_a_swapped_cable(wire: str) -> None:
    """A P1 reader on the line of an SML meter: a clear error, and nothing invented."""
    async with rig("sml", wire) as made:
        meter = PushMeter(made.stream, P1Reader(), kind="P1", period_s=PERIOD_S)
        with pytest.raises(BadReply, match=r"bytes and no P1 telegram; SML: is it another meter's cable\?|refused"):
            await meter.probe()


# Mode C


@asynccontextmanager
async def mode_c(baud: int = 9600) -> AsyncIterator[tuple[ModeCFace, ModeCMeter, Terminal]]:
    terminal, device = Terminal(power_w=(500.0, 0.0, 0.0)), Iec62056(baud=baud)
    meter = SimMeter(terminal, device, lambda: datetime.now(UTC))
    async with ModeCFace(device, meter, Faults(seed=3)) as face:
        yield face, ModeCMeter(open_stream(face.url, 1.0, 300)), terminal


@pytest.mark.parametrize("baud", [300, 9600])
async def test_a_meter_of_mode_c_is_asked_and_the_rate_changed(baud: int) -> None:
    async with mode_c(baud) as (_, meter, terminal):
        plate = await meter.probe()
        assert (plate.maker, plate.model, plate.serial) == ("BSB", "SIM-C", "00000001")
        terminal.power_w = (-1200.0, 0.0, 0.0)
        values = await meter.read()
        assert (values["power_w"], values["voltage_l1_v"]) == (-1200.0, 230.0)
        assert 0.5 < values.age_s < 10.0


@pytest.mark.parametrize(("word", "fault"), [("drop", NoReply), ("garble", BadReply)])
async def test_a_meter_of_mode_c_through_faults(word: str, fault: type[Fault]) -> None:
    async with mode_c() as (face, meter, terminal):
        await meter.probe()
        face.faults.begin(word)
        with pytest.raises((fault, NoReply)):
            await meter.read()
        face.faults.end(word)
        terminal.power_w = (600.0, 0.0, 0.0)
        assert (await meter.read())["power_w"] == 600.0


async def test_a_client_that_keeps_the_first_rate_reads_rubbish_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.modbus.serial_channel.SerialChannel.change_baud", lambda channel, baud: None)
    async with mode_c() as (_, meter, _):
        with pytest.raises(BadReply, match="no data block within 3 s"):
            await meter.probe()


# As people use it


@pytest.mark.parametrize("kind", ["p1", "sml", "dlms"])
async def test_busbar_read(kind: str) -> None:
    async with rig(kind, "tcp") as made:
        ended = await busbar("read", made.face.url, "--model", MODELS.get(kind, kind), "--json")
        values = json.loads(ended.good)
        assert (values["power_w"], values["quality"]) == (500.0, "good")
        assert values["serial"]


@pytest.mark.parametrize("listen", ["pty", "tcp://127.0.0.1:0"])
async def test_a_simulated_meter_on_the_command_line(listen: str) -> None:
    async with sim_device("p1", listen) as url:
        values = json.loads((await busbar("read", url, "--model", "p1", "--json")).good)
        assert values["voltage_l1_v"] == pytest.approx(230.0, abs=25.0)


def test_a_meter_of_mode_c_is_not_simulated_on_tcp() -> None:
    told("sim", "device", "iec62056-21", "--listen", "tcp://127.0.0.1:0").says(2, "only a pty has the baud rate")


async def test_busbar_read_with_a_key_file(tmp_path: Path) -> None:
    keys = tmp_path / "meter.keys"
    keys.write_text(f'encryption_key = "{KEY.hex()}"\nauthentication_key = "{AUTHENTICATION.hex()}"\n')
    async with rig("dlms-ciphered", "tcp") as made:
        ended = await busbar("read", made.face.url, "--model", "dlms-push", "--key-file", str(keys), "--json")
        assert json.loads(ended.good)["power_w"] == 500.0
    keys.write_text('encryption_key = "1234"')
    told("read", "tcp://127.0.0.1", "--model", "dlms-push", "--key-file", str(keys)).says(2, "2 bytes, 16 are needed")


async def test_busbar_read_of_a_meter_of_mode_c() -> None:
    async with mode_c() as (face, _, _):
        ended = await busbar("read", face.url, "--model", "iec62056-21", "--json")
        assert json.loads(ended.good)["power_w"] == 500.0


async def test_a_node_whose_grid_meter_sends_p1(site: Site, listener: HeadEnd) -> None:
    """The meter of the connection point behind a serial server: its telemetry comes and follows."""
    terminal, faults = Terminal(power_w=(500.0, 0.0, 0.0)), Faults()
    meter = SimMeter(terminal, P1(), lambda: datetime.now(UTC))
    setup = Setup(models={"grid": "p1"})
    async with (
        TcpPush(meter, faults, period_s=PERIOD_S) as face,
        site.node(replace(setup, urls={"grid": face.url})) as node,
    ):
        readings = await listener.readings(4, "grid", "pv")
        grid = [item for item in readings if item.device == "grid"]
        assert {item.values["power_w"] for item in grid} == {500.0}
        terminal.power_w = (700.0, 0.0, 0.0)
        await eventually(
            "the new power is told",
            lambda: [item for item in listener.telemetry if item.values.get("power_w") == 700.0],
            seen=lambda: node.log,
        )
        assert "Traceback" not in node.log
        assert node.is_alive
