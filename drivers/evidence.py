"""What a device model's declaration rests on, as the table of supported devices (docs/devices.md) says it."""

from dataclasses import dataclass
from enum import StrEnum


class Evidence(StrEnum):
    """How a register map was checked, best first."""

    DEVICE = "device"  # read from a device of ours, or from a capture of one
    DOCUMENT = "document"  # each register read in the maker's own document
    LISTS = "lists"  # each register found alike in two public lists that do not copy each other
    UNVERIFIED = "unverified"  # found in one public list only


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A row of the table of supported devices.

    `unverified` names the quantities whose place, scale or sign is weaker than `verified` says.
    """

    maker: str
    product: str
    quantities: tuple[str, ...]
    verified: Evidence
    unverified: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if strange := sorted(set(self.unverified) - set(self.quantities)):
            raise ValueError(f"{self.product}: {', '.join(strange)} unverified, but not among its quantities")
