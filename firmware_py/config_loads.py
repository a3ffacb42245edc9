"""The parts of a configuration that switch: chargers, relays, heat pumps, contacts, and switchgear moved by hand."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from controller.loads import Use
from drivers.catalogue import CHARGERS, PUMPS, SWITCHGEAR
from drivers.gpio.lines import line_name
from drivers.links import parse_url
from firmware_py.config_home import CarConfig, CopCurve, RunConfig, Wire
from firmware_py.config_parts import Number, Part, TopicLevel
from protocols.mistakes import did_you_mean
from protocols.ports import SgMode
from protocols.quantities import QUANTITIES

LEASE_S: Final = 30.0
CURRENT_LEAST_A: Final = 6.0  # IEC 61851-1: less can no car be told
CURRENT_MOST_A: Final = 80.0  # the most that the control pilot can say
# The label asks a heat pump to hold a state; makers ask for up to ten minutes between two.
SG_HOLD_LEAST_S: Final = 60.0
_POWER_MAX_W: Final = QUANTITIES["power_w"].most


def _url(value: str) -> str:
    parse_url(value)
    return value


def _line(value: str) -> str:
    line_name(value)
    return value


def _charger(value: str) -> str:
    if value not in CHARGERS:
        raise ValueError(did_you_mean(value, sorted(CHARGERS)))
    return value


def _pump(value: str) -> str:
    if value not in PUMPS:
        raise ValueError(did_you_mean(value, sorted(PUMPS)))
    return value


def _switchgear(value: str) -> str:
    if value not in SWITCHGEAR:
        raise ValueError(did_you_mean(value, sorted(SWITCHGEAR)))
    return value


Url = Annotated[str, AfterValidator(_url)]
GpioLine = Annotated[str, AfterValidator(_line)]
Power = Annotated[Number, Field(gt=0, le=_POWER_MAX_W)]
Timeout = Annotated[Number, Field(gt=0, le=30)]
Lease = Annotated[Number, Field(ge=2, le=3600)]
Dwell = Annotated[Number, Field(ge=0, le=86400)]
Current = Annotated[Number, Field(ge=CURRENT_LEAST_A, le=CURRENT_MOST_A)]
Unit = Annotated[int, Field(ge=1, le=255)]
Channel = Annotated[int, Field(ge=0, le=15)]
# Lower goes first; batteries have 0.
Merit = Annotated[int, Field(ge=-100, le=100)]


class Named(Part):
    """What all of them have."""

    name: TopicLevel


class ChargerConfig(Named):
    """`[[charger]]`: a charging point that the node tells a current. `fallback_a`: what it allows when nobody renews
    (absent: its own setting); `phases` as wired, `step_a` what it resolves; `use` and the times see docs/loads.md.
    `wired_to`: the first phase it stands on (absent: nobody knows).
    """

    model: Annotated[str, AfterValidator(_charger)]
    url: Url
    unit: Unit = 1
    timeout_s: Timeout = 1.0
    lease_s: Lease = LEASE_S
    fallback_a: Annotated[Number, Field(ge=0, le=CURRENT_MOST_A)] | None = None
    use: Use = Use.SURPLUS
    phases: Literal[1, 3] = 3
    current_min_a: Current = CURRENT_LEAST_A
    current_max_a: Current = 16.0
    step_a: Annotated[Number, Field(ge=0.1, le=1)] = 1.0
    merit: Merit = -1
    least_on_s: Dwell = 300.0
    least_off_s: Dwell = 300.0
    change_s: Dwell = 10.0
    wired_to: Wire | None = None
    car: CarConfig | None = None


class RelayConfig(Named):
    """`[[relay]]`: a contact with a load of `power_w` behind it: `channel` of a Modbus board at `url`, or a GPIO `line`.

    `on`: the load is on while the contact is closed, or open. Let go, the contact is open. `meter`: the device that
    measures the load (absent: it is taken to draw its rating while on).
    """

    power_w: Power
    url: Url | None = None
    unit: Unit = 1
    channel: Channel | None = None
    line: GpioLine | None = None
    active_low: bool = False
    on: Literal["closed", "open"] = "closed"
    meter: str | None = None
    timeout_s: Timeout = 1.0
    lease_s: Lease = LEASE_S
    use: Use = Use.SURPLUS
    merit: Merit = 1
    least_on_s: Dwell = 60.0
    least_off_s: Dwell = 60.0
    change_s: Dwell = 10.0
    phases: Literal[1, 3] | None = None
    wired_to: Wire | None = None
    run: RunConfig | None = None


class HeatPumpConfig(Named):
    """`[[heat_pump]]`: SG-Ready by two contacts (`channels` of a board at `url`, or GPIO `lines`), or a `model` at `url`.

    `power_w`: what it draws once raised; `raise_to`: the state that surplus raises it to; `may_block`: whether it may be
    blocked for a limit; `hold_s`: the least time between two states. `control`: for a model whose control is unverified.
    `cop`: pairs of an outdoor temperature and what heat it makes of a Wh then, for a plan (absent: an ordinary air source).
    """

    power_w: Power
    model: Annotated[str, AfterValidator(_pump)] | None = None
    control: bool = False
    url: Url | None = None
    unit: Unit = 1
    channels: tuple[Channel, Channel] | None = None
    lines: tuple[GpioLine, GpioLine] | None = None
    active_low: bool = False
    raise_to: Literal[SgMode.ENCOURAGED, SgMode.ORDERED] = SgMode.ENCOURAGED
    may_block: bool = True
    meter: str | None = None
    timeout_s: Timeout = 1.0
    lease_s: Lease = LEASE_S
    merit: Merit = 1
    hold_s: Annotated[Number, Field(ge=SG_HOLD_LEAST_S, le=86400)] = 600.0
    change_s: Dwell = 60.0
    phases: Literal[1, 3] | None = None
    wired_to: Wire | None = None
    cop: CopCurve | None = None


class SwitchgearConfig(Named):
    """`[[switchgear]]`: a tap changer or capacitor bank, moved by hand (`busbar device order`); no law moves it yet."""

    model: Annotated[str, AfterValidator(_switchgear)]
    url: Url
    unit: Unit = 1
    timeout_s: Timeout = 1.0


LoadConfig = ChargerConfig | RelayConfig | HeatPumpConfig
