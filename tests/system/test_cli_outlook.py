"""`busbar outlook` over a real broker: what a node takes and refuses, and what is not even sent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocols.signing import new_private_key, public_part
from tests.system.busbar import busbar, told
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import NODE, Mosquitto, free_port
from tests.system.site import MODELS, Setup, Site

pytestmark = pytest.mark.system

SUPPLIER = "supplier.example"
PRICED = Setup(
    text=f"""
[[issuer]]
name = "{SUPPLIER}"
key_file = "supplier.pub"
role = "market"
[tariff]
issuer = "{SUPPLIER}"
import_per_kwh = 0.3
"""
)
WHO = ("--issuer", SUPPLIER, "--node", NODE)


def csv(folder: Path, *prices: str, start: datetime | None = None) -> str:
    begin = (start or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    lines = [f"{(begin + timedelta(hours=hour)).isoformat()},{price}" for hour, price in enumerate(prices)]
    (folder / "prices.csv").write_text("\n".join(["start,import_per_kwh", *lines]))
    return str(folder / "prices.csv")


async def test_a_supplier_by_command_line(site: Site, broker: Mosquitto, listener: HeadEnd, tmp_path: Path) -> None:
    key, other = tmp_path / "supplier.key", tmp_path / "other.key"
    key.write_text(secret := new_private_key())
    (tmp_path / "supplier.pub").write_text(public_part(secret))
    other.write_text(new_private_key())
    login = ("--username", "issuer", "--password-file", str(broker.password_file("issuer")))
    to = (*WHO, "--broker", broker.url, *login, "--key")
    async with site.node(PRICED):
        await listener.readings(2, *MODELS)
        taken = await busbar("outlook", "prices", csv(tmp_path, "100", "-50"), "--per-mwh", *to, str(key))
        assert taken.good.startswith("taken: prices "), taken
        assert "-0.05 to 0.1 EUR per kWh" in taken.out
        flat = await busbar("outlook", "prices", "--flat", "0.31", "--flat-export", "0.08", *to, str(key))
        assert flat.good.startswith("taken: "), flat
        absurd = await busbar("outlook", "prices", csv(tmp_path, "100", "-50"), *to, str(key))
        assert absurd.code == 1, absurd
        assert absurd.out.startswith("refused: import price of step 0: 100 per kWh, -10 to 10 is allowed"), absurd
        over = csv(tmp_path, "0.1", start=datetime.now(UTC) - timedelta(hours=5))
        assert "that is over" in (await busbar("outlook", "prices", over, *to, str(key))).out
        stranger = await busbar("outlook", "prices", "--flat", "0.3", *to, str(other))
        assert (stranger.code, "not on the trust list" in stranger.out) == (1, True), stranger
        no_car = await busbar("outlook", "trip", "--charger", "wallbox", *to, str(key))
        assert "may not say 'trip'" in no_car.out, no_car


@pytest.fixture
def to(tmp_path: Path) -> tuple[str, ...]:
    """A key, and a broker that is not there."""
    (tmp_path / "a.key").write_text(new_private_key())
    return (*WHO, "--key", str(tmp_path / "a.key"), "--broker", f"mqtt://127.0.0.1:{free_port()}")


def test_what_is_wrong_is_not_sent(to: tuple[str, ...], tmp_path: Path) -> None:
    prices = ("outlook", "prices")
    told(*prices, *to).says(2, "either FILE.csv or --flat")
    told(*prices, "--flat", "nan", *to).says(2, "finite")
    told(*prices, "--flat", "1e6", *to).says(2, "import_per_kwh")
    told(*prices, "--flat", "0.3", "--currency", "euro", *to).says(2, "currency")
    told(*prices, csv(tmp_path, "0.1", "dear"), *to).says(2, "line 3", "dear")
    told(*prices, csv(tmp_path, "0.1", ""), *to).says(2, "a price is missing")
    told(*prices, str(tmp_path / "none.csv"), *to).says(2, "none.csv")
    told("outlook", "forecast", csv(tmp_path, "1"), "--kind", "pv", *to).says(2, "a column value is needed")
    (tmp_path / "sun.csv").write_text("start,value,q10,q90\n2026-06-01T22:00:00Z,5,9,1\n")
    told("outlook", "forecast", str(tmp_path / "sun.csv"), "--kind", "pv", *to).says(2, "quantile 0.9 is 1, below")
    told("outlook", "trip", "--charger", "w", "--departs", "tomorrow", *to).says(2, "departs")
    told("outlook", "trip", "--charger", "w", "--departs", "2026-06-01T07:00:00Z", "--needs-wh", "-1", *to).says(
        2, "needs_wh"
    )


def test_a_broker_that_is_not_there(to: tuple[str, ...]) -> None:
    told("outlook", "prices", "--flat", "0.3", *to).says(1, "broker 127.0.0.1")
