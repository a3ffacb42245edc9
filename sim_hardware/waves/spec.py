"""What a test signal is made of: a plain three-phase sine and a list of parts that are added to it or done to it.

The same parts stand as `[[add]]` tables in a TOML file and as `--add "kind key=value …"` on the command line. Each key
carries its unit in its name; an unknown key is an error. Channels: `u1 u2 u3 i1 i2 i3 in`, or `u`, `i`, `all` for several.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from protocols.mistakes import Mistake, did_you_mean, mistakes_of, shown
from protocols.samples import CHANNELS

GROUPS: Final = {"u": CHANNELS[:3], "i": CHANNELS[3:6], "all": CHANNELS}
PHASES: Final = ("l1", "l2", "l3")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _known(channel: str) -> str:
    if channel not in CHANNELS and channel not in GROUPS:
        raise ValueError(did_you_mean(channel, [*CHANNELS, *GROUPS]))
    return channel


def _as_list(value: object) -> object:
    """One channel or phase may stand without brackets."""
    return value.split(",") if isinstance(value, str) else value


Channels = Annotated[tuple[Annotated[str, AfterValidator(_known)], ...], BeforeValidator(_as_list), Field(min_length=1)]
Phases = Annotated[tuple[Literal["l1", "l2", "l3"], ...], BeforeValidator(_as_list), Field(min_length=1)]
Moment = Annotated[float, Field(ge=0)]
Length = Annotated[float, Field(gt=0)]


class Harmonic(_Part):
    """A harmonic as a share of the fundamental; its angle is counted at its own frequency, the phases turn with it."""

    kind: Literal["harmonic"]
    order: Annotated[int, Field(ge=2, le=1000)]
    ratio: Annotated[float, Field(ge=0, le=10)]
    angle_deg: float = 0.0
    of: Channels = ("u",)


class Interharmonic(_Part):
    """A component at a frequency of its own, in phase on all its channels, as a share of the fundamental."""

    kind: Literal["interharmonic"]
    frequency_hz: Length
    ratio: Annotated[float, Field(ge=0, le=10)]
    angle_deg: float = 0.0
    of: Channels = ("u",)


class Flicker(_Part):
    """A modulation of the amplitude; `depth_percent` is from the least to the most (dV/V of IEC 61000-4-15).

    Its speed is `frequency_hz`, or `changes_per_min` (two changes a period).
    """

    kind: Literal["flicker"]
    depth_percent: Annotated[float, Field(ge=0, le=200)]
    frequency_hz: Length | None = None
    changes_per_min: Length | None = None
    shape: Literal["rectangular", "sinusoidal"] = "rectangular"
    of: Channels = ("u",)

    @model_validator(mode="after")
    def _one_speed(self) -> "Flicker":
        if (self.frequency_hz is None) == (self.changes_per_min is None):
            raise ValueError("exactly one of frequency_hz and changes_per_min is needed")
        return self

    @property
    def speed_hz(self) -> float:
        """Periods of the modulation a second."""
        if self.frequency_hz is not None:
            return self.frequency_hz
        assert self.changes_per_min is not None
        return self.changes_per_min / 120.0


class Level(_Part):
    """A dip, swell or interruption: voltages times `ratio` from `start_s` for `duration_s`; an interruption is 0."""

    kind: Literal["dip", "swell", "interruption"]
    start_s: Moment
    duration_s: Length
    ratio: Annotated[float, Field(ge=0, le=10)] | None = None
    phase: Phases = PHASES

    @property
    def factor(self) -> float:
        """What is left of the voltage."""
        default = {"dip": 0.4, "swell": 1.15, "interruption": 0.0}[self.kind]
        return default if self.ratio is None else self.ratio


class Step(_Part):
    """The frequency is another one from `start_s` on."""

    kind: Literal["frequency_step"]
    start_s: Moment
    to_hz: Length


class Ramp(_Part):
    """The frequency goes to `to_hz` within `duration_s`, evenly, and stays there."""

    kind: Literal["frequency_ramp"]
    start_s: Moment
    duration_s: Length
    to_hz: Length


class Noise(_Part):
    """White noise, `snr_db` below the nominal voltage or current (RMS to RMS)."""

    kind: Literal["noise"]
    snr_db: Annotated[float, Field(ge=-20, le=200)]
    of: Channels = ("all",)


class Phasor(_Part):
    """A fundamental made unlike the others: its amplitude times `ratio`, its angle advanced by `angle_deg` (unbalance)."""

    kind: Literal["phasor"]
    of: Channels
    ratio: Annotated[float, Field(ge=0, le=10)] = 1.0
    angle_deg: float = 0.0


class Offset(_Part):
    """A constant on top, in V or A."""

    kind: Literal["offset"]
    of: Channels
    value: float


class Swap(_Part):
    """Two channels on each other's terminals."""

    kind: Literal["swap"]
    of: Annotated[Channels, Field(min_length=2, max_length=2)]


class Wrong(_Part):
    """A channel that is `reversed`, `dead` (0) or `missing` (not a number), from `start_s` on, for `duration_s` or good."""

    kind: Literal["reversed", "dead", "missing"]
    of: Channels
    start_s: Moment = 0.0
    duration_s: Length | None = None


class Clip(_Part):
    """A channel whose converter ends at ±`limit` (V or A)."""

    kind: Literal["clip"]
    of: Channels
    limit: Length


Part = Harmonic | Interharmonic | Flicker | Level | Step | Ramp | Noise | Phasor | Offset | Swap | Wrong | Clip
PARTS: Final[dict[str, type[_Part]]] = {
    kind: part for part in get_args(Part) for kind in get_args(part.model_fields["kind"].annotation)
}


class WaveSpec(_Part):
    """A test signal. `angle_deg` is how far the currents lag (positive: inductive, reactive power positive).

    `clock_ppm` is how much faster the converter samples than `fs_hz` says. With `neutral` there is a fourth current: what
    comes back, so that all four add up to 0.
    """

    fs_hz: Annotated[float, Field(ge=500, le=10_000_000)] = 10_000.0
    duration_s: Annotated[float, Field(gt=0, le=86_400)] = 10.0
    frequency_hz: Annotated[float, Field(gt=0, le=1000)] = 50.0
    voltage_v: Annotated[float, Field(ge=0, le=1e6)] = 230.0
    current_a: Annotated[float, Field(ge=0, le=1e6)] = 5.0
    angle_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0
    start_angle_deg: float = 0.0
    neutral: bool = False
    clock_ppm: Annotated[float, Field(ge=-10_000, le=10_000)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0
    add: tuple[Annotated[Part, Field(discriminator="kind")], ...] = ()

    @property
    def samples(self) -> int:
        """How many samples there are in each channel."""
        return round(self.fs_hz * self.duration_s)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels in their order: voltages, then currents."""
        return CHANNELS if self.neutral else CHANNELS[:-1]

    def of(self, named: tuple[str, ...]) -> list[int]:
        """Which rows some channels or groups are; `in` is none where there is no neutral."""
        names = {name for each in named for name in GROUPS.get(each, (each,))}
        return [row for row, channel in enumerate(self.channels) if channel in names]


class WaveError(Exception):
    """A test signal that cannot be made, with every mistake in it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


def wave_spec(raw: dict[str, Any]) -> WaveSpec:
    """The test signal that a table describes; WaveError holds every mistake."""
    adds, mistakes = raw.get("add", []), []
    if not isinstance(adds, list):
        raise WaveError([Mistake("add", shown(adds), "must be a list of tables: [[add]]")])
    for index, add in enumerate(adds):
        mistakes += _of_part(f"add.{index}", add)
    try:
        WaveSpec.model_validate({**raw, "add": []})
    except ValidationError as error:
        mistakes = mistakes_of(WaveSpec, error) + mistakes
    if mistakes:
        raise WaveError(mistakes)
    spec = WaveSpec.model_validate(raw)
    if found := [*_crossed(spec)]:
        raise WaveError(found)
    return spec


def _crossed(spec: WaveSpec) -> Iterator[Mistake]:
    """What no part can see alone: a neutral that is not there, a frequency that is to go two ways at once."""
    busy_until_s = 0.0
    for index, part in sorted(enumerate(spec.add), key=lambda each: getattr(each[1], "start_s", 0.0)):
        if isinstance(part, Swap) and len(spec.of(part.of)) != 2:
            yield Mistake(f"add.{index}.of", shown(part.of), "must be two channels that are there")
        if isinstance(part, Step | Ramp):
            if part.start_s < busy_until_s:
                yield Mistake(
                    f"add.{index}.start_s", shown(part.start_s), f"a ramp lasts until {busy_until_s:g}; not before it"
                )
            busy_until_s = part.start_s + (part.duration_s if isinstance(part, Ramp) else 0.0)


def load_wave(path: Path) -> dict[str, Any]:
    """The table in a TOML file; WaveError where there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WaveError([Mistake("file", shown(str(path)), f"a readable TOML file is needed: {error}")]) from error


def parse_part(text: str) -> dict[str, Any]:
    """The table that `kind key=value key=value` stands for; ValueError where a word is no `key=value`."""
    kind, *words = text.split()
    table: dict[str, Any] = {"kind": kind}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign:
            raise ValueError(f"{word!r}: key=value is needed, such as ratio=0.05")
        table[key] = value
    return table


def _of_part(where: str, add: object) -> list[Mistake]:
    """What is wrong with one part, in the words of its own kind: a union would list those of all kinds."""
    kind = add.get("kind") if isinstance(add, dict) else None
    if not isinstance(kind, str) or kind not in PARTS:
        return [
            Mistake(f"{where}.kind", "(absent)" if kind is None else shown(kind), did_you_mean(str(kind), [*PARTS]))
        ]
    try:
        PARTS[kind].model_validate(add)
    except ValidationError as error:
        found = mistakes_of(PARTS[kind], error)
        return [
            Mistake(where if each.key == "configuration" else f"{where}.{each.key}", each.value, each.allowed)
            for each in found
        ]
    return []
