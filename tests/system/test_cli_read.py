"""`busbar read` and `busbar sim device`: one device, on the wires it has."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.system.busbar import busbar, sim_device, told
from tests.system.mosquitto import free_port

pytestmark = pytest.mark.system


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of somebody who takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_a_meter_is_read(listen: str) -> None:
    async with sim_device("sdm630", listen) as url:
        assert url.startswith("serial:///dev/pts/" if listen == "pty" else "tcp://127.0.0.1:")
        ended = await busbar("read", url, "--model", "sdm630", "--json")
        (line,) = ended.good.splitlines()
        values = json.loads(line)
        for phase in ("l1", "l2", "l3"):
            assert values[f"voltage_{phase}_v"] == pytest.approx(230.0, abs=25.0)
        assert values["frequency_hz"] == pytest.approx(50.0, abs=0.5)
        assert values["quality"] == "good"
        assert int(values["serial"]) > 0
        assert values["lacks"] == []
        assert {"current_l1_a", "power_w", "energy_import_wh", "energy_export_wh"} <= set(values)


async def test_a_table_for_people_and_a_unit_that_is_not_there() -> None:
    async with sim_device("sunspec-battery", "tcp://127.0.0.1:0", "--unit", "7") as url:
        table = (await busbar("read", url, "--model", "sunspec-battery", "--unit", "7")).good
        for word in ("soc_percent", "frequency_hz", "Hz", "BAT-"):
            assert word in table
        # A device that is no such meter, and a unit that nobody is.
        (await busbar("read", url, "--model", "sdm630", "--unit", "7")).says(1, url)
        (await busbar("read", url, "--model", "sunspec-battery", "--unit", "8", "--timeout", "300ms")).says(1, "unit 8")


async def test_nobody_listens() -> None:
    url = f"tcp://127.0.0.1:{free_port()}"
    (await busbar("read", url, "--model", "sdm630", "--timeout", "300ms")).says(1, url, "no connection")


def test_there_is_no_such_port() -> None:
    told("read", "serial:///dev/nothing-here", "--model", "sdm630").says(1, "/dev/nothing-here", "No such file")


def test_nobody_answers(silence: str) -> None:
    told("read", silence, "--model", "sdm630", "--timeout", "300ms").says(1, silence, "0.3 s")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tcp://127.0.0.1", "--model", "sdm360"), ("'sdm360'", "sdm630")),
        (("udp://127.0.0.1", "--model", "sdm630"), ("'udp'", "tcp://host:502")),
        (("serial:///dev/ttyUSB0?baud=9601", "--model", "sdm630"), ("'9601'", "9600")),
        (("tcp://127.0.0.1", "--model", "sdm630", "--timeout", "60s"), ("60s", "30")),
    ],
    ids=["model", "scheme", "baud", "timeout"],
)
def test_what_cannot_be_read(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    told("read", *words).says(2, *said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sdm360",), ("'sdm360'", "sdm630")),
        (("sdm630", "--listen", "udp://127.0.0.1:5020"), ("udp://", "tcp://")),
        (("sdm630", "--listen", "tcp://127.0.0.1:99999"), ("99999",)),
    ],
    ids=["model", "scheme", "port"],
)
def test_what_cannot_be_simulated(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    told("sim", "device", *words).says(2, *said)
