"""Whether a device does what it is told: it keeps the setpoint, the power follows, it lets go, and reverts by itself.

Every check ends with the device let go. A setpoint is chosen so that any device survives it: half of what an inverter
makes just now, or a tenth of what a battery can take.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from controller.devices import Role
from firmware_py.conform.checks import Check, Result
from firmware_py.home.output import Line
from protocols.faults import Fault
from protocols.ports import Meter, Nameplate, Ratings

# An inverter that makes less shows no limit.
LEAST_W: Final = 200.0
# Ramps of a minute are usual; a reversion may take a cycle of the device more than its time.
PATIENCE_S: Final = 90.0
LEASE_S, SHORT_LEASE_S = 300.0, 15.0
# Beyond the rating, and for how long it is watched.
BEYOND, BEYOND_S = 1.5, 10.0
NAMES: Final = (
    "setpoint kept",
    "takes effect",
    "lets go",
    "reverts by itself",
    "out of range",
    "former values restored",
)
# A power counts as reached within this share of the setpoint, and this much.
SHARE, WITHIN_W = 0.05, 50.0


class Trial:
    """One controllable device under trial; `checks` grow."""

    def __init__(self, device: Meter, line: Line, plate: Nameplate) -> None:
        self.checks: list[Check] = []
        self._device, self._line, self._plate = device, line, plate

    async def run(self) -> list[Check]:
        """All trials in their order; a Fault where the device is gone for good."""
        ratings = self._plate.ratings
        if ratings is None:
            return [Check("setpoint kept", Result.NOT_POSSIBLE, "the device tells no ratings")]
        target_w = await self._target_w(ratings)
        if target_w is None:
            return self.checks
        try:
            await self._obeys(target_w, ratings)
        finally:
            await self._line.tell(None, LEASE_S)
        return self.checks

    async def _target_w(self, ratings: Ratings) -> float | None:
        """The setpoint to try: a production limit (magnitude) or a power to follow; None where there is none."""
        power_w = await self._power_w()
        if self._line.role is Role.FOLLOWER:
            soc = (await self._device.read()).get("soc_percent")
            return -0.1 * ratings.produce_max_w if soc is not None and soc > 90.0 else 0.1 * ratings.consume_max_w
        if -power_w >= LEAST_W:
            return -power_w / 2.0
        self._say("setpoint kept", None, f"it makes {-power_w:.0f} W; at least {LEAST_W:g} W are needed to see a limit")
        return None

    async def _obeys(self, target_w: float, ratings: Ratings) -> None:
        if not await self._keeps(target_w, LEASE_S):
            return
        await self._in_time("takes effect", lambda power_w: self._holds(power_w, target_w), f"at {target_w:.0f} W")
        await self._line.tell(None, LEASE_S)
        await self._in_time("lets go", lambda power_w: not self._holds(power_w, target_w), "free again")
        await self._reverts(target_w, ratings)
        await self._refuses(ratings)

    async def _refuses(self, ratings: Ratings) -> None:
        """More than the rating is refused, by the driver or the device, or clamped: no more than the rating flows."""
        rated_w = ratings.consume_max_w if self._line.role is Role.FOLLOWER else ratings.produce_max_w
        beyond_w = BEYOND * rated_w
        try:
            await self._line.tell(beyond_w, SHORT_LEASE_S)
        except (Fault, ValueError) as refusal:
            self._say("out of range", True, f"{beyond_w:.0f} W refused: {refusal}")
            return
        most_w = rated_w + WITHIN_W + SHARE * rated_w
        taken_s = await self._awaited(lambda power_w: self._flows(power_w) > most_w, BEYOND_S)
        flows = f"told {beyond_w:.0f} W, {self._flows(await self._power_w()):.0f} W flow"
        self._say("out of range", taken_s is None, f"{flows}; the rating is {rated_w:.0f} W")

    def _flows(self, power_w: float) -> float:
        """What is limited, as a positive number."""
        return -power_w if self._line.role is Role.PRODUCER else power_w

    async def _keeps(self, target_w: float, valid_s: float) -> bool:
        try:
            await self._line.tell(target_w, valid_s)
        except Fault as fault:
            self._say("setpoint kept", False, str(fault))
            return False
        self._say("setpoint kept", True, f"{target_w:.0f} W read back")
        return True

    async def _reverts(self, target_w: float, ratings: Ratings) -> None:
        if not ratings.reverts_by_itself:
            self._say(
                "reverts by itself", None, "no hardware fallback: it holds its last setpoint when nobody renews it"
            )
            return
        await self._line.tell(target_w, SHORT_LEASE_S)
        if await self._awaited(lambda power_w: self._holds(power_w, target_w), SHORT_LEASE_S) is None:
            self._say("reverts by itself", None, f"it needs more than {SHORT_LEASE_S:g} s to get to the setpoint")
            return
        what = f"left within {SHORT_LEASE_S:g} s and a ramp"
        await self._in_time("reverts by itself", lambda power_w: not self._holds(power_w, target_w), what)

    def _holds(self, power_w: float, target_w: float) -> bool:
        allowed_w = WITHIN_W + SHARE * abs(target_w)
        if self._line.role is Role.PRODUCER:
            return -power_w <= target_w + allowed_w
        return abs(power_w - target_w) <= allowed_w

    async def _in_time(self, name: str, reached: Callable[[float], bool], what: str) -> None:
        took_s = await self._awaited(reached, PATIENCE_S)
        if took_s is None:
            self._say(name, False, f"not {what} after {PATIENCE_S:g} s: {await self._power_w():.0f} W")
        else:
            self._say(name, True, f"{what} after {took_s:.0f} s")

    async def _awaited(self, reached: Callable[[float], bool], within_s: float) -> float | None:
        """The seconds until the power is such, looked at once a second; None where it did not come to it."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while loop.time() - began_s <= within_s:
            if reached(await self._power_w()):
                return loop.time() - began_s
            await asyncio.sleep(1.0)
        return None

    async def _power_w(self) -> float:
        power_w = (await self._device.read()).get("power_w")
        return 0.0 if power_w is None else power_w

    def _say(self, name: str, fine: bool | None, said: str) -> None:
        result = Result.NOT_POSSIBLE if fine is None else Result.PASSED if fine else Result.FAILED
        self.checks.append(Check(name, result, said))
