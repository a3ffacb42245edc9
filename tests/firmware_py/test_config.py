"""The configuration: every mistake at once, each with key, value and what is allowed."""

import re
from pathlib import Path

import pytest

from firmware_py.config import ConfigError, HomeConfig, broker_address, load
from protocols.dlms import Keys
from protocols.signing import key_id, new_private_key, public_part

KEY = new_private_key()
GOOD = """
[node]
id = "home-1"
state_dir = "state"
[mqtt]
url = "mqtt://broker.example"
username = "home-1"
password_file = "password"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
[[issuer]]
name = "dso.example"
key_file = "dso.pub"
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
[[device]]
name = "battery"
model = "sunspec-battery"
url = "tcp://battery.example"
fallback_w = 0
"""

BATTERY = 'model = "sunspec-battery"\nurl = "tcp://battery.example"\nfallback_w = 0'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dso.pub").write_text(public_part(KEY))
    (tmp_path / "password").write_text("secret\n")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "home.toml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_good_one(folder: Path) -> None:
    loaded = load(write(folder, GOOD))
    assert loaded.issuers == {key_id(KEY): "dso.example"}
    assert loaded.password == "secret"
    assert loaded.home.node.cycle_s == 1.0
    assert [device.fallback_w for device in loaded.home.device] == [None, 0.0]


def test_five_mistakes_are_five_lines(folder: Path) -> None:
    bad = (
        GOOD.replace("[node]", "[node]\ncycel_s = 1")
        .replace('"home-1"', '"home/1"')
        .replace("17000", '"17 kW"')
        .replace("10000", "-5")
        .replace('model = "sdm630"', 'model = "sdm360"')
    )
    found = mistakes(folder, bad)
    assert len(found) == 5
    assert "node.cycel_s = 1: unknown key; did you mean cycle_s?" in found
    assert any(line.startswith('node.id = "home/1": allowed are') for line in found)
    assert 'site.import_limit_w = "17 kW": must be a number without quotation marks' in found
    assert any(line.startswith("site.export_limit_w = -5") and "0" in line for line in found)
    assert 'device.0.model = "sdm360": did you mean sdm630?' in found


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("17000", "nan", "site.import_limit_w"),
        ("17000", "inf", "site.import_limit_w"),
        ("17000", "true", "site.import_limit_w"),
        ('meter = "grid"', 'meter = "gird"', 'site.meter = "gird": allowed are the devices grid, battery'),
        ('meter = "grid"', 'meter = "battery"', "is not a meter"),
        ('name = "battery"', 'name = "grid"', "stands twice"),
        ("mqtt://broker.example", "http://broker.example", "mqtt.url"),
        ("mqtt://broker.example", "mqtt://user:secret@broker.example", "mqtt.url"),
        ("tcp://battery.example", "tcp:battery", "device.1.url"),
        ("baud=9600", "baud=9601", "device.0.url"),
        ("baud=9600", "bauds=9600", "device.0.url"),
        ('key_file = "dso.pub"', 'key_file = "none.pub"', "issuer.0.key_file"),
        ('key_file = "dso.pub"', 'key_file = "password"', "issuer.0.key_file"),
        ('password_file = "password"', 'password_file = "nothing"', "mqtt.password_file"),
        ('username = "home-1"', "", "mqtt.username = (absent): must be there beside password_file"),
        ('id = "home-1"', "", "node.id = (absent)"),
        ("[site]", "[sight]", "sight"),
        ('id = "home-1"', 'id = "home-1"\ncycle_s = 3', "site.blind_after_s = 5.0: at least 6"),
        ('id = "home-1"', 'id = "home-1"\ncycle_s = 10', "device.1.lease_s = 30.0: at least 40"),
        ("fallback_w = 0", "fallback_w = 0\nlease_s = 3.9", "device.1.lease_s = 3.9: at least 4"),
        ('?baud=9600"', '?baud=9600"\nfallback_w = 0', "device.0.fallback_w = 0: a meter"),
        ('?baud=9600"', '?baud=9600"\nserial = " 21000070"', 'device.0.serial = " 21000070"'),
        ('?baud=9600"', '?baud=9600"\nserial = 21000070', "device.0.serial = 21000070"),
        (BATTERY, BATTERY.replace('battery"', 'inverter"', 1).replace("= 0", "= -1"), "device.1.fallback_w = -1: what"),
    ],
)
def test_each_mistake_is_named(folder: Path, old: str, new: str, named: str) -> None:
    assert any(named in line for line in mistakes(folder, GOOD.replace(old, new)))


P1 = '[[device]]\nname = "p1"\nmodel = "p1"\nurl = "serial:///dev/ttyUSB1?baud=115200"\n'
DLMS = '[[device]]\nname = "dlms"\nmodel = "dlms-push"\nurl = "tcp://server:2001"\nkey_file = "meter.keys"\n'
HEXADECIMAL = "5ec2e7000102030405060708090a0b0c"


def test_a_meter_that_sends_telegrams_may_be_the_sites(folder: Path) -> None:
    (folder / "meter.keys").write_text(f'encryption_key = "{HEXADECIMAL}"\nauthentication_key = "{HEXADECIMAL}"\n')
    loaded = load(write(folder, GOOD.replace('meter = "grid"', 'meter = "p1"') + P1 + DLMS))
    key = bytes.fromhex(HEXADECIMAL)
    assert loaded.meter_keys == {"dlms": Keys(key, key)}
    assert HEXADECIMAL not in repr(loaded)


@pytest.mark.parametrize(
    ("device", "named"),
    [
        (
            P1.replace("ttyUSB1?baud=115200", "ttyUSB0"),
            'device.2.url = "serial:///dev/ttyUSB0": is the line of device.0',
        ),
        (P1 + P1.replace('"p1"\nmodel', '"p2"\nmodel'), "is the line of device.3 too; a meter that sends telegrams"),
        (P1.replace("115200", "9600&parity=E"), "needs tcp://host:port, or a serial port at 8N1"),
        (
            P1.replace("serial:///dev/ttyUSB1?baud=115200", "rtu+tcp://a:1"),
            "needs tcp://host:port, or a serial port at",
        ),
        (P1 + "fallback_w = 0\n", "device.2.fallback_w = 0: a meter takes no setpoint"),
        (P1 + 'key_file = "password"\n', 'device.2.key_file = "password": p1 has no keys'),
        (DLMS, 'device.2.key_file = "meter.keys": must be a readable file'),
        (DLMS.replace("meter.keys", "password"), "a meter's keys are needed: lines such as encryption_key"),
        (DLMS.replace("meter.keys", "short.keys"), "a meter's keys are needed: encryption_key: 2 bytes, 16 are needed"),
        (DLMS.replace("meter.keys", "other.keys"), "encryption_key, and perhaps authentication_key and system_title"),
    ],
)
def test_each_mistake_with_telegrams_is_named_and_no_key_is_shown(folder: Path, device: str, named: str) -> None:
    (folder / "short.keys").write_text('encryption_key = "ab17"\n')
    (folder / "other.keys").write_text(f'key = "{HEXADECIMAL}"\n')
    found = mistakes(folder, GOOD + device)
    assert any(named in line for line in found), found
    assert not any(HEXADECIMAL in line or "ab17" in line for line in found)


def test_the_example_is_good(folder: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "home.toml"
    (folder / "dso.example.pub").write_text(public_part(KEY))
    assert len(load(write(folder, example.read_text())).home.device) == 3


def test_a_file_that_is_no_toml_says_where(folder: Path) -> None:
    (line,) = mistakes(folder, "[node\nid=")
    assert "line 1" in line


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://b", ("b", 1883, False)),
        ("mqtts://b", ("b", 8883, True)),
        ("mqtt://[::1]:2000", ("::1", 2000, False)),
    ],
)
def test_where_the_broker_is(url: str, address: tuple[str, int, bool]) -> None:
    assert broker_address(url) == address


@pytest.mark.parametrize("url", ["", "mqtt://", "mqtt://b:99999", "mqtt://b/path", "tcp://b", "mqtt://[bad"])
def test_where_it_cannot_be(url: str) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        broker_address(url)


PROXY = """
[[proxy]]
listen = "tcp://127.0.0.1:5021"
[[proxy.share]]
device = "grid"
[[proxy.share]]
device = "battery"
unit = 4
writes = ["40240-40250"]
"""


def test_a_proxy_in_a_good_one(folder: Path) -> None:
    (proxy,) = load(write(folder, GOOD + PROXY)).home.proxy
    assert [(share.device, share.unit, share.writes) for share in proxy.share] == [
        ("grid", None, ()),
        ("battery", 4, ("40240-40250",)),
    ]
    assert (proxy.cache_s, proxy.clients_most) == (0.0, 8)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"tcp://127.0.0.1:5021"', '"rtu+tcp://127.0.0.1:5021"', "proxy.0.listen = "),
        ('"40240-40250"', '"40250-40240"', "proxy.0.share.1.writes = "),
        (
            'device = "grid"\n[[',
            'device = "gird"\n[[',
            'proxy.0.share.0.device = "gird": allowed are the devices grid, battery',
        ),
        ("unit = 4", "unit = 1", "proxy.0.share.1.unit = 1: stands twice behind this port; name another one"),
        ("unit = 4", "unit = 256", "proxy.0.share.1.unit = 256: "),
        ("writes", "writs", 'proxy.0.share.1.writs = ["40240-40250"]: unknown key; did you mean writes?'),
        ('listen = "tcp://127.0.0.1:5021"', "", "proxy.0.listen = (absent): must be there"),
        ('listen = "tcp://127.0.0.1:5021"', 'listen = "tcp://127.0.0.1:5021"\ncache_s = 61', "proxy.0.cache_s = 61: "),
    ],
)
def test_a_bad_proxy_is_named(folder: Path, old: str, new: str, said: str) -> None:
    assert old in PROXY
    (line,) = mistakes(folder, GOOD + PROXY.replace(old, new))
    assert line.startswith(said)


def test_two_proxies_on_one_port_and_a_meter_without_registers(folder: Path) -> None:
    telegrams = '[[device]]\nname = "p1"\nmodel = "p1"\nurl = "serial:///dev/ttyUSB9"\n'
    found = mistakes(folder, GOOD + telegrams + PROXY + PROXY.replace('"grid"', '"p1"'))
    assert found == [
        'proxy.1.listen = "tcp://127.0.0.1:5021": stands twice; each proxy needs a port of its own',
        'proxy.1.share.0.device = "p1": allowed are the devices grid, battery',
    ]


GOE = '[[charger]]\nname = "car"\nmodel = "go-e"\nurl = "tcp://car.example"\n'
KEBA = '[[charger]]\nname = "car"\nmodel = "keba"\nurl = "tcp://car.example?write=6"\nunit = 255\nfallback_a = 6\n'
BOILER = '[[relay]]\nname = "boiler"\nurl = "tcp://board.example"\nchannel = 0\npower_w = 2000\n'
PUMP = '[[heat_pump]]\nname = "pump"\nurl = "tcp://board.example"\nchannels = [1, 2]\npower_w = 2500\n'
LAMBDA = '[[heat_pump]]\nname = "pump"\nmodel = "lambda-heat-pump"\nurl = "tcp://l.example"\npower_w = 2500\ncontrol = true\n'
DRIVE = '[[switchgear]]\nname = "taps"\nmodel = "tap-changer"\nurl = "tcp://taps.example"\n'


def test_loads_and_drives(folder: Path) -> None:
    home = load(write(folder, GOOD + GOE + BOILER + PUMP + DRIVE)).home
    assert [each.name for each in home.loads] == ["car", "boiler", "pump"]
    assert (home.charger[0].use, home.charger[0].current_max_a, home.charger[0].merit) == ("surplus", 16.0, -1)
    assert home.switchgear[0].model == "tap-changer"
    load(write(folder, GOOD + KEBA + LAMBDA))


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (GOE.replace("go-e", "goe"), 'charger.0.model = "goe": did you mean go-e?'),
        (GOE + "fallback_a = 5", "charger.0.fallback_a = 5: 0 or 6 to current_max_a, 16, is allowed"),
        (GOE + "fallback_a = 20", "charger.0.fallback_a = 20: 0 or 6 to"),
        (GOE + "current_min_a = 20", "charger.0.current_min_a = 20.0: current_max_a, 16, is the most"),
        (GOE + "current_max_a = 5", "charger.0.current_max_a = 5: Input should be greater than or equal to 6"),
        (GOE + "phases = 2", "charger.0.phases = 2: Input should be 1 or 3"),
        (GOE + 'use = "sometimes"', "charger.0.use"),
        (GOE + "lease_s = 3", "charger.0.lease_s = 3.0: at least 4, four of node.cycle_s"),
        (KEBA + "lease_s = 9", "charger.0.lease_s = 9.0: 10 to 600 is allowed for keba"),
        (KEBA.replace("?write=6", ""), 'charger.0.url = "tcp://car.example": keba needs ?write=6'),
        (GOE.replace('"car"', '"grid"', 1), 'charger.0.name = "grid": stands twice'),
        (BOILER.replace("channel = 0\n", ""), "relay.0.channel = (absent): one of channel, line must be there"),
        (BOILER + 'line = "RELAY1"', "relay.0.channel = channel and line: one of"),
        (BOILER.replace('url = "tcp://board.example"\n', ""), "relay.0.url = (absent): must be there beside channel"),
        (BOILER.replace('url = "tcp://board.example"\nchannel = 0', 'line = "17"'), 'relay.0.line = "17": GPIO line'),
        (BOILER.replace("channel = 0", 'line = "R1"'), 'relay.0.url = "tcp://board.example": a GPIO line has none'),
        (BOILER.replace("power_w = 2000\n", ""), "relay.0.power_w = (absent): must be there"),
        (BOILER + 'meter = "grdi"', 'relay.0.meter = "grdi": allowed are the devices grid, battery'),
        (BOILER + BOILER.replace("boiler", "other"), "relay.1.channel = 0: is switched by relay.0 too"),
        (BOILER + PUMP.replace("[1, 2]", "[0, 2]"), "heat_pump.0.channel = 0: is switched by relay.0 too"),
        (PUMP.replace("[1, 2]", "[1, 1]"), "heat_pump.0.channel = 1: is switched by heat_pump.0 too"),
        (PUMP + "hold_s = 10", "heat_pump.0.hold_s = 10: Input should be greater than or equal to 60"),
        (PUMP + "control = true", "heat_pump.0.control = true: is for a model whose control is unverified"),
        (
            LAMBDA.replace("control = true\n", ""),
            "heat_pump.0.control = false: the control of lambda-heat-pump is unverified",
        ),
        (LAMBDA.replace("lambda-heat-pump", "lamda-heat-pump"), "did you mean lambda-heat-pump?"),
        (DRIVE.replace("tap-changer", "tap-changr"), "did you mean tap-changer?"),
        (GOE.replace("tcp://car.example", "serial:///dev/ttyUSB0?baud=19200"), "charger.0.url"),
        ('[[device]]\nname = "car"\nmodel = "go-e"\nurl = "tcp://c"\nfallback_w = 0', "[[charger]] controls it"),
    ],
)
def test_each_mistake_with_what_switches_is_named(folder: Path, part: str, named: str) -> None:
    found = mistakes(folder, GOOD + part)
    assert len(found) == 1, found
    assert named in found[0]


def test_every_part_is_in_the_schema_for_editors() -> None:
    schema = HomeConfig.model_json_schema()
    assert {"charger", "relay", "heat_pump", "switchgear"} <= set(schema["properties"])
    assert schema["$defs"]["ChargerConfig"]["properties"]["phases"]["enum"] == [1, 3]
    assert schema["$defs"]["HeatPumpConfig"]["properties"]["raise_to"]["enum"] == ["encouraged", "ordered"]
    assert set(schema["required"]) == {"node", "mqtt", "site", "device"}


def test_the_parts_of_the_page_on_loads_are_good(folder: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/loads.md").read_text()
    (part,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert [each.name for each in load(write(folder, GOOD + part)).home.loads] == ["car", "boiler", "pump"]


ZONE = '[approver]\nname = "zone"\nkey_file = "dso.pub"\n'


def test_issuers_have_roles_and_a_zone_approves(folder: Path) -> None:
    text = GOOD.replace('key_file = "dso.pub"', 'key_file = "dso.pub"\nrole = "market"')
    (folder / "zone.pub").write_text(public_part(new_private_key()))
    loaded = load(write(folder, text + ZONE.replace("dso.pub", "zone.pub")))
    assert loaded.home.issuer[0].role == "market"
    assert sorted(loaded.issuers.values()) == ["dso.example", "zone"]
    assert loaded.home.approver is not None
    assert loaded.home.approver.of == ("energy", "reprofile", "option")


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ('role = "king"', 'issuer.0.role = "king"'),
        ('consent = "asked"', 'issuer.0.consent = "asked": an issuer of role household'),
        ('[[issuer]]\nname = "dso.example"\nkey_file = "dso.pub"\nrole = "grid"', 'issuer.1.role = "grid"'),
        (ZONE.replace('"zone"', '"dso.example"'), "is the approver too"),
        (ZONE + 'of = ["limit"]', 'approver.of.0 = "limit"'),
        ('[approver]\nname = "zone"\nkey_file = "none.pub"', "approver.key_file"),
    ],
)
def test_mistakes_of_parties(folder: Path, new: str, said: str) -> None:
    text = GOOD.replace('key_file = "dso.pub"\n', f'key_file = "dso.pub"\n{new}\n')
    assert any(said in mistake for mistake in mistakes(folder, text)), mistakes(folder, text)
