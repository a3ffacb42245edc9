"""`busbar scan` and `busbar device`: a device that nobody has configured yet, on the wires it has."""

import json
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from firmware_py.config import DeviceConfig
from tests.system.busbar import busbar, sim_device, told
from tests.system.mosquitto import free_port

pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[2] / "docs/new-device.md"


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_a_line_is_scanned_and_the_lines_for_the_configuration_are_good(listen: str) -> None:
    async with sim_device("sdm630", listen, "--unit", "7") as url:
        line = url.partition("?")[0]
        ended = await busbar("scan", line, "--units", "6-8", "--listen", "0s")
        assert ended.code == 0, ended
        (device,) = tomllib.loads(ended.out[ended.out.index("[[device]]") :])["device"]
        config = DeviceConfig(**device)
        assert (config.model, config.unit, config.serial) == ("sdm630", 7, None)
        read = await busbar("read", config.url, "--model", config.model, "--unit", "7", "--json")
        assert json.loads(read.good)["quality"] == "good"


async def test_a_sunspec_device_is_found_for_programs() -> None:
    async with sim_device("sunspec-battery", "tcp://127.0.0.1:0", "--unit", "3") as url:
        ended = await busbar("scan", url, "--units", "3", "--json")
        found = json.loads(ended.out)
    assert (found["models"], found["sure"], found["maker"]) == (["sunspec-battery"], True, "Busbar")
    assert (found["url"], found["unit"]) == (url, 3)


async def test_a_meter_that_talks_by_itself_is_found_before_anybody_is_asked() -> None:
    async with sim_device("p1", "pty") as url:
        ended = await busbar("scan", url.partition("?")[0], "--listen", "30s")
        (device,) = tomllib.loads(ended.good[ended.out.index("[[device]]") :])["device"]
        config = DeviceConfig(**device)
        assert (config.model, config.url) == ("p1", url.partition("?")[0] + "?baud=115200")
        read = json.loads((await busbar("read", config.url, "--model", "p1", "--json")).good)
    assert (config.serial, read["quality"]) == (read["serial"], "good")


async def test_what_was_not_tried_when_time_ran_out_is_said() -> None:
    async with sim_device("sdm630", "pty", "--unit", "9") as url:
        line = url.partition("?")[0]
        words = ("--listen", "100ms", "--timeout", "400ms", "--within", "2s", "--units", "1-10", "--json")
        ended = await busbar("scan", line, *words)
        (said,) = [json.loads(text) for text in ended.out.splitlines()]
        assert ended.code == 1
        first, *others = said["not_tried"]
        assert first["url"] == f"{line}?baud=9600&parity=N"
        assert first["units"] in {f"{unit}-10" for unit in range(1, 6)}
        assert [each["units"] for each in others] == ["1-10"] * 5


async def test_nobody_answers_and_nobody_is_there() -> None:
    async with sim_device("sdm630", "tcp://127.0.0.1:0", "--unit", "7") as url:
        ended = await busbar("scan", url, "--units", "1-2")
        assert (ended.code, ended.out) == (1, "nobody answered\n")
    port = free_port()
    ended = await busbar("scan", f"tcp://127.0.0.1:{port}")
    assert ended.code == 1
    assert f"127.0.0.1:{port}" in ended.err
    assert "no connection" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tcp://h", "--units", "0-3"), "0-3"),
        (("tcp://h", "--units", "3-1"), "3-1"),
        (("tcp://h", "--units", "1-256"), "1 to 255"),
        (("serial:///dev/x", "--bauds", "9601"), "9601"),
        (("serial:///dev/x", "--parities", "X"), "'X'"),
        (("ftp://h",), "'ftp'"),
    ],
)
def test_what_is_asked_wrongly(words: tuple[str, ...], said: str) -> None:
    told("scan", *words).says(2, said)


@asynccontextmanager
async def meridian() -> AsyncIterator[str]:
    """The meter of the page, served by pymodbus."""
    words = [2304, 2311, 2298, 4998, 0, 0, 0x10000 - 125, 0, 0x2710, 1, *([0] * 246), 0x0012, 0xD687]
    port = free_port()
    device = SimDevice(1, SimData(0, values=words, datatype=DataType.REGISTERS))
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def test_the_device_of_the_page_is_read_with_its_file(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) < 40
    file = tmp_path / "meridian_m3.py"
    file.write_text(found[1])
    async with meridian() as url:
        said = json.loads((await busbar("device", "test", str(file), "--url", url, "--json")).good)
        table = (await busbar("device", "test", str(file), "--url", url)).good
    assert said["serial"] == str(0x12D687)
    assert {name: field["value"] for name, field in said["fields"].items()} == {
        "voltage_l1_v": pytest.approx(230.4),
        "voltage_l2_v": pytest.approx(231.1),
        "voltage_l3_v": pytest.approx(229.8),
        "frequency_hz": pytest.approx(49.98),
        "power_w": 1250.0,
        "energy_import_wh": 755_360.0,
    }
    assert said["fields"]["energy_import_wh"]["words"] == "2710 0001"
    assert "755 360.000" in table


async def test_a_value_that_can_not_be_is_exit_code_1(tmp_path: Path) -> None:
    """The word order is wrong in the file: 10,000 and 1 become 6.5 GWh times ten, and the voltage is 2.3 kV."""
    file = tmp_path / "m3.py"
    text = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    file.write_text(text.replace("0x0000, Shape.U16, scale=0.1", "0x0000, Shape.U16"))
    async with meridian() as url:
        ended = await busbar("device", "test", str(file), "--url", url)
    assert ended.code == 1
    assert "absurd" in ended.out


def test_a_file_is_begun_once(tmp_path: Path) -> None:
    path = tmp_path / "my_meter.py"
    assert told("device", "new", "my-meter", "--dir", str(tmp_path)).good.strip() == str(path)
    assert len(path.read_text().splitlines()) < 40
    told("device", "new", "my-meter", "--dir", str(tmp_path)).says(2, "my_meter.py", "exists")
    told("device", "new", "sdm630", "--dir", str(tmp_path)).says(2, "sdm630", "Eastron SDM630")
    told("device", "new", "My Meter", "--dir", str(tmp_path)).says(2, "'My Meter'", "a-z")
    told("device", "test", str(path), "--url", "ftp://x").says(2, "'ftp'")
    told("device", "test", str(tmp_path / "none.py"), "--url", "tcp://x").says(2, "none.py")
    told("device", "test", str(path), "--url", "tcp://x", "--model", "other").says(2, "other", "my-meter")


@pytest.mark.parametrize(
    ("model", "value", "says", "wrong"),
    [
        ("tap-changer", "-1", "told tap -1, ", "99"),
        ("capacitor-bank", "1", "steps in, the next after", "99"),
    ],
)
async def test_a_drive_of_a_configuration_is_moved_by_hand(
    tmp_path: Path, model: str, value: str, says: str, wrong: str
) -> None:
    async with sim_device(model, "tcp://127.0.0.1:0") as url:
        config = tmp_path / "home.toml"
        example = PAGE.parents[1] / "examples/home.toml"
        text = "".join(
            line for line in example.read_text().splitlines(keepends=True) if not line.startswith("key_file")
        )
        text = text.replace(
            '[[issuer]]                      # who may send contracts; one block each\nname = "dso.example"\n', ""
        )
        config.write_text(f'{text}\n[[switchgear]]\nname = "drive"\nmodel = "{model}"\nurl = "{url}"\n')
        assert says in (await busbar("device", "order", str(config), "drive", "--", value)).good
        refused = await busbar("device", "order", str(config), "drive", wrong)
        assert refused.code == 2
        assert "allowed is" in refused.err
