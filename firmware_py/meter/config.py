"""The configuration of a meter: one TOML file, every mistake reported at once; each key carries its unit in its name."""

import tomllib
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from drivers.adc.ads131m08 import CLKIN_HZ, Channel, Wiring
from drivers.links import open_stream, parse_url
from drivers.modbus.serial_channel import SerialSettings
from firmware_py.config import ConfigError, MqttConfig
from firmware_py.config_parts import Number, TopicLevel
from firmware_py.meter.registers import PERIODS_MIN
from firmware_py.meter.registers import Settings as RegisterSettings
from firmware_py.meter.tariff import DAYS, TARIFF_MOST, Calendar, Rule
from protocols.faults import StoreFailed
from protocols.mistakes import Mistake, mistakes_of, shown

_TARIFF = Annotated[int, Field(ge=1, le=TARIFF_MOST)]
DIGITS: Final = 9


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MeterPart(_Part):
    """`[meter]`: who it is, the grid it measures, where it keeps its state, how often it publishes."""

    id: TopicLevel
    serial: Annotated[str, Field(min_length=1, max_length=32)]
    state_dir: Path
    nominal_voltage_v: Annotated[Number, Field(gt=0, le=1000)] = 230.0
    nominal_frequency_hz: Literal[50, 60] = 50
    publish_s: Annotated[Number, Field(ge=0.2, le=3600)] = 1.0


class AdcChannel(_Part):
    """`[[input.channel]]`: one pin of the converter."""

    name: Literal["u1", "u2", "u3", "i1", "i2", "i3", "in"]
    pin: Annotated[int, Field(ge=0, le=7)]
    ratio: Number
    gain: int = 1

    @model_validator(mode="after")
    def _fits(self) -> "AdcChannel":
        Channel(self.ratio, self.gain)
        return self


class AdcInput(_Part):
    """`[input] kind = "ads131m08"`: a converter on SPI."""

    kind: Literal["ads131m08"]
    bus: Annotated[int, Field(ge=0, le=255)] = 0
    device: Annotated[int, Field(ge=0, le=255)] = 0
    osr: int = 512
    clkin_hz: Annotated[Number, Field(ge=300_000, le=8_400_000)] = CLKIN_HZ
    channel: tuple[AdcChannel, ...]

    @model_validator(mode="after")
    def _wired(self) -> "AdcInput":
        self.wiring()
        return self

    def wiring(self) -> Wiring:
        """The converter's settings; ValueError where they do not fit each other."""
        names = [each.name for each in self.channel]
        if len(set(names)) != len(names):
            raise ValueError(f"channels {', '.join(names)}: each may stand once")
        pins: dict[str, int] = {each.name: each.pin for each in self.channel}
        channels: dict[str, Channel] = {each.name: Channel(each.ratio, each.gain) for each in self.channel}
        return Wiring(pins, channels, self.osr, self.clkin_hz)


class RecordingInput(_Part):
    """`[input] kind = "recording"`: a file played at the speed it was recorded, again and again."""

    kind: Literal["recording"]
    path: Path
    full_scale_v: Annotated[Number, Field(gt=0)] = 500.0
    full_scale_a: Annotated[Number, Field(gt=0)] = 100.0
    channels: tuple[str, ...] | None = None


class RegistersPart(_Part):
    """`[registers]`: periods in minutes, and how many digits of Wh there are before they roll over."""

    profile_min: int = 15
    demand_min: int = 15
    digits: Annotated[int, Field(ge=4, le=12)] = DIGITS

    @field_validator("profile_min", "demand_min")
    @classmethod
    def _period(cls, value: int) -> int:
        if value not in PERIODS_MIN:
            raise ValueError(f"allowed are {', '.join(map(str, PERIODS_MIN))}")
        return value


def _clock_time(value: str) -> str:
    if value != "24:00":
        time.fromisoformat(value)
    return value


ClockTime = Annotated[str, Field(pattern=r"^\d\d:\d\d$"), AfterValidator(_clock_time)]


class TariffRule(_Part):
    """`[[tariff.rule]]`: a tariff from `begin` to `end`, local time; the first rule that holds decides."""

    tariff: _TARIFF
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"], ...] = DAYS
    begin: ClockTime = "00:00"
    end: ClockTime = "24:00"
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = tuple(range(1, 13))

    def rule(self) -> Rule:
        """As the calendar takes it."""
        begin, end = (time.fromisoformat(text.replace("24:00", "00:00")) for text in (self.begin, self.end))
        return Rule(self.tariff, frozenset(self.days), begin, end, frozenset(self.months))


class TariffPart(_Part):
    """`[tariff]`: the calendar; the tariff `default` where no rule holds."""

    zone: str = "UTC"
    default: _TARIFF = 1
    holidays: tuple[date, ...] = ()
    rule: tuple[TariffRule, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("a time zone such as Europe/Berlin is allowed (the system must know it)") from error
        return value

    def calendar(self) -> Calendar:
        """As the registers take it."""
        rules = tuple(rule.rule() for rule in self.rule)
        return Calendar(ZoneInfo(self.zone), rules, frozenset(self.holidays), self.default)


class ModbusPart(_Part):
    """`[modbus]`: the Modbus TCP server."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 502
    unit: Annotated[int, Field(ge=1, le=247)] = 1


class ModbusRtuPart(_Part):
    """`[modbus_rtu]`: the same registers as a Modbus device on a serial line, serial:///dev/ttyUSB0?baud=9600."""

    url: str
    unit: Annotated[int, Field(ge=1, le=247)] = 1

    @field_validator("url")
    @classmethod
    def _line(cls, value: str) -> str:
        if not isinstance(parse_url(value), SerialSettings):
            raise ValueError("serial:///dev/ttyUSB0?baud=9600 is allowed")
        return value

    def settings(self) -> SerialSettings:
        """The port."""
        found = parse_url(self.url)
        assert isinstance(found, SerialSettings)
        return found


class P1Part(_Part):
    """`[p1]`: a telegram a second on a line of its own, serial:///dev/ttyUSB1?baud=115200 or tcp://host:port."""

    url: str

    @field_validator("url")
    @classmethod
    def _line(cls, value: str) -> str:
        open_stream(value, 1.0)
        return value


class MeterConfig(_Part):
    """A whole meter."""

    meter: MeterPart
    input: Annotated[AdcInput | RecordingInput, Field(discriminator="kind")]
    registers: RegistersPart = RegistersPart()
    tariff: TariffPart = TariffPart()
    mqtt: MqttConfig | None = None
    modbus: ModbusPart | None = None
    modbus_rtu: ModbusRtuPart | None = None
    p1: P1Part | None = None

    def register_settings(self) -> RegisterSettings:
        """How the registers are kept."""
        return RegisterSettings(self.tariff.calendar(), self.registers.profile_min, self.registers.demand_min)


@dataclass(frozen=True, slots=True)
class LoadedMeter:
    """A configuration with the files it names: paths are relative to it."""

    config: MeterConfig
    folder: Path
    password: str | None

    @property
    def ca_file(self) -> str | None:
        """The broker's CA, where one is named."""
        mqtt = self.config.mqtt
        return None if mqtt is None or mqtt.ca_file is None else str(self.folder / mqtt.ca_file)


def load_meter(path: Path) -> LoadedMeter:
    """Read and check a configuration; ConfigError holds every mistake."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        said = f"a readable TOML file is needed: {error}"
        raise ConfigError(path, [Mistake("file", repr(str(path)), said)]) from error
    try:
        config = MeterConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(path, [_plain(each) for each in mistakes_of(MeterConfig, error)]) from None
    mistakes: list[Mistake] = []
    password = _text(path.parent, config.mqtt.password_file if config.mqtt else None, "mqtt.password_file", mistakes)
    _text(path.parent, config.mqtt.ca_file if config.mqtt else None, "mqtt.ca_file", mistakes)
    if mistakes:
        raise ConfigError(path, mistakes)
    return LoadedMeter(config, path.parent, None if password is None else password.rstrip("\n"))


def _plain(mistake: Mistake) -> Mistake:
    """Without the kind that pydantic puts into the key of a union."""
    words = mistake.key.split(".")
    if words[0] == "input" and len(words) > 1 and words[1] in ("ads131m08", "recording"):
        del words[1]
    return Mistake(".".join(words), mistake.value, mistake.allowed)


def _text(folder: Path, file: Path | None, key: str, mistakes: list[Mistake]) -> str | None:
    if file is None:
        return None
    try:
        return (folder / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(Mistake(key, shown(str(file)), f"must be a readable file: {error}"))
        return None


def state_dir(loaded: LoadedMeter) -> Path:
    """The folder of the meter's state, made where it is not there; StoreFailed where that is not possible."""
    folder = loaded.folder / loaded.config.meter.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFailed(f"meter.state_dir {str(folder)!r}: cannot be made: {error.strerror}") from error
    return folder
