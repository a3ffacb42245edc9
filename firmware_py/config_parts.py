"""What every part of a configuration is made of: strict tables, numbers without quotation marks, names that fit a topic."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from protocols.topics import NODE_ID


class Part(BaseModel):
    """A table of a configuration: an unknown key is an error, and nothing is infinite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _not_text(value: object) -> object:
    """TOML has numbers; a number in quotation marks is a mistake that pydantic would let through."""
    if isinstance(value, str | bool):
        raise ValueError("must be a number without quotation marks")
    return value


def _one_level(value: str) -> str:
    if not NODE_ID.fullmatch(value):
        raise ValueError("allowed are 1 to 64 of A-Z a-z 0-9 . _ - and a letter or digit first")
    return value


Number = Annotated[float, BeforeValidator(_not_text)]
TopicLevel = Annotated[str, AfterValidator(_one_level)]
