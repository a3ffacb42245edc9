"""The home node's decision, whole and pure: frozen inputs in, commands and reasons out.

freeze inputs -> laws -> wishes -> settle -> split over the devices -> hard limits -> commands. Observing what the meter
says of a contract afterwards stands in `controller.observe`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import msgspec

from controller.laws import connection, dispatch, self_consumption
from controller.settle import Verdict, settle
from controller.split import Follower, Producer, Split, split
from controller.wishes import Band, Rank, Wish
from protocols.contracts import Dispatch, FallbackName
from protocols.ports import Ratings


class Role(StrEnum):
    """What a controllable device lets the site do with it."""

    FOLLOWER = "follower"
    PRODUCER = "producer"


class DeviceView(msgspec.Struct, frozen=True):
    """A controllable device as frozen for a cycle. Power and state of charge are None where absent or too old.

    `falls_back`: it has a declared fallback power, so that running free is something it must be told and kept in.
    """

    name: str
    role: Role
    ratings: Ratings | None
    power_w: float | None
    soc_percent: float | None = None
    limited_to_w: float | None = None
    soc_least_percent: float = 0.0
    falls_back: bool = False


class Inputs(msgspec.Struct, frozen=True):
    """Everything a decision may look at; powers are None where absent or too old to be believed.

    `limits`: the wishes of whoever may bind the connection point from outside, such as a grid operator.
    """

    now_s: float
    site_w: float | None
    site_age_s: float
    devices: tuple[DeviceView, ...]
    contract: Dispatch | None = None
    link_lost_s: float | None = None
    limits: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of the laws, and the state the site rests in when no contract says otherwise."""

    connection: connection.Params
    dispatch: dispatch.Params
    rest: FallbackName = FallbackName.SELF_CONSUMPTION


class Decision(msgspec.Struct, frozen=True):
    """Per device the power (follower) or production limit (producer), None to let it go; and who decided what.

    `clamp` says why the contract does not get all it asks for: a short word and a sentence; empty when it does.
    """

    commands: Mapping[str, float | None]
    verdict: Verdict
    law: dispatch.Why
    clamp: tuple[str, str] = ("", "")
    short_w: float = 0.0


class Memory(msgspec.Struct, frozen=True):
    """What the laws carry from cycle to cycle."""

    of_dispatch: dispatch.Memory = dispatch.Memory()


def decide(params: Params, memory: Memory, inputs: Inputs) -> tuple[Memory, Decision]:
    """One decision."""
    law_inputs = dispatch.Inputs(inputs.contract, inputs.site_w, inputs.site_age_s, inputs.link_lost_s)
    law_memory, wish, why = dispatch.step(params.dispatch, memory.of_dispatch, inputs.now_s, law_inputs)
    asked = (_safety(params, inputs), *inputs.limits, wish, _rest(params, inputs, why))
    wishes = [each for each in asked if each is not None]
    verdict = _bounded(inputs, wishes, settle(wishes, inputs.now_s))
    if verdict.value_w is None or inputs.site_w is None:
        return Memory(law_memory), Decision(_blind(inputs), verdict, why)
    shared = _split(inputs, inputs.site_w, verdict.value_w, verdict.band.least_w)
    clamp = _clamp(verdict, shared) if wish is not None else ("", "")
    return Memory(law_memory), Decision(_commands(inputs, shared), verdict, why, clamp, shared.short_w)


def _safety(params: Params, inputs: Inputs) -> Wish:
    return connection.step(params.connection, inputs.now_s + params.dispatch.blind_s)


def _rest(params: Params, inputs: Inputs, why: dispatch.Why) -> Wish | None:
    """The state the site rests in: the contract's own fallback while the law does not follow it."""
    rest = inputs.contract.fallback if inputs.contract is not None and why.reason else params.rest
    match rest:
        case FallbackName.SELF_CONSUMPTION:
            seen = inputs.site_w is not None and inputs.site_age_s <= params.dispatch.blind_s
            return self_consumption.step(seen, inputs.now_s + params.dispatch.blind_s)
        case FallbackName.IDLE:
            return None


def _bounded(inputs: Inputs, wishes: Sequence[Wish], verdict: Verdict) -> Verdict:
    """The verdict, also where nobody has a preference: what binds the site binds it at rest, too."""
    if verdict.value_w is not None or inputs.site_w is None:
        return verdict
    free_w = inputs.site_w - sum(f.power_w for f in _followers(inputs))
    held = any(p.limited_to_w is not None for p in _producers(inputs))
    if verdict.band.nearest(free_w) == free_w and not held:
        return verdict
    rest = Wish("idle", Rank.DEFAULT, inf, "nothing else asked: devices at rest", want_w=free_w)
    return settle((*wishes, rest), inputs.now_s)


def _blind(inputs: Inputs) -> dict[str, float | None]:
    """Every device let go; under limits from outside batteries rest, and no more is made than may leave the site."""
    bands = [wish.within for wish in inputs.limits if wish.within is not None and inputs.site_w is None]
    least_w = max((band.least_w for band in bands), default=-inf)
    commands: dict[str, float | None] = {}
    for view in inputs.devices:
        if not bands or view.ratings is None:
            commands[view.name] = None
        elif view.role is Role.FOLLOWER:
            commands[view.name] = 0.0
        else:
            commands[view.name] = -least_w if -least_w < view.ratings.produce_max_w else None
    return commands


def _split(inputs: Inputs, site_w: float, target_w: float, least_w: float) -> Split:
    return split(site_w, target_w, _followers(inputs), _producers(inputs), least_w)


def _followers(inputs: Inputs) -> list[Follower]:
    return [f for view in inputs.devices if (f := _follower(view)) is not None]


def _producers(inputs: Inputs) -> list[Producer]:
    return [p for view in inputs.devices if (p := _producer(view)) is not None]


def _follower(view: DeviceView) -> Follower | None:
    """The device as a follower; one that is not seen or whose charge is unknown cannot take part."""
    if view.role is not Role.FOLLOWER or view.ratings is None or view.power_w is None or view.soc_percent is None:
        return None
    full, empty = view.soc_percent >= 100.0, view.soc_percent <= view.soc_least_percent
    band = Band(0.0 if empty else -view.ratings.produce_max_w, 0.0 if full else view.ratings.consume_max_w)
    return Follower(view.name, view.power_w, band, _bound_why(view, full, empty))


def _bound_why(view: DeviceView, full: bool, empty: bool) -> str:
    if full or empty:
        return f"is {'full' if full else 'empty'} at {view.soc_percent:g} %"
    if view.ratings is None:
        return "is not known"
    return f"takes {view.ratings.consume_max_w:g} W and gives {view.ratings.produce_max_w:g} W at most"


def _producer(view: DeviceView) -> Producer | None:
    if view.role is not Role.PRODUCER or view.ratings is None or view.power_w is None:
        return None
    most_w, limited_to_w = view.ratings.produce_max_w, view.limited_to_w
    return Producer(
        view.name, view.power_w, most_w, None if limited_to_w is None or limited_to_w >= most_w else limited_to_w
    )


def _commands(inputs: Inputs, shared: Split) -> dict[str, float | None]:
    """The last word before the wire: every command inside the ratings, and a device not taking part is let go."""
    return {view.name: _command(view, shared) for view in inputs.devices}


def _command(view: DeviceView, shared: Split) -> float | None:
    shares: Mapping[str, float | None] = shared.follow_w if view.role is Role.FOLLOWER else shared.limit_w
    if view.ratings is None or view.name not in shares:
        return None
    wanted_w = shares[view.name]
    if wanted_w is None and view.falls_back:
        return view.ratings.produce_max_w
    return None if wanted_w is None else _hard(view.role, view.ratings, wanted_w)


def _hard(role: Role, ratings: Ratings, wanted_w: float) -> float:
    if role is Role.PRODUCER:
        return Band(0.0, ratings.produce_max_w).nearest(wanted_w)
    return Band(-ratings.produce_max_w, ratings.consume_max_w).nearest(wanted_w)


def _clamp(verdict: Verdict, shared: Split) -> tuple[str, str]:
    overruled = verdict.clamp_of(dispatch.SOURCE)
    if overruled is not None:
        return overruled.by, f"asked {overruled.asked_w:g} W, gets {overruled.got_w:g} W: {overruled.why}"
    return ("devices", shared.short_why) if shared.short_why else ("", "")
