"""`[tariff]`: what is good, and every mistake at once with what is allowed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.planning.site import Horizon
from controller.tariff import prices
from firmware_py.compose import inbound
from firmware_py.compose_outlook import rules
from firmware_py.config import ConfigError, HomeConfig, load
from firmware_py.config_tariff import tariff_of
from protocols.signing import new_private_key, public_part

KEY = new_private_key()
HOME = """
[node]
id = "home-1"
state_dir = "/tmp"
[mqtt]
url = "mqtt://b"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
timezone = "Europe/Berlin"
[[issuer]]
name = "supplier"
key_file = "key.pub"
role = "market"
[[issuer]]
name = "dso"
key_file = "key.pub"
role = "grid"
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
"""
BANDS = """
[tariff]
import_per_kwh = 0.32
export_per_kwh = 0.08
[[tariff.band]]
from = "22:00"
to = "06:00"
days = ["fri", "sat"]
import_per_kwh = 0.21
[[tariff.band]]
from = 12:00:00
to = "14:05"
export_per_kwh = -0.01
"""
DYNAMIC = """
[tariff]
issuer = "supplier"
factor = 1.19
added_per_kwh = 0.18
currency = "CZK"
price_most_per_kwh = 250
"""


def home(folder: Path, text: str, base: str = HOME) -> HomeConfig:
    (folder / "key.pub").write_text(public_part(KEY))
    (folder / "home.toml").write_text(base + text)
    return load(folder / "home.toml").home


def mistakes(folder: Path, text: str, base: str = HOME) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        home(folder, text, base)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_bands_price_a_friday_night(tmp_path: Path) -> None:
    config = home(tmp_path, BANDS)
    assert config.tariff is not None
    told = prices(Horizon(datetime(2026, 6, 5, 19, tzinfo=UTC), 3600.0, 10), tariff_of(config.tariff, "Europe/Berlin"))
    assert told.import_per_kwh.tolist() == [0.32] + [0.21] * 8 + [0.32]
    assert "busbar/1/home-1/outlook/in" not in inbound(config)


def test_prices_by_message(tmp_path: Path) -> None:
    config = home(tmp_path, DYNAMIC)
    assert config.tariff is not None
    tariff = tariff_of(config.tariff, "Europe/Berlin")
    assert (tariff.is_dynamic, tariff.factor, tariff.added_per_kwh, tariff.import_per_kwh) == (True, 1.19, 0.18, None)
    assert "busbar/1/home-1/outlook/in" in inbound(config)
    taken = rules(config)
    assert (taken.prices_by, taken.currency, taken.price_most_per_kwh) == ("supplier", "CZK", 250.0)


def test_without_a_tariff_nothing_is_heard(tmp_path: Path) -> None:
    config = home(tmp_path, "")
    assert config.tariff is None
    assert "busbar/1/home-1/outlook/in" not in inbound(config)


BAD = [
    ('import_per_kwh = "0.3"', 'tariff.import_per_kwh = "0.3": must be a number without quotation marks'),
    ("import_per_kwh = 32", "tariff.import_per_kwh = 32: -10 to 10 per kWh is allowed; price_most_per_kwh widens it"),
    ("import_per_kwh = nan", "tariff.import_per_kwh"),
    ("export_per_kwh = 0.08", "tariff.import_per_kwh = (absent): must be there, or an issuer"),
    ("import_per_kwh = 0.3\nfactor = 1.19", "tariff.factor = 1.19: is for prices by message and needs an issuer"),
    ('issuer = "dso"', 'tariff.issuer = "dso": must be an issuer with role = "market"'),
    ('issuer = "suplier"', "did you mean supplier?"),
    ('issuer = "supplier"\nfactor = 0', "tariff.factor = 0"),
    (
        'issuer = "supplier"\nimport_pr_kwh = 0.3',
        "tariff.import_pr_kwh = 0.3: unknown key; did you mean import_per_kwh?",
    ),
    ('issuer = "supplier"\ncurrency = "Euro"', 'tariff.currency = "Euro"'),
    ('issuer = "supplier"\nadded_per_kwh = 18', "tariff.added_per_kwh = 18: -10 to 10"),
    ('import_per_kwh = 0.3\nband = [{ from = "06:02", to = "07:00", import_per_kwh = 0.1 }]', "full five minutes"),
    ('import_per_kwh = 0.3\nband = [{ from = "24:00", to = "07:00", import_per_kwh = 0.1 }]', "a time of day"),
    ('import_per_kwh = 0.3\nband = [{ from = "06:00", import_per_kwh = 0.1 }]', "tariff.band.0.to = (absent)"),
    ('import_per_kwh = 0.3\nband = [{ from = "06:00", to = "07:00" }]', "a band must name a price"),
    (
        'import_per_kwh = 0.3\nband = [{ from = "06:00", to = "07:00", added_per_kwh = 0.1 }]',
        "tariff.band.0.added_per_kwh = 0.1: nothing is added to fixed prices",
    ),
    (
        'import_per_kwh = 0.3\nband = [{ from = "06:00", to = "07:00", days = ["so"], import_per_kwh = 0.1 }]',
        'tariff.band.0.days.0 = "so"',
    ),
    (
        'import_per_kwh = 0.3\nband = [{ from = "06:00", to = "07:00", import_per_kwh = 30.0 }]',
        "tariff.band.0.import_per_kwh = 30.0: -10 to 10",
    ),
]


@pytest.mark.parametrize(("text", "named"), BAD, ids=[named[:30] for _, named in BAD])
def test_each_mistake_is_named(tmp_path: Path, text: str, named: str) -> None:
    said = mistakes(tmp_path, f"[tariff]\n{text}\n")
    assert len([line for line in said if named in line]) == 1, said


def test_bands_need_a_zone(tmp_path: Path) -> None:
    base = HOME.replace('timezone = "Europe/Berlin"', "")
    assert any("site.timezone = (absent)" in line for line in mistakes(tmp_path, BANDS, base))


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = """
[tariff]
issuer = "nobody"
import_per_kwh = 99
factor = -1
[[tariff.band]]
from = "6:00"
to = "07:00"
"""
    said = "\n".join(mistakes(tmp_path, text))
    for key in ("tariff.issuer", "tariff.import_per_kwh", "tariff.factor", "tariff.band.0.from", "must name a price"):
        assert key in said
