"""`busbar contract`: terms out of range are told apart at the desk, and a node that is silent is no success."""

import json
from pathlib import Path

import pytest

from tests.system.busbar import busbar, told
from tests.system.mosquitto import Mosquitto, free_port

pytestmark = pytest.mark.system

WHO = ("--issuer", "dso.example", "--node", "home-1")


def test_terms_as_they_will_be_signed() -> None:
    terms = json.loads(told("contract", "new", *WHO, "--power-w", "-2000", "--duration", "15m").good)
    assert (terms["iss"], terms["aud"], terms["power_w"]) == ("dso.example", "home-1", -2000.0)
    assert terms["start"] < terms["end"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--power-w", "nan"), ("power_w", "nan")),
        (("--power-w", "inf"), ("power_w", "inf")),
        (("--power-w", "2000000"), ("power_w", "2000000", "1000000")),
        (("--power-w", "5", "--tolerance-w", "0"), ("tolerance_w",)),
        (("--power-w", "5", "--seq", "0"), ("seq",)),
        (("--power-w", "5", "--duration", "99999999999h"), ("duration", "99999999999h")),
        (("--power-w", "5", "--start", "9999-12-31T23:59:59Z"), ("9999-12-31",)),
    ],
    ids=["nan", "inf", "power", "tolerance", "sequence", "duration", "year"],
)
def test_terms_out_of_range(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    ended = told("contract", "new", *WHO, *words)
    ended.says(2, *said)
    assert ended.out == ""


def test_what_is_not_signed(tmp_path: Path) -> None:
    made = told("keys", "new", "dso", "--dir", str(tmp_path))
    assert made.code == 0, made
    secret, public = str(tmp_path / "dso.key"), str(tmp_path / "dso.pub")
    terms = (told("contract", "new", *WHO, "--power-w", "-2000")).good
    told("contract", "sign", "-", "--key", public, stdin=terms).says(2, "dso.pub", "private")
    told("contract", "sign", "-", "--key", str(tmp_path / "none"), stdin=terms).says(2, "none")
    bad = terms.replace("-2000.0", "-2e9")
    told("contract", "sign", "-", "--key", secret, stdin=bad).says(2, "power_w")
    told("contract", "sign", "-", "--key", secret, stdin="{}").says(2, "contract")


@pytest.fixture
def signed(tmp_path: Path) -> str:
    """A signed contract for a node that is not there."""
    made = told("keys", "new", "dso", "--dir", str(tmp_path))
    assert made.code == 0, made
    terms = (told("contract", "new", *WHO, "--power-w", "-2000")).good
    return (told("contract", "sign", "-", "--key", str(tmp_path / "dso.key"), stdin=terms)).good


async def test_nobody_answers(broker: Mosquitto, signed: str) -> None:
    to = ("--node", "home-1", "--broker", broker.url, "--username", "issuer")
    login = ("--password-file", str(broker.password_file("issuer")))
    for follow in ((), ("--follow",)):
        ended = await busbar("contract", "send", "-", *to, *login, "--wait", "500ms", *follow, stdin=signed)
        ended.says(1, "home-1 did not answer within 0.5 s")
    wrong = ("--password-file", str(broker.password_file("node")))
    (await busbar("contract", "send", "-", *to, *wrong, stdin=signed)).says(1, f"127.0.0.1:{broker.port}", "uthori")


def test_nobody_to_send_it_to(signed: str, tmp_path: Path) -> None:
    port = free_port()
    send = ("contract", "send")
    away = ("--node", "home-1", "--broker", f"mqtt://127.0.0.1:{port}")
    told(*send, "-", *away, stdin=signed).says(1, f"127.0.0.1:{port}")
    told(*send, "-", *away, stdin="x.y.z").says(2, "JWS")
    told(*send, str(tmp_path / "none.jws"), *away).says(2, "none.jws", "No such file")
    told(*send, "-", "--node", "home 1", "--broker", "mqtt://b", stdin=signed).says(2, "'home 1'")
    told(*send, "-", "--node", "home-1", "--broker", "http://b", stdin=signed).says(2, "mqtt://host:1883")
