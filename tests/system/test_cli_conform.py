"""`busbar conform`: a certificate that can be checked, and a device under the wrong name that gets none."""

import hashlib
import json
from pathlib import Path

import pytest

from firmware_py.conform.wire import NAMES
from tests.system.busbar import busbar, sim_device, told

pytestmark = pytest.mark.system


async def test_a_certificate_holds_what_it_rests_on(tmp_path: Path) -> None:
    out = tmp_path / "certificate.json"
    async with sim_device("sdm630", "tcp://127.0.0.1:0") as url:
        ended = await busbar(
            "conform", url, "--model", "sdm630", "--for", "3s", "--expect", "export", "--out", str(out)
        )
    assert ended.code == 0, ended
    assert "conforms" in ended.out
    said = json.loads(out.read_text())
    assert hashlib.sha256("\n".join(said["transcript"]).encode()).hexdigest() == said["sha256"]
    assert len(said["transcript"]) == 4 + len(said["checks"])
    assert {each["name"]: each["result"] for each in said["checks"]}["sign"] == "passed"
    assert (said["maker"], said["model"], said["unit"], said["url"]) == ("Eastron", "sdm630", 1, url)


@pytest.mark.parametrize(("listen", "not_asked"), [("tcp://127.0.0.1:0", "check sum"), ("pty", "two at once")])
async def test_the_rules_of_the_wire_are_on_the_certificate(listen: str, not_asked: str) -> None:
    """pymodbus serves the device: a foreign server keeps the rules."""
    async with sim_device("sdm630", listen) as url:
        ended = await busbar("conform", url, "--model", "sdm630", "--for", "1s", "--json")
    checks = {each["name"]: each for each in json.loads(ended.good)["checks"]}
    wire = {name.removeprefix("wire: "): each["result"] for name, each in checks.items() if name.startswith("wire: ")}
    assert wire == dict.fromkeys((*NAMES, "answers afterwards"), "passed") | {not_asked: "not asked"}
    assert (checks["setpoint kept"]["result"], checks["setpoint kept"]["said"]) == (
        "not asked",
        "--write was not given",
    )


async def test_a_device_under_the_wrong_name_gets_none() -> None:
    """The TAC4300 begins like an Eastron; where it differs the meter has no registers."""
    async with sim_device("sdm630", "tcp://127.0.0.1:0") as url:
        (await busbar("conform", url, "--model", "tac4300", "--for", "2s")).says(1, url, "illegal data address")
        ended = await busbar("conform", url, "--model", "sdm630", "--for", "2s", "--expect", "import")
        assert ended.code == 1
        assert "does NOT conform" in ended.out


async def test_setpoints_are_tried_when_asked() -> None:
    async with sim_device("sunspec-battery", "tcp://127.0.0.1:0") as url:
        ended = await busbar(
            "conform", url, "--model", "sunspec-battery", "--for", "2s", "--write", "--no-wire", "--json"
        )
    results = {each["name"]: each["result"] for each in json.loads(ended.good)["checks"]}
    for name in ("reverts by itself", "out of range", "former values restored"):
        assert results[name] == "passed"


def test_what_is_asked_wrongly() -> None:
    told("conform", "tcp://h", "--model", "sdm63").says(2, "sdm63")
    told("conform", "ftp://h", "--model", "sdm630").says(2, "'ftp'")
    told("conform", "tcp://127.0.0.1:1", "--model", "sdm630").says(1, "127.0.0.1:1")
