"""The simulated board of probes on foreign wires, TCP and pty, under our driver, `busbar read` and a twin of the example."""

import json
from pathlib import Path

import pytest

from drivers.links import open_bus
from drivers.thermometers import r4dcb08
from protocols.faults import BadReply
from sim_hardware.serve_device import serve_device
from tests.system.busbar import busbar

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_probes_on_a_wire(listen: str) -> None:
    async with serve_device("r4dcb08", listen) as url:
        bus = open_bus(url, 1.0)
        try:
            room, tank, nothing = (r4dcb08.TYPE.build(bus, 1, channel) for channel in (0, 1, 7))
            assert (await room.probe()).model == "R4DCB08"
            assert (await room.read())["temperature_c"] == pytest.approx(20.5, abs=0.5)
            assert (await tank.read())["temperature_c"] == pytest.approx(50.0, abs=0.5)
            with pytest.raises(BadReply, match="channel 7"):
                await nothing.read()
        finally:
            await bus.close()


async def test_a_probe_read_by_command(tmp_path: Path) -> None:
    async with serve_device("r4dcb08", "tcp://127.0.0.1:0") as url:
        read = await busbar("read", url, "--model", "r4dcb08", "--channel", "1", "--json")
        assert json.loads(read.good)["temperature_c"] == pytest.approx(50.0, abs=0.5)
        cut = await busbar("read", url, "--model", "r4dcb08", "--channel", "5")
        assert (cut.code, "channel 5" in cut.err) == (1, True)
        none = await busbar("read", url, "--model", "r4dcb08", "--channel", "8")
        assert (none.code, "0 to 7 is allowed" in none.err) == (2, True)
    folder = tmp_path / "28-000005e2fdc3"
    folder.mkdir()
    (folder / "temperature").write_text("-1250\n")
    wire = await busbar("read", f"file://{folder}", "--model", "w1-therm", "--json")
    assert json.loads(wire.good) == {"temperature_c": -1.25, "quality": "good", "serial": "000005e2fdc3", "lacks": []}
    wrong = await busbar("read", "tcp://127.0.0.1:1", "--model", "w1-therm")
    assert (wrong.code, "file:///sys/bus/w1" in wrong.err) == (2, True)


async def test_a_twin_of_the_example_is_good(tmp_path: Path) -> None:
    twin = await busbar("sim", "twin", str(ROOT / "examples" / "home-full.toml"), "--state-dir", str(tmp_path))
    (tmp_path / "twin.toml").write_text(twin.good)
    checked = await busbar("check", str(tmp_path / "twin.toml"))
    assert "room-probe (r4dcb08)" in checked.good
