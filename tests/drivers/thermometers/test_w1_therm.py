"""The kernel's 1-Wire files, as its documentation describes them."""

import asyncio
import threading
from pathlib import Path

import pytest

from drivers.thermometers import w1_therm
from drivers.thermometers.w1_therm import W1Thermometer, folder_of
from protocols.faults import BadReply, LinkDown, NoReply

GOOD = "a3 01 4b 46 7f ff 0d 10 ce : crc=ce YES\na3 01 4b 46 7f ff 0d 10 ce t=26187\n"
WRONG = "a3 01 4b 46 7f ff 0d 10 cf : crc=ce NO\na3 01 4b 46 7f ff 0d 10 ce t=26187\n"
FREEZING = "5e ff 4b 46 7f ff 02 10 f6 : crc=f6 YES\n5e ff 4b 46 7f ff 02 10 f6 t=-10125\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "28-000005e2fdc3"
    made.mkdir()
    return made


def probe_at(folder: Path, timeout_s: float = 5.0) -> W1Thermometer:
    return W1Thermometer(f"file://{folder}", timeout_s)


@pytest.mark.parametrize(
    ("file", "text", "celsius"),
    [
        ("temperature", "26187\n", 26.187),
        ("temperature", "-10125\n", -10.125),
        ("temperature", "0\n", 0.0),
        ("temperature", "125000\n", 125.0),
        ("w1_slave", GOOD, 26.187),
        ("w1_slave", FREEZING, -10.125),
    ],
)
async def test_millidegrees_of_either_file(folder: Path, file: str, text: str, celsius: float) -> None:
    (folder / file).write_text(text)
    probe = probe_at(folder)
    plate = await probe.probe()
    assert (plate.model, plate.serial) == ("DS18B20", "000005e2fdc3")
    assert await probe.read() == {"temperature_c": celsius}


async def test_the_newer_file_goes_first(folder: Path) -> None:
    (folder / "temperature").write_text("20000\n")
    (folder / "w1_slave").write_text(GOOD)
    assert await probe_at(folder).read() == {"temperature_c": 20.0}


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("temperature", "85000\n", "85 degC, the value of power-on"),
        ("w1_slave", GOOD.replace("26187", "85000"), "power-on"),
        ("temperature", "127937\n", "127.937 degC; allowed is -55 to 125"),
        ("temperature", "-55062\n", "-55.062"),
        ("w1_slave", WRONG, "check sum"),
        ("temperature", "warm\n", "'warm"),
        ("temperature", "1e3\n", "millidegrees"),
    ],
)
async def test_what_is_no_temperature_is_refused(folder: Path, file: str, text: str, says: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(BadReply, match=says):
        await probe_at(folder).read()


async def test_a_conversion_that_goes_on_is_no_answer_yet(folder: Path) -> None:
    (folder / "temperature").write_text("")
    with pytest.raises(NoReply, match="conversion"):
        await probe_at(folder).read()


async def test_a_probe_that_is_cut_is_gone(folder: Path) -> None:
    probe = probe_at(folder.with_name("28-00000badbad0"))
    with pytest.raises(LinkDown, match="28-00000badbad0: no such probe"):
        await probe.probe()
    with pytest.raises(LinkDown, match="no such probe"):
        await probe.read()


async def test_a_file_that_cannot_be_read_is_a_fault(folder: Path) -> None:
    (folder / "temperature").mkdir()
    with pytest.raises(BadReply, match=r"temperature: .*directory"):
        await probe_at(folder).read()


async def test_a_late_answer_is_never_taken_for_a_new_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, texts = threading.Event(), iter(["19000\n", "21000\n"])

    def content(_: Path) -> str:
        text = next(texts)
        assert text != "19000\n" or let_go.wait(10.0)
        return text

    monkeypatch.setattr(w1_therm, "_content", content)
    probe = probe_at(folder, 0.01)
    with pytest.raises(NoReply, match=r"within 0\.01 s"):
        await probe.read()
    with pytest.raises(NoReply, match="still no answer"):
        await probe.read()
    let_go.set()
    assert probe._asked is not None
    await asyncio.wait([probe._asked])
    probe._timeout_s = 10.0
    assert await probe.read() == {"temperature_c": 21.0}


@pytest.mark.parametrize(
    "url",
    [
        "file:///sys/bus/w1/devices/28-XYZ",
        "file:///sys/bus/w1/devices/99-000005e2fdc3",
        "file://host/28-000005e2fdc3",
        "tcp://host:502",
        "/sys/bus/w1/devices/28-000005e2fdc3",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="allowed is file:///sys/bus/w1/devices/28-0123456789ab"):
        folder_of(url)
