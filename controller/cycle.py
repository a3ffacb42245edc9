"""The home node's decision, whole and pure: frozen inputs in, commands and reasons out.

freeze inputs -> laws -> wishes -> settle -> split over the devices -> hard limits -> commands. What the open contracts wish
stands in `controller.pursuit`, what the meter says of them afterwards in `controller.observe`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import msgspec

from controller import pursuit, tracking
from controller.gauge import Sample
from controller.items import Item
from controller.laws import connection, dispatch, release, self_consumption
from controller.laws.shortfall import Short
from controller.reach import EFFICIENCY, Part, Reach
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

    `falls_back`: it has a declared fallback power, so that running free is something it must be told and kept in. `told_w`:
    what it was last told (None: it was let go).
    """

    name: str
    role: Role
    ratings: Ratings | None
    power_w: float | None
    soc_percent: float | None = None
    limited_to_w: float | None = None
    soc_least_percent: float = 0.0
    falls_back: bool = False
    told_w: float | None = None


class Inputs(msgspec.Struct, frozen=True):
    """Everything a decision may look at; powers are None where absent or too old to be believed.

    `limits`: the wishes of whoever may bind the connection point from outside, such as a grid operator. `contract`: the
    dispatch that is open, until `contract_end_s`; `items`: the contracts on energy that are open or not settled yet.
    `sample`: the newest reading of the connection point, for what is counted.
    """

    now_s: float
    site_w: float | None
    site_age_s: float
    devices: tuple[DeviceView, ...]
    contract: Dispatch | None = None
    link_lost_s: float | None = None
    limits: tuple[Wish, ...] = ()
    contract_end_s: float = inf
    items: tuple[Item, ...] = ()
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of the laws, and the state the site rests in when no contract says otherwise."""

    connection: connection.Params
    dispatch: dispatch.Params
    rest: FallbackName = FallbackName.SELF_CONSUMPTION

    @property
    def release_w_per_s(self) -> float:
        """How fast the site goes back to rest after a contract that says no ramp of its own."""
        return release.SHARE_PER_S * self.connection.import_limit_w


class Decision(msgspec.Struct, frozen=True):
    """Per device the power (follower) or production limit (producer), None to let it go; and who decided what.

    `clamp` says why the contract does not get all it asks for: a short word and a sentence; empty when it does. Of contracts
    on energy: what closed in this cycle, what will be missing (where it is to be said now), and whether they are on course.
    """

    commands: Mapping[str, float | None]
    verdict: Verdict
    law: dispatch.Why
    clamp: tuple[str, str] = ("", "")
    short_w: float = 0.0
    closed: tuple[tracking.Closed, ...] = ()
    short: Short | None = None
    on_course: bool = False


class Memory(msgspec.Struct, frozen=True):
    """What the laws carry from cycle to cycle."""

    of_pursuit: pursuit.Memory = pursuit.Memory()
    of_tracking: tracking.Memory = tracking.Memory()
    of_release: release.Memory = release.Memory()


def decide(params: Params, memory: Memory, inputs: Inputs) -> tuple[Memory, Decision]:
    """One decision."""
    gap_s = params.dispatch.blind_s
    of_tracking, goal, closed = tracking.step(memory.of_tracking, inputs.now_s, inputs.items, inputs.sample, gap_s)
    stronger = (_safety(params, inputs), *inputs.limits)
    of_pursuit, found = _pursued(params, memory.of_pursuit, inputs, goal, stronger)
    rest, of_release = _rest(params, inputs, found, memory.of_release)
    wishes = [each for each in (*stronger, found.wish, rest) if each is not None]
    verdict = _bounded(inputs, wishes, settle(wishes, inputs.now_s))
    of_release = release.followed(of_release, found.wish, verdict.value_w, inputs.contract)
    memory = Memory(of_pursuit, of_tracking, of_release)
    decision = _decision(inputs, found, verdict)
    if closed or found.short is not None or found.on_course:
        decision = msgspec.structs.replace(decision, closed=closed, short=found.short, on_course=found.on_course)
    return memory, decision


def _pursued(
    params: Params, memory: pursuit.Memory, inputs: Inputs, goal: tracking.Goal | None, stronger: tuple[Wish, ...]
) -> tuple[pursuit.Memory, pursuit.Pursuit]:
    if inputs.contract is None and not inputs.items:
        return pursuit.NOBODY
    scene = _scene(inputs, goal, stronger)
    return pursuit.pursue(params.dispatch, params.connection.import_limit_w, memory, inputs.now_s, scene)


def _decision(inputs: Inputs, found: pursuit.Pursuit, verdict: Verdict) -> Decision:
    if verdict.value_w is None or inputs.site_w is None:
        return Decision(_blind(inputs), verdict, found.why)
    if found.holds and verdict.value_w == found.why.asked_w:
        return Decision({view.name: view.told_w for view in inputs.devices}, verdict, found.why)
    shared = _split(inputs, inputs.site_w, verdict.value_w, verdict.band.least_w)
    clamp = _clamp(verdict, shared) if found.wish is not None else ("", "")
    return Decision(_commands(inputs, shared), verdict, found.why, clamp, shared.short_w)


def _scene(inputs: Inputs, goal: tracking.Goal | None, stronger: tuple[Wish, ...]) -> pursuit.Scene:
    return pursuit.Scene(
        dispatch=inputs.contract,
        dispatch_left_s=inputs.contract_end_s - inputs.now_s,
        items=tuple(item for item in inputs.items if inputs.now_s < item.end_s) if inputs.items else (),
        goal=goal,
        site_w=inputs.site_w,
        site_age_s=inputs.site_age_s,
        link_lost_s=inputs.link_lost_s,
        reach=None if goal is None or inputs.site_w is None else _reach(inputs, inputs.site_w),
        may_hold=goal is None or _may_hold(inputs),
        stronger=stronger,
    )


def _may_hold(inputs: Inputs) -> bool:
    """Whether every device may go on with what it was told: it takes part, and what it was told lies in its band."""
    bands = {each.name: each.band for each in _followers(inputs)}
    for view in inputs.devices:
        if view.role is Role.FOLLOWER and view.told_w is not None:
            band = bands.get(view.name)
            if band is None or band.nearest(view.told_w) != view.told_w:
                return False
    return True


def _reach(inputs: Inputs, site_w: float) -> Reach:
    """What the devices that take part can do, and for how long."""
    followers, producers = _followers(inputs), _producers(inputs)
    views = {view.name: view for view in inputs.devices}
    made_w = sum(max(-each.power_w, 0.0) for each in producers)
    spare_w = sum(max(each.produce_max_w + each.power_w, 0.0) for each in producers if each.limited_to_w is not None)
    rest_w = site_w - sum(each.power_w for each in followers)
    return Reach(rest_w, tuple(_part(views[each.name], each) for each in followers), made_w, spare_w)


def _part(view: DeviceView, follower: Follower) -> Part:
    """A follower with what it holds; where that is not known, it counts as without an end."""
    whole_wh = None if view.ratings is None else view.ratings.energy_wh
    if whole_wh is None or view.soc_percent is None:
        return Part(view.name, follower.power_w, follower.band, None, None, follower.bound_why)
    gives_wh = max(view.soc_percent - view.soc_least_percent, 0.0) / 100.0 * whole_wh * EFFICIENCY
    takes_wh = max(100.0 - view.soc_percent, 0.0) / 100.0 * whole_wh / EFFICIENCY
    return Part(view.name, follower.power_w, follower.band, gives_wh, takes_wh, follower.bound_why)


def _safety(params: Params, inputs: Inputs) -> Wish:
    return connection.step(params.connection, inputs.now_s + params.dispatch.blind_s)


def _rest(
    params: Params, inputs: Inputs, found: pursuit.Pursuit, memory: release.Memory
) -> tuple[Wish | None, release.Memory]:
    """The state the site rests in: the contract's own fallback while it is not followed; after one, by and by."""
    rest = params.rest if found.fallback is None else found.fallback
    good_until_s = inputs.now_s + params.dispatch.blind_s
    if found.wish is not None or found.fallback is not None:
        return _at_rest(params, inputs, rest, good_until_s), memory
    if memory.from_w is None:
        return _at_rest(params, inputs, rest, good_until_s), memory
    free_w = None if inputs.site_w is None else inputs.site_w - sum(each.power_w for each in _followers(inputs))
    goal_w = 0.0 if rest is FallbackName.SELF_CONSUMPTION else free_w
    memory, wish = release.step(memory, inputs.now_s, goal_w, params.release_w_per_s, good_until_s)
    return _at_rest(params, inputs, rest, good_until_s) if wish is None else wish, memory


def _at_rest(params: Params, inputs: Inputs, rest: FallbackName, good_until_s: float) -> Wish | None:
    match rest:
        case FallbackName.SELF_CONSUMPTION:
            seen = inputs.site_w is not None and inputs.site_age_s <= params.dispatch.blind_s
            return self_consumption.step(seen, good_until_s)
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
