"""From a URL in a configuration to an open bus; devices with the same URL share one bus."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar, get_args
from urllib.parse import SplitResult, parse_qsl, urlsplit

from drivers.modbus.audience import Through, directly
from drivers.modbus.rtu import CONVERTER_GAP_S, RtuBus, RtuOverTcpBus
from drivers.modbus.serial_channel import Parity, SerialSettings, StopBits, open_port
from drivers.modbus.tcp import TcpBus
from drivers.modbus.tcp_channel import connect
from drivers.telegrams.stream import Stream
from protocols.ports import RegisterBus

MODBUS_PORT: Final = 502  # registered with IANA as mbap
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
_T = TypeVar("_T")
_ALLOWED: Final = "tcp://host:502, rtu+tcp://host:port or serial:///dev/ttyUSB0?baud=9600&parity=N&stopbits=1"


@dataclass(frozen=True, slots=True)
class Quirks:
    """What the device behind a link needs, as the options of its URL say: `?gap_ms=300&settle_ms=2000&write=6&id0=1`."""

    gap_ms: int = 0  # least pause between two transactions
    settle_ms: int = 0  # pause after connecting; some answer nothing for 1 to 5 s (home-assistant/core#32557)
    write: int = 16  # function for one register
    id0: int = 0  # 1: answers with transaction 0 (sunsynk#680)


# The option and what it may be.
_QUIRKS: Final = {"gap_ms": range(1001), "settle_ms": range(10_001), "write": (6, 16), "id0": (0, 1)}
_OF_SCHEME: Final = {"tcp": tuple(_QUIRKS), "rtu+tcp": ("gap_ms", "settle_ms", "write")}


@dataclass(frozen=True, slots=True)
class NetLink:
    """A Modbus TCP device or gateway, or a converter that passes RTU frames through."""

    scheme: Literal["tcp", "rtu+tcp"]
    host: str
    port: int
    quirks: Quirks = Quirks()


Link = NetLink | SerialSettings


def parse_url(url: str) -> Link:
    """The link a URL means; ValueError naming the bad part and what is allowed."""
    parts = urlsplit(url)
    match parts.scheme:
        case "tcp" | "rtu+tcp" as scheme:
            return _net_link(url, parts, scheme)
        case "serial":
            return _serial_link(url, parts)
        case _:
            raise ValueError(f"{url}: scheme {parts.scheme!r} is not known; allowed is {_ALLOWED}")


def _net_link(url: str, parts: SplitResult, scheme: Literal["tcp", "rtu+tcp"]) -> NetLink:
    if parts.path.strip("/") or parts.fragment or parts.username:
        raise ValueError(f"{url}: only host and port are allowed: {scheme}://host:port")
    if not parts.hostname:
        raise ValueError(f"{url}: the host is missing; allowed is {scheme}://host:port")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None and scheme == "tcp":
        port = MODBUS_PORT
    if not port:
        raise ValueError(f"{url}: the port is missing or bad; allowed is {scheme}://host:port with 1 to 65535")
    query = _query(url, parts.query, _OF_SCHEME[scheme])
    return NetLink(scheme, parts.hostname, port, Quirks(**{key: _quirk(url, key, text) for key, text in query.items()}))


def _quirk(url: str, key: str, text: str) -> int:
    allowed = _QUIRKS[key]
    if text.isdecimal() and int(text) in allowed:
        return int(text)
    told = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else " or ".join(map(str, allowed))
    raise ValueError(f"{url}: {key} is {text!r}; allowed is {told}")


def _serial_link(url: str, parts: SplitResult) -> SerialSettings:
    if parts.netloc or not parts.path.strip("/"):
        raise ValueError(f"{url}: the port's path is missing; allowed is serial:///dev/ttyUSB0 (three slashes)")
    query = _query(url, parts.query, ("baud", "parity", "stopbits"))
    baud = _one_of(url, "baud", query.get("baud", "9600"), BAUDS)
    parity: Parity = _one_of(url, "parity", query.get("parity", "N").upper(), get_args(Parity))
    stopbits: StopBits = _one_of(url, "stopbits", query.get("stopbits", "1"), get_args(StopBits))
    return SerialSettings(parts.path, baud, parity, stopbits)


def _query(url: str, text: str, allowed: tuple[str, ...]) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError as error:
        raise ValueError(f"{url}: {error}; allowed is ?key=value&key=value") from None
    query = dict(pairs)
    unknown = sorted(set(query) - set(allowed))
    if unknown or len(query) != len(pairs):
        raise ValueError(
            f"{url}: {', '.join(unknown) or 'a key'} not known or doubled; {', '.join(allowed)}, once each"
        )
    return query


def _one_of(url: str, key: str, text: str, allowed: tuple[_T, ...]) -> _T:
    for value in allowed:
        if str(value) == text:
            return value
    raise ValueError(f"{url}: {key} is {text!r}; allowed is {', '.join(str(value) for value in allowed)}")


def open_bus(link: str | Link, timeout_s: float, through: Through = directly, retries: int = 1) -> RegisterBus:
    """A bus on this link; it connects when first used, `through` whoever listens in, and repeats a read so often.

    ValueError on a bad URL.
    """
    match parse_url(link) if isinstance(link, str) else link:
        case NetLink("tcp", host, port, quirks):
            return TcpBus(
                host,
                port,
                through=through,
                retries=retries,
                timeout_s=timeout_s,
                gap_s=quirks.gap_ms / 1000,
                settle_s=quirks.settle_ms / 1000,
                answers_id_0=quirks.id0 == 1,
                function_6=quirks.write == 6,
            )
        case NetLink(_, host, port, quirks):
            return RtuOverTcpBus(
                host,
                port,
                through=through,
                retries=retries,
                timeout_s=timeout_s,
                gap_s=max(quirks.gap_ms / 1000, CONVERTER_GAP_S),
                settle_s=quirks.settle_ms / 1000,
                function_6=quirks.write == 6,
            )
        case SerialSettings(path, baud, parity, stopbits):
            return RtuBus(
                path,
                through=through,
                baud=baud,
                parity=parity,
                stopbits=stopbits,
                timeout_s=timeout_s,
                retries=retries,
            )


def open_stream(url: str, timeout_s: float, baud: int | None = None, through: Through = directly) -> Stream:
    """The stream of a meter that talks by itself; opens when first used. `baud` goes before that of the URL.

    ValueError on a bad URL, and where the line is one of registers or of another form than 8N1: seven bits with parity
    are as long, and the parity is checked here.
    """
    match parse_url(url):
        case NetLink("tcp", host, port, Quirks(0, 0, 16, 0)):
            return Stream(url, through(lambda: connect(host, port, timeout_s)))
        case SerialSettings(_, _, "N", 1) as settings:
            chosen = replace(settings, baud=baud or settings.baud)
            return Stream(url.partition("?")[0], through(lambda: open_port(chosen)))
        case _:
            raise ValueError(f"{url}: a meter that sends telegrams needs tcp://host:port, or a serial port at 8N1")


class Buses:
    """Every bus of a node, one per line, however many devices are on it; and each stream with a line of its own."""

    def __init__(self, through_of: Callable[[str], Through] = lambda url: directly) -> None:
        """`through_of`: who listens in on the line of a URL."""
        self._through_of = through_of
        self._buses: dict[Link, RegisterBus] = {}
        self._streams: list[Stream] = []
        self._ports: dict[str, SerialSettings] = {}
        self._peers: dict[NetLink, NetLink] = {}

    def get(self, url: str, timeout_s: float) -> RegisterBus:
        """The bus of this URL, made with the time-out of whoever asks first.

        ValueError on a bad URL, or a port named before with other settings.
        """
        link = parse_url(url)
        if isinstance(link, SerialSettings) and (known := self._ports.setdefault(link.path, link)) != link:
            raise ValueError(f"{url}: {link.path} is already used as {known}; one line has one setting")
        if isinstance(link, NetLink):
            peer = replace(link, quirks=Quirks())
            if (other := self._peers.setdefault(peer, link)) != link:
                raise ValueError(f"{url}: {link.host}:{link.port} is already used as {other}; one line has one setting")
        if link not in self._buses:
            self._buses[link] = open_bus(link, timeout_s, self._through_of(url))
        return self._buses[link]

    def stream(self, url: str, timeout_s: float, baud: int | None = None) -> Stream:
        """A new stream on this URL; see `open_stream`."""
        self._streams.append(open_stream(url, timeout_s, baud, self._through_of(url)))
        return self._streams[-1]

    async def close(self) -> None:
        """Close every line."""
        for stream in self._streams:
            await stream.close()
        for bus in self._buses.values():
            await bus.close()
