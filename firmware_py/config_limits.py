"""The part of a home node's configuration that says who may limit the connection point: `[[grid_limit]]`."""

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from controller.limits.guarded import FAILSAFE_LEAST_S, FAILSAFE_MOST_S
from drivers.gpio.lines import Pull, line_name
from drivers.links import parse_url
from firmware_py.config_parts import Number, Part, TopicLevel
from protocols.limits import Use
from protocols.quantities import QUANTITIES

_POWER_MAX_W: Final = QUANTITIES["power_w"].most


class GuardConfig(Part):
    """`[[grid_limit]]` with `kind = "guard"`: an energy guard on MQTT by the rules of EEBUS LPC or LPP.

    The failsafe holds until the guard has set one of its own. See docs/limits.md.
    """

    kind: Literal["guard"]
    name: TopicLevel
    issuer: str
    use: Use
    failsafe_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)] = 4200.0
    failsafe_s: Annotated[Number, Field(ge=FAILSAFE_LEAST_S, le=FAILSAFE_MOST_S)] = FAILSAFE_LEAST_S


class ContactConfig(Part):
    """`[[grid_limit.contact]]`: a GPIO `line` or the number of an `input` of the board, and what it means when it is closed.

    Without a limit it means that there is none.
    """

    line: str | None = None
    input: Annotated[int, Field(ge=0, le=255)] | None = None
    import_limit_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)] | None = None
    export_limit_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)] | None = None

    @field_validator("line")
    @classmethod
    def _named(cls, value: str | None) -> str | None:
        if value is not None:
            line_name(value)
        return value


class ContactsConfig(Part):
    """`[[grid_limit]]` with `kind = "contacts"`: relay contacts of the operator, on GPIO lines or on a board with inputs (`url`).

    The failsafe (absent: as though every contact were closed) holds while they cannot be read. `one_is_closed`: none
    closed is a broken wire. See docs/limits.md.
    """

    kind: Literal["contacts"]
    name: TopicLevel
    contact: Annotated[tuple[ContactConfig, ...], Field(min_length=1, max_length=16)]
    url: str | None = None
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    timeout_s: Annotated[Number, Field(gt=0, le=30)] = 1.0
    active_low: bool = True
    pull: Pull = Pull.UP
    settle_s: Annotated[Number, Field(ge=0, le=60)] = 0.5
    one_is_closed: bool = False
    failsafe_import_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)] | None = None
    failsafe_export_w: Annotated[Number, Field(ge=0, le=_POWER_MAX_W)] | None = None

    @field_validator("url")
    @classmethod
    def _line(cls, value: str | None) -> str | None:
        if value is not None:
            parse_url(value)
        return value


GridLimitConfig = Annotated[GuardConfig | ContactsConfig, Field(discriminator="kind")]
