"""Dispatch: hold a contracted power at the connection point, with its ramp.

When blind (no fresh reading of the connection point) or cut off for longer than the contract's `hold_s`: wishes
nothing, and says why; the site then follows the contract's fallback until the law sees again or the contract ends.
"""

from dataclasses import dataclass

import msgspec

from controller.wishes import Band, Rank, Wish
from protocols.contracts import Dispatch

SOURCE = "contract"


@dataclass(frozen=True, slots=True)
class Params:
    """`blind_s`: how old the reading of the connection point may be; `hold_s`: the site's own limit without a link."""

    blind_s: float
    hold_s: float


class Memory(msgspec.Struct, frozen=True):
    """Which contract is being followed, the power reached on its ramp, and since when."""

    contract_id: str | None = None
    ramped_w: float | None = None
    at_s: float = 0.0


class Inputs(msgspec.Struct, frozen=True):
    """The contract whose window is open (None: none), power and age at the connection point, age of the lost link."""

    contract: Dispatch | None
    site_w: float | None
    site_age_s: float
    link_lost_s: float | None


class Why(msgspec.Struct, frozen=True):
    """Why the contract is not followed (`reason` a stable word, empty when it is), and the power asked for now."""

    reason: str = ""
    text: str = ""
    asked_w: float | None = None


def step(params: Params, memory: Memory, now_s: float, inputs: Inputs) -> tuple[Memory, Wish | None, Why]:
    """The contract's wish for this cycle."""
    contract = inputs.contract
    if contract is None:
        return Memory(), None, Why()
    blind = _blind(params, contract, inputs)
    if blind is not None or inputs.site_w is None:
        return Memory(memory.contract_id, None, now_s), None, blind or Why()
    started = memory if memory.contract_id == contract.id else Memory(contract.id, None, now_s)
    target_w = _ramped(contract, started, now_s, inputs.site_w)
    why = f"contract {contract.id} of {contract.iss}: {contract.power_w:g} W until {contract.end:%H:%M:%S} UTC"
    # Outlives two cycles at most: a law that stopped being asked must not go on binding.
    wish = Wish(SOURCE, Rank.CONTRACT, now_s + params.blind_s, why, within=Band(target_w, target_w), want_w=target_w)
    return Memory(contract.id, target_w, now_s), wish, Why(asked_w=target_w)


def _blind(params: Params, contract: Dispatch, inputs: Inputs) -> Why | None:
    if inputs.site_w is None or inputs.site_age_s > params.blind_s:
        return Why(
            "meter_stale",
            f"reading of the connection point is {inputs.site_age_s:.1f} s old, at most {params.blind_s:g} s",
        )
    hold_s = params.hold_s if contract.hold_s is None else min(contract.hold_s, params.hold_s)
    if inputs.link_lost_s is not None and inputs.link_lost_s > hold_s:
        return Why("link_lost", f"no link to the broker for {inputs.link_lost_s:.1f} s, at most {hold_s:g} s")
    return None


def _ramped(contract: Dispatch, memory: Memory, now_s: float, site_w: float) -> float:
    if contract.ramp_w_per_s is None:
        return contract.power_w
    here_w = site_w if memory.ramped_w is None else memory.ramped_w
    step_w = contract.ramp_w_per_s * (now_s - memory.at_s)
    return min(max(contract.power_w, here_w - step_w), here_w + step_w)
