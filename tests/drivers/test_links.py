"""URLs: what they mean, what is wrong with a wrong one, and who shares a bus."""

import asyncio

import pytest

from drivers.links import Buses, Link, NetLink, Quirks, open_bus, open_stream, parse_url
from drivers.modbus.rtu import RtuBus, RtuOverTcpBus
from drivers.modbus.serial_channel import SerialSettings
from drivers.modbus.tcp import TcpBus


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("tcp://meter", NetLink("tcp", "meter", 502)),
        ("tcp://192.0.2.7:1502", NetLink("tcp", "192.0.2.7", 1502)),
        ("tcp://[2001:db8::1]:502", NetLink("tcp", "2001:db8::1", 502)),
        ("tcp://meter:502/", NetLink("tcp", "meter", 502)),
        ("tcp://meter?gap_ms=300&write=6&id0=1", NetLink("tcp", "meter", 502, Quirks(300, 0, 6, 1))),
        ("rtu+tcp://converter:4001?settle_ms=50", NetLink("rtu+tcp", "converter", 4001, Quirks(0, 50))),
        ("rtu+tcp://converter:4001", NetLink("rtu+tcp", "converter", 4001)),
        ("serial:///dev/ttyUSB0", SerialSettings("/dev/ttyUSB0", 9600, "N", 1)),
        ("serial:///dev/ttyUSB0?baud=19200&parity=e&stopbits=2", SerialSettings("/dev/ttyUSB0", 19200, "E", 2)),
    ],
)
def test_what_a_url_means(url: str, link: Link) -> None:
    assert parse_url(url) == link


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://meter", "scheme 'http' is not known; allowed is tcp://host:502, rtu"),
        ("meter:502", "scheme 'meter' is not known"),
        ("/dev/ttyUSB0", "scheme '' is not known"),
        ("tcp://", "the host is missing"),
        ("tcp://:502", "the host is missing"),
        ("tcp://meter:0", "the port is missing or bad; allowed is tcp://host:port with 1 to 65535"),
        ("tcp://meter:65536", "the port is missing or bad"),
        ("tcp://meter:http", "the port is missing or bad"),
        ("tcp://meter:502/unit/1", "only host and port are allowed"),
        ("tcp://meter:502?unit=1", "unit not known or doubled; gap_ms, settle_ms, write, id0, once each"),
        ("tcp://meter:502?gap_ms=1001", "gap_ms is '1001'; allowed is 0 to 1000"),
        ("tcp://meter:502?write=5", "write is '5'; allowed is 6 or 16"),
        ("tcp://meter:502?id0=yes", "id0 is 'yes'; allowed is 0 or 1"),
        ("rtu+tcp://converter:4001?id0=1", "id0 not known or doubled"),
        ("tcp://me@meter:502", "only host and port are allowed"),
        ("rtu+tcp://converter", "the port is missing or bad; allowed is rtu"),
        ("serial://", "the port's path is missing"),
        ("serial://dev/ttyUSB0", "three slashes"),
        ("serial:///dev/ttyUSB0?baud=9601", "baud is '9601'; allowed is 1200, 2400, 4800, 9600"),
        ("serial:///dev/ttyUSB0?baud=", "baud is ''"),
        ("serial:///dev/ttyUSB0?parity=M", "parity is 'M'; allowed is N, E, O"),
        ("serial:///dev/ttyUSB0?stopbits=1.5", "stopbits is '1.5'; allowed is 1, 2"),
        ("serial:///dev/ttyUSB0?speed=9600", "speed not known or doubled; baud, parity, stopbits"),
        ("serial:///dev/ttyUSB0?baud=9600&baud=9600", "not known or doubled"),
        ("serial:///dev/ttyUSB0?baud", "allowed is .key=value"),
    ],
)
def test_what_is_wrong_with_a_url(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        parse_url(url)
    assert str(error.value).startswith(f"{url}: ")


@pytest.mark.parametrize(
    ("url", "kind"),
    [("tcp://meter", TcpBus), ("rtu+tcp://converter:4001", RtuOverTcpBus), ("serial:///dev/ttyUSB0", RtuBus)],
)
def test_the_bus_of_a_link_opens_nothing_until_used(url: str, kind: type) -> None:
    assert isinstance(open_bus(url, 1.0), kind)


def test_devices_on_the_same_line_share_one_bus() -> None:
    buses = Buses()
    assert buses.get("serial:///dev/ttyUSB0", 1.0) is buses.get("serial:///dev/ttyUSB0?baud=9600", 2.0)
    assert buses.get("tcp://meter", 1.0) is buses.get("tcp://meter:502", 1.0)
    assert buses.get("tcp://meter", 1.0) is not buses.get("tcp://other", 1.0)
    asyncio.run(buses.close())


def test_one_connection_has_one_setting() -> None:
    buses = Buses()
    assert buses.get("tcp://meter?gap_ms=300", 1.0) is buses.get("tcp://meter?gap_ms=300", 1.0)
    with pytest.raises(ValueError, match=r"meter:502 is already used as .*gap_ms=300.* one line has one setting"):
        buses.get("tcp://meter", 1.0)
    asyncio.run(buses.close())


def test_one_port_has_one_setting() -> None:
    buses = Buses()
    buses.get("serial:///dev/ttyUSB0?baud=9600", 1.0)
    with pytest.raises(ValueError, match=r"ttyUSB0 is already used as .*baud=9600.* one line has one setting"):
        buses.get("serial:///dev/ttyUSB0?baud=19200", 1.0)


@pytest.mark.parametrize("url", ["tcp://server:2001", "serial:///dev/ttyUSB0?baud=115200"])
def test_a_stream_opens_nothing_until_used_and_has_no_query_in_its_name(url: str) -> None:
    assert open_stream(url, 1.0).name == url.partition("?")[0]


@pytest.mark.parametrize(
    "url", ["rtu+tcp://server:2001", "serial:///dev/ttyUSB0?parity=E", "serial:///dev/a?stopbits=2"]
)
def test_a_stream_needs_a_line_of_eight_bits(url: str) -> None:
    with pytest.raises(ValueError, match="needs tcp://host:port, or a serial port at 8N1"):
        open_stream(url, 1.0)
