"""The configuration of a home node: one TOML file, every mistake reported at once.

Each key carries its unit in its name. An unknown key is an error. `HomeConfig.model_json_schema()` is the JSON Schema
for editors.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, field_validator

from drivers.catalogue import MODELS
from drivers.links import parse_url
from firmware_py.addresses import listen_address, registers_of
from firmware_py.config_home import (
    Energy,
    OwnerConfig,
    PlanConfig,
    Price,
    RoomConfig,
    TankConfig,
    Zone,
)
from firmware_py.config_limits import GridLimitConfig
from firmware_py.config_loads import (
    ChargerConfig,
    HeatPumpConfig,
    LoadConfig,
    RelayConfig,
    SwitchgearConfig,
)
from firmware_py.config_parts import Number, TopicLevel
from firmware_py.config_parts import Part as _Part
from firmware_py.config_tariff import TariffConfig
from firmware_py.config_thermometers import ThermometerConfig
from firmware_py.mistakes import BLIND_AFTER_S, CYCLE_S, LEASE_S, crossed
from firmware_py.tables import table, tables
from protocols.contracts import FallbackName
from protocols.dlms import Keys
from protocols.mistakes import Mistake, did_you_mean, mistakes_of, shown
from protocols.quantities import QUANTITIES
from protocols.signing import key_id, public_part, sign

TIMEOUT_MAX_S: Final = 30.0
_POWER_MAX_W = QUANTITIES["power_w"].most


def _printed(value: str) -> str:
    if not 1 <= len(value) <= 64 or not value.isprintable() or value != value.strip():
        raise ValueError("allowed are 1 to 64 printable characters, as the device tells its serial number")
    return value


class NodeConfig(_Part):
    """`[node]`: who it is, where it keeps its state, how often it decides; its own private key, to sign evidence with.

    `why_days`: for how long the reasons of its decisions are kept (0: not at all).
    """

    id: TopicLevel
    state_dir: Path
    key_file: Path | None = None
    cycle_s: Annotated[Number, Field(ge=0.1, le=60)] = CYCLE_S
    interval_s: Annotated[Number, Field(ge=1, le=86400)] = 900.0
    why_days: Annotated[Number, Field(ge=0, le=3660)] = 30.0


class MqttConfig(_Part):
    """`[mqtt]`: the broker. The password stands in a file of its own."""

    url: str
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    version: Literal["5", "3.1.1"] = "5"
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 20

    @field_validator("url")
    @classmethod
    def _broker(cls, value: str) -> str:
        broker_address(value)
        return value


class SiteConfig(_Part):
    """`[site]`: the connection point and what it allows (magnitudes), the state it rests in, and where it stands.

    `fuse_a` is the main fuse of each phase, `unbalance_max_a` the most by which two phases may differ (absent: neither is
    looked after); `timezone` is that of every local time of day.
    """

    meter: str
    import_limit_w: Annotated[Number, Field(gt=0, le=_POWER_MAX_W)]
    export_limit_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)]
    rest: FallbackName = FallbackName.SELF_CONSUMPTION
    blind_after_s: Annotated[Number, Field(gt=0, le=600)] = BLIND_AFTER_S
    link_hold_s: Annotated[Number, Field(ge=0, le=86400)] = 3600.0
    timezone: Zone = "UTC"
    latitude_deg: Annotated[Number, Field(ge=-90, le=90)] | None = None
    longitude_deg: Annotated[Number, Field(ge=-180, le=180)] | None = None
    fuse_a: Annotated[Number, Field(ge=1, le=1000)] | None = None
    unbalance_max_a: Annotated[Number, Field(gt=0, le=1000)] | None = None


class IssuerConfig(_Part):
    """`[[issuer]]`: who may send contracts, and the public key (a JWK file) it signs with; what it may send (`role`).

    `consent`: whether its proposals hold as they come, or wait until the household accepts them.
    """

    name: str
    key_file: Path
    role: Literal["any", "grid", "market", "household"] = "any"
    consent: Literal["standing", "asked"] = "standing"


class ApproverConfig(_Part):
    """`[approver]`: the zone, whose signed approval contracts `of` these products need within `within_s`."""

    name: str
    key_file: Path
    of: tuple[Literal["energy", "reprofile", "option", "dispatch"], ...] = ("energy", "reprofile", "option")
    within_s: Annotated[Number, Field(ge=1, le=86400)] = 900.0


class DeviceConfig(_Part):
    """`[[device]]`: one device on one line. `lease_s`: how long it holds a setpoint that nobody renews.

    `key_file`: the keys of a meter that ciphers, see `meter_keys`. `serial`: the one device that is meant; any other is a fault.
    Of a battery, for a plan: what a kWh taken out wears off, its efficiency one way, what it stores where it does not say.
    """

    name: TopicLevel
    model: str
    url: str
    unit: Annotated[int, Field(ge=1, le=255)] = 1
    timeout_s: Annotated[Number, Field(gt=0, le=TIMEOUT_MAX_S)] = 1.0
    lease_s: Annotated[Number, Field(ge=2, le=3600)] = LEASE_S
    deadband_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)] = 20.0
    fallback_w: Annotated[Number, Field(ge=-_POWER_MAX_W, le=_POWER_MAX_W)] | None = None
    soc_least_percent: Annotated[Number, Field(ge=0, le=100)] = 5.0
    key_file: Path | None = None
    serial: Annotated[str, AfterValidator(_printed)] | None = None
    wear_per_kwh: Price = 0.0
    efficiency_percent: Annotated[Number, Field(ge=50, le=100)] = 95.0
    capacity_wh: Energy | None = None

    @field_validator("model")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in MODELS:
            raise ValueError(did_you_mean(value, sorted(MODELS)))
        return value

    @field_validator("url")
    @classmethod
    def _line(cls, value: str) -> str:
        parse_url(value)
        return value


class ShareConfig(_Part):
    """`[[proxy.share]]`: a device that others may ask. `unit`: its unit id for them (absent: its own); `writes`: the
    registers they may write, such as "40240-40250" (absent: none).
    """

    device: str
    unit: Annotated[int, Field(ge=0, le=255)] | None = None
    writes: tuple[str, ...] = ()

    @field_validator("writes")
    @classmethod
    def _ranges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            registers_of(text)
        return value


class ProxyConfig(_Part):
    """`[[proxy]]`: a Modbus TCP port for other programs, behind which the node keeps the devices. See docs/proxy.md."""

    listen: str
    cache_s: Annotated[Number, Field(ge=0, le=60)] = 0.0
    clients_most: Annotated[int, Field(ge=1, le=64)] = 8
    share: Annotated[tuple[ShareConfig, ...], Field(min_length=1)]

    @field_validator("listen")
    @classmethod
    def _port(cls, value: str) -> str:
        listen_address(value)
        return value


class HomeConfig(_Part):
    """A whole home node."""

    node: NodeConfig
    mqtt: MqttConfig
    site: SiteConfig
    issuer: tuple[IssuerConfig, ...] = ()
    approver: ApproverConfig | None = None
    device: Annotated[tuple[DeviceConfig, ...], Field(min_length=1)]
    charger: tuple[ChargerConfig, ...] = ()
    relay: tuple[RelayConfig, ...] = ()
    heat_pump: tuple[HeatPumpConfig, ...] = ()
    switchgear: tuple[SwitchgearConfig, ...] = ()
    thermometer: tuple[ThermometerConfig, ...] = ()
    proxy: tuple[ProxyConfig, ...] = ()
    grid_limit: tuple[GridLimitConfig, ...] = ()
    tariff: TariffConfig | None = None
    owner: OwnerConfig = OwnerConfig()
    plan: PlanConfig | None = None
    room: tuple[RoomConfig, ...] = ()
    tank: tuple[TankConfig, ...] = ()

    @property
    def loads(self) -> tuple[LoadConfig, ...]:
        """Everything that consumes in steps."""
        return (*self.charger, *self.relay, *self.heat_pump)


class ConfigError(Exception):
    """A configuration that cannot be used, with every mistake in it."""

    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        super().__init__(f"{path}: {len(mistakes)} mistakes: " + "; ".join(map(str, mistakes)))
        self.path = path
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration with the files it names: public keys by thumbprint, their issuers, the broker's password and CA,
    the keys of meters by device name, and the node's own private key.
    """

    home: HomeConfig
    keys: dict[str, str]
    issuers: dict[str, str]
    password: str | None
    ca_file: Path | None = None
    meter_keys: dict[str, Keys] = field(default_factory=dict)
    node_key: str | None = None


def broker_address(url: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS is used, of `mqtt://host[:1883]` or `mqtts://host[:8883]`; ValueError otherwise."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{error}; mqtt://host:1883 or mqtts://host:8883 is allowed") from error
    bare = not (parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment)
    if parts.scheme not in ("mqtt", "mqtts") or not host or not bare:
        raise ValueError("mqtt://host:1883 or mqtts://host:8883 is allowed")
    tls = parts.scheme == "mqtts"
    return host, port or (8883 if tls else 1883), tls


def load(path: Path) -> Loaded:
    """Read and check a configuration and the files it names; ConfigError holds every mistake."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(
            path, [Mistake("file", repr(str(path)), f"a readable TOML file is needed: {error}")]
        ) from error
    mistakes: list[Mistake] = []
    config = _validated(raw, mistakes)
    mistakes += crossed(raw)
    keys, issuers = issuer_keys(path, raw, mistakes)
    mqtt = table(raw, "mqtt")
    password = _text(path, mqtt.get("password_file"), "mqtt.password_file", mistakes)
    _text(path, mqtt.get("ca_file"), "mqtt.ca_file", mistakes)
    of_meters = _meter_keys(path, raw, mistakes)
    node_key = _node_key(path, raw, mistakes)
    if config is None or mistakes:
        raise ConfigError(path, mistakes)
    ca_file = path.parent / config.mqtt.ca_file if config.mqtt.ca_file is not None else None
    word = password.rstrip("\n") if password is not None else None
    return Loaded(config, keys, issuers, word, ca_file, of_meters, node_key)


def _validated(raw: dict[str, Any], mistakes: list[Mistake]) -> HomeConfig | None:
    """What the file says, where every part is well on its own."""
    try:
        return HomeConfig.model_validate(raw)
    except ValidationError as error:
        mistakes += mistakes_of(HomeConfig, error)
        return None


def issuer_keys(path: Path, raw: dict[str, Any], mistakes: list[Mistake]) -> tuple[dict[str, str], dict[str, str]]:
    """Public keys and their issuers by thumbprint; every file that cannot be used is a mistake of its own."""
    keys, issuers = {}, {}
    approver = table(raw, "approver")
    for where, issuer in (*tables(raw, "issuer"), *([("approver", approver)] if approver else ())):
        key, file = f"{where}.key_file", issuer.get("key_file")
        text = _text(path, file, key, mistakes)
        if text is None:
            continue
        try:
            named = key_id(text)
        except ValueError as error:
            mistakes.append(Mistake(key, shown(file), f"a public key is needed: {error}"))
            continue
        keys[named], issuers[named] = public_part(text), str(issuer.get("name"))
    return keys, issuers


def _node_key(path: Path, raw: dict[str, Any], mistakes: list[Mistake]) -> str | None:
    key, file = "node.key_file", table(raw, "node").get("key_file")
    text = _text(path, file, key, mistakes)
    if text is None:
        return None
    try:
        sign(b"", text)
    except ValueError as error:
        mistakes.append(Mistake(key, shown(file), f"a private key is needed: {error}"))
        return None
    return text


def meter_keys(text: str) -> Keys:
    """The keys of a meter, from a TOML file of hexadecimal text: `encryption_key`, and where they are needed
    `authentication_key` and `system_title`. ValueError says what is wrong, never what a key is.
    """
    try:
        raw = tomllib.loads(text)
        told = {name: bytes.fromhex(value) for name, value in raw.items()}
    except (tomllib.TOMLDecodeError, TypeError, ValueError):
        raise ValueError('lines such as encryption_key = "00112233445566778899aabbccddeeff" are needed') from None
    unknown = sorted(told.keys() - {"encryption_key", "authentication_key", "system_title"})
    if unknown or "encryption_key" not in told:
        raise ValueError("encryption_key, and perhaps authentication_key and system_title, and nothing else")
    return Keys(told["encryption_key"], told.get("authentication_key"), told.get("system_title"))


def _meter_keys(path: Path, raw: dict[str, Any], mistakes: list[Mistake]) -> dict[str, Keys]:
    found = {}
    for where, device in tables(raw, "device"):
        key, file = f"{where}.key_file", device.get("key_file")
        if (text := _text(path, file, key, mistakes)) is None:
            continue
        try:
            found[str(device.get("name"))] = meter_keys(text)
        except ValueError as error:
            mistakes.append(Mistake(key, shown(file), f"a meter's keys are needed: {error}"))
    return found


def _text(path: Path, file: object, key: str, mistakes: list[Mistake]) -> str | None:
    """A file named in the configuration, relative to it; None where none is named or it cannot be read."""
    if not isinstance(file, str):
        return None
    try:
        return (path.parent / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        mistakes.append(Mistake(key, shown(file), f"must be a readable file: {error}"))
        return None
