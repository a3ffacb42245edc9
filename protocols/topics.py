"""MQTT topics, version 1: `busbar/1/<node>/…`.

From the node: `status` (retained, last will), `telemetry/<device>`, `interval` and `backfill` (journalled), `event`,
`ack` (states of contracts and commands, journalled), `contract/agreed` (signed contracts that wait for the zone's approval),
`limit` (limit history, journalled), `ocmf` (signed readings, journalled), `why`, `plan` and `flexibility` (what the site
offers; these three retained). To the node: `contract/in` (signed contracts), `command/in` (signed commands, to a meter),
`durable` (the head-end's own acknowledgement, "durable up to n"), where it has a guard `limit/in` (the guard's signed
messages), and where it plans `outlook/in` (signed prices, forecasts and trips). Nothing to the node may be retained.
"""

import re
from dataclasses import dataclass
from typing import Final

ROOT: Final = "busbar/1"
# One topic level, readable in logs and file names; MQTT itself would allow more (4.7.3, MQTT 5.0).
NODE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one node."""

    node: str

    def __post_init__(self) -> None:
        if not NODE_ID.fullmatch(self.node):
            raise ValueError(
                f"node id {self.node!r}: allowed are 1 to 64 of A-Z a-z 0-9 . _ - and a letter or digit first"
            )

    def _of(self, leaf: str) -> str:
        return f"{ROOT}/{self.node}/{leaf}"

    @property
    def status(self) -> str:
        """Retained; `offline` by last will."""
        return self._of("status")

    def telemetry(self, device: str) -> str:
        """Live readings of one device."""
        return self._of(f"telemetry/{device}")

    @property
    def interval(self) -> str:
        """Interval readings as they close."""
        return self._of("interval")

    @property
    def backfill(self) -> str:
        """Interval readings that could not be delivered when they closed, at raw resolution."""
        return self._of("backfill")

    @property
    def event(self) -> str:
        """Changes of state: a device's health, a start, a stop."""
        return self._of("event")

    @property
    def ack(self) -> str:
        """States of contracts."""
        return self._of("ack")

    @property
    def why(self) -> str:
        """Who set each value, who was overruled and why."""
        return self._of("why")

    @property
    def flexibility(self) -> str:
        """How far the site can leave its plan, and at what price."""
        return self._of("flexibility")

    @property
    def contract_in(self) -> str:
        """Signed contracts for the node."""
        return self._of("contract/in")

    @property
    def limit(self) -> str:
        """What limits held from when to when, and whether they were kept."""
        return self._of("limit")

    @property
    def limit_in(self) -> str:
        """Signed messages of an energy guard."""
        return self._of("limit/in")

    @property
    def outlook_in(self) -> str:
        """Signed prices, forecasts and trips."""
        return self._of("outlook/in")

    @property
    def plan(self) -> str:
        """The plan in force; retained."""
        return self._of("plan")

    @property
    def agreed(self) -> str:
        """Contracts that wait for the zone's approval, for whoever approves them."""
        return self._of("contract/agreed")

    @property
    def durable(self) -> str:
        """The head-end's acknowledgement of journalled records."""
        return self._of("durable")

    @property
    def ocmf(self) -> str:
        """Signed readings of a meter, one record for each interval."""
        return self._of("ocmf")

    @property
    def command_in(self) -> str:
        """Signed commands for a meter."""
        return self._of("command/in")

    @property
    def meter_inbound(self) -> tuple[str, ...]:
        """Everything a meter subscribes to."""
        return (self.command_in, self.durable)

    @property
    def inbound(self) -> tuple[str, ...]:
        """What every node subscribes to; one with a guard to `limit_in` too, one that plans to `outlook_in`."""
        return (self.contract_in, self.durable)
