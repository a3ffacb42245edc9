"""The home node's decision, whole and pure: frozen inputs in, commands and reasons out.

freeze inputs -> laws -> wishes -> settle -> split over the devices -> hard limits -> commands. What the open contracts wish
stands in `controller.pursuit`, what the meter says of them afterwards in `controller.observe`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from controller import loads, pursuit, tracking
from controller.devices import DeviceView, Role, followers, may_hold, producers, reach
from controller.devices import loads as loads_of
from controller.gauge import Sample
from controller.items import Item
from controller.laws import connection, dispatch, release, self_consumption
from controller.laws.departure import CarView
from controller.laws.phases import Params as PhaseParams
from controller.laws.shortfall import Short
from controller.planning.orders import NOTHING, Orders
from controller.settle import Verdict, settle
from controller.split import Split, split
from controller.thermal.stores import Store
from controller.wishes import Band, Rank, Wish
from protocols.contracts import Dispatch, FallbackName
from protocols.ports import Ratings


class Inputs(msgspec.Struct, frozen=True):
    """Everything a decision may look at; powers are None where absent or too old to be believed.

    `limits`: the wishes of whoever may bind the connection point from outside, such as a grid operator. `contract`: the
    dispatch that is open, until `contract_end_s`; `items`: the contracts on energy that are open or not settled yet.
    `sample`: the newest reading of the connection point, for what is counted. `orders`: what the plan says; `stores` and
    `cars`: what is to be warm, and charged. `phases_a`: the currents of the connection point by phase, import positive
    (None: not known; empty: not measured).
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
    orders: Orders = NOTHING
    stores: tuple[Store, ...] = ()
    cars: tuple[CarView, ...] = ()
    phases_a: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of the laws, and the state the site rests in when no contract says otherwise."""

    connection: connection.Params
    dispatch: dispatch.Params
    rest: FallbackName = FallbackName.SELF_CONSUMPTION
    phases: PhaseParams | None = None

    @property
    def release_w_per_s(self) -> float:
        """How fast the site goes back to rest after a contract that says no ramp of its own."""
        return release.SHARE_PER_S * self.connection.import_limit_w


class Decision(msgspec.Struct, frozen=True):
    """Per device the power (follower, load) or production limit (producer), None to let it go; and who decided what.

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
    of_loads: loads.Memory = msgspec.field(default_factory=dict)


def decide(params: Params, memory: Memory, inputs: Inputs) -> tuple[Memory, Decision]:
    """One decision."""
    gap_s = params.dispatch.blind_s
    of_tracking, goal, closed = tracking.step(memory.of_tracking, inputs.now_s, inputs.items, inputs.sample, gap_s)
    stronger = (_safety(params, inputs), *inputs.limits)
    of_pursuit, found = _pursued(params, memory.of_pursuit, inputs, goal, stronger)
    rest, of_release = _rest(params, inputs, found, memory.of_release)
    wishes = [each for each in (*stronger, found.wish, rest) if each is not None]
    of_loads, decision = _decision(memory.of_loads, inputs, found, wishes, stronger)
    of_release = release.followed(of_release, found.wish, decision.verdict.value_w, inputs.contract)
    memory = Memory(of_pursuit, of_tracking, of_release, of_loads)
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


def _decision(
    of_loads: loads.Memory, inputs: Inputs, found: pursuit.Pursuit, wishes: Sequence[Wish], stronger: Sequence[Wish]
) -> tuple[loads.Memory, Decision]:
    """Loads first, in their steps; the rest over what follows and what can be limited."""
    settled = settle(wishes, inputs.now_s)
    if inputs.site_w is None:
        return of_loads, Decision(_blind(inputs), settled, found.why)
    if found.holds and settled.value_w == found.why.asked_w:
        return of_loads, Decision({view.name: view.told_w for view in inputs.devices}, settled, found.why)
    of_loads, allotted, site_w = _allotted(of_loads, inputs, inputs.site_w, settled, stronger)
    verdict = _bounded(inputs, site_w, wishes, settled)
    shared = None if verdict.value_w is None else _split(inputs, site_w, verdict, verdict.value_w, allotted)
    clamp = _clamp(verdict, shared) if found.wish is not None and shared is not None else ("", "")
    commands = {view.name: _command(view, shared, allotted) for view in inputs.devices}
    return of_loads, Decision(commands, verdict, found.why, clamp, 0.0 if shared is None else shared.short_w)


def _allotted(
    memory: loads.Memory, inputs: Inputs, site_w: float, settled: Verdict, stronger: Sequence[Wish]
) -> tuple[loads.Memory, loads.Allotment, float]:
    """What the loads are told, and what the connection point is expected to carry with it.

    Without a preference no follower is steered and no surplus used, but what binds the site binds its loads.
    """
    seen = loads_of(inputs.devices)
    if not seen:
        return memory, loads.NONE, site_w
    steered = [] if settled.value_w is None else followers(inputs.devices)
    target_w = -inf if settled.value_w is None else settled.value_w
    hard = settle(stronger, inputs.now_s).band
    rest_w = sum(each.power_w for each in seen) + sum(each.power_w for each in steered) - site_w
    band = settled.band
    room = loads.Room(target_w + rest_w, band.most_w + rest_w, hard.most_w + rest_w, band.least_w + rest_w)
    memory, allotted = loads.allot(seen, steered, memory, inputs.now_s, room)
    return memory, allotted, site_w + sum(allotted.drawn_w[each.name] - each.power_w for each in seen)


def _split(inputs: Inputs, site_w: float, verdict: Verdict, target_w: float, allotted: loads.Allotment) -> Split:
    following, producing = followers(inputs.devices), producers(inputs.devices)
    return split(site_w, target_w, following, producing, verdict.band.least_w, allotted.whys)


def _scene(inputs: Inputs, goal: tracking.Goal | None, stronger: tuple[Wish, ...]) -> pursuit.Scene:
    return pursuit.Scene(
        dispatch=inputs.contract,
        dispatch_left_s=inputs.contract_end_s - inputs.now_s,
        items=tuple(item for item in inputs.items if inputs.now_s < item.end_s) if inputs.items else (),
        goal=goal,
        site_w=inputs.site_w,
        site_age_s=inputs.site_age_s,
        link_lost_s=inputs.link_lost_s,
        reach=None if goal is None or inputs.site_w is None else reach(inputs.devices, inputs.site_w),
        may_hold=goal is None or may_hold(inputs.devices),
        stronger=stronger,
    )


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
    free_w = None if inputs.site_w is None else inputs.site_w - sum(each.power_w for each in followers(inputs.devices))
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


def _bounded(inputs: Inputs, site_w: float, wishes: Sequence[Wish], settled: Verdict) -> Verdict:
    """The verdict, also where nobody has a preference: what binds the site binds it at rest, too."""
    if settled.value_w is not None:
        return settled
    free_w = site_w - sum(each.power_w for each in followers(inputs.devices))
    held = any(each.limited_to_w is not None for each in producers(inputs.devices))
    if settled.band.nearest(free_w) == free_w and not held:
        return settled
    rest = Wish("idle", Rank.DEFAULT, inf, "nothing else asked: devices at rest", want_w=free_w)
    return settle((*wishes, rest), inputs.now_s)


def _blind(inputs: Inputs) -> dict[str, float | None]:
    """Every device let go; under limits from outside batteries and loads rest, and no more is made than may leave the site."""
    bands = [wish.within for wish in inputs.limits if wish.within is not None]
    least_w = max((band.least_w for band in bands), default=-inf)
    most_w = min((band.most_w for band in bands), default=inf)
    return {view.name: _told_blind(view, least_w, most_w) if bands else None for view in inputs.devices}


def _told_blind(view: DeviceView, least_w: float, most_w: float) -> float | None:
    match view.role:
        case Role.FOLLOWER:
            return None if view.ratings is None else 0.0
        case Role.PRODUCER:
            return -least_w if view.ratings is not None and -least_w < view.ratings.produce_max_w else None
        case Role.LOAD:
            may_rest = view.terms is not None and (view.terms.may_block or not view.terms.rests)
            return 0.0 if may_rest and most_w < inf else None


def _command(view: DeviceView, shared: Split | None, allotted: loads.Allotment) -> float | None:
    """The last word before the wire: every command inside the ratings, and a device not taking part is let go."""
    if view.role is Role.LOAD:
        return allotted.told_w.get(view.name)
    if view.ratings is None or shared is None:
        return None
    shares: Mapping[str, float | None] = shared.follow_w if view.role is Role.FOLLOWER else shared.limit_w
    if view.name not in shares:
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
