"""The home node's decision, whole and pure: frozen inputs in, commands and reasons out.

freeze inputs -> laws -> wishes -> settle -> loads -> split over the devices -> hard limits -> commands. What the open contracts
wish stands in `controller.pursuit`, what the owner's laws ask of the loads in `controller.comfort`, what the meter says of it
all afterwards in `controller.observe`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from controller import comfort, loads, pursuit, tracking
from controller.comfort import Params as ComfortParams
from controller.devices import DeviceView, Role, followers, may_hold, producers, reach
from controller.devices import loads as loads_of
from controller.gauge import Sample
from controller.items import Item
from controller.laws import connection, dispatch, phases, plan, release, self_consumption
from controller.laws.departure import CarView
from controller.laws.phases import Params as PhasesParams
from controller.laws.shortfall import Short
from controller.loads import Load, Phases
from controller.planning.orders import NOTHING, Orders
from controller.settle import Verdict, settle
from controller.split import Follower, Split, split
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
    phases: PhasesParams | None = None
    comfort: ComfortParams = ComfortParams()

    @property
    def release_w_per_s(self) -> float:
        """How fast the site goes back to rest after a contract that says no ramp of its own."""
        return release.SHARE_PER_S * self.connection.import_limit_w


class LoadAsk(msgspec.Struct, frozen=True):
    """What a law asked of a load, or left it (W; inf: its most), with which rank and why."""

    load: str
    want_w: float
    rank: Rank
    why: str


class Decision(msgspec.Struct, frozen=True):
    """Per device the power (follower, load) or production limit (producer), None to let it go; and who decided what.

    `clamp` says why the contract does not get all it asks for: a short word and a sentence; empty when it does. Of contracts
    on energy: what closed in this cycle, what will be missing (where it is to be said now), and whether they are on course.
    `asks`: what was asked of each load, and what its phases left it.
    """

    commands: Mapping[str, float | None]
    verdict: Verdict
    law: dispatch.Why
    clamp: tuple[str, str] = ("", "")
    short_w: float = 0.0
    closed: tuple[tracking.Closed, ...] = ()
    short: Short | None = None
    on_course: bool = False
    asks: tuple[LoadAsk, ...] = ()


class Memory(msgspec.Struct, frozen=True):
    """What the laws carry from cycle to cycle."""

    of_pursuit: pursuit.Memory = pursuit.Memory()
    of_tracking: tracking.Memory = tracking.Memory()
    of_release: release.Memory = release.Memory()
    of_loads: loads.Memory = msgspec.field(default_factory=dict)
    of_comfort: comfort.Memory = comfort.Memory()
    of_phases: phases.Memory = phases.Memory()


class _Frame(msgspec.Struct, frozen=True):
    """What the steps of one decision share: who takes part, with which orders and asks, and who binds them."""

    inputs: Inputs
    found: pursuit.Pursuit
    stronger: tuple[Wish, ...]
    followers: list[Follower]
    loads: list[Load]
    asked: comfort.Asked
    phases: Phases | None


def decide(params: Params, memory: Memory, inputs: Inputs) -> tuple[Memory, Decision]:
    """One decision."""
    gap_s = params.dispatch.blind_s
    of_tracking, goal, closed = tracking.step(memory.of_tracking, inputs.now_s, inputs.items, inputs.sample, gap_s)
    stronger = (_safety(params, inputs), *inputs.limits)
    of_comfort, asked = _asked(params, memory.of_comfort, inputs)
    of_pursuit, found = _pursued(params, memory.of_pursuit, inputs, goal, stronger, asked)
    of_phases, frame = _framed(params, memory.of_phases, inputs, found, stronger, asked)
    rest, of_release = _rest(params, frame, memory.of_release)
    wishes = [each for each in (*stronger, found.wish, rest) if each is not None]
    of_loads, decision = _decision(memory.of_loads, frame, wishes)
    of_release = release.followed(of_release, found.wish, decision.verdict.value_w, inputs.contract)
    memory = Memory(of_pursuit, of_tracking, of_release, of_loads, of_comfort, of_phases)
    if closed or found.short is not None or found.on_course:
        decision = msgspec.structs.replace(decision, closed=closed, short=found.short, on_course=found.on_course)
    return memory, decision


def _asked(params: Params, memory: comfort.Memory, inputs: Inputs) -> tuple[comfort.Memory, comfort.Asked]:
    """What the owner's laws and the plan ask of the loads."""
    if not (inputs.stores or inputs.cars) and inputs.orders is NOTHING:
        return memory, comfort.NOTHING
    wants_w = plan.wants(inputs.orders, inputs.now_s)
    seen, is_limited = loads_of(inputs.devices), _is_limited(params, inputs)
    orders = inputs.orders
    scene = comfort.Scene(seen, inputs.stores, inputs.cars, wants_w, orders.why, is_limited, orders.is_dear)
    return comfort.step(params.comfort, memory, inputs.now_s, scene)


def _pursued(
    params: Params,
    memory: pursuit.Memory,
    inputs: Inputs,
    goal: tracking.Goal | None,
    stronger: tuple[Wish, ...],
    asked: comfort.Asked,
) -> tuple[pursuit.Memory, pursuit.Pursuit]:
    if inputs.contract is None and not inputs.items:
        return pursuit.NOBODY
    scene = _scene(inputs, goal, stronger, asked)
    return pursuit.pursue(params.dispatch, params.connection.import_limit_w, memory, inputs.now_s, scene)


def _framed(
    params: Params,
    memory: phases.Memory,
    inputs: Inputs,
    found: pursuit.Pursuit,
    stronger: tuple[Wish, ...],
    asked: comfort.Asked,
) -> tuple[phases.Memory, _Frame]:
    """Who takes part, with what is asked of them."""
    following, seen = followers(inputs.devices), loads_of(inputs.devices)
    if asked is not comfort.NOTHING:
        seen = [asked.of(each) for each in seen]
    if plan.is_fresh(inputs.orders, inputs.now_s):
        following = [plan.follower(inputs.orders, each) for each in following]
    here = None
    if params.phases is not None:
        memory = _measured(params.phases, memory, inputs, following, seen)
        here = (params.phases, memory)
    return memory, _Frame(inputs, found, stronger, following, seen, asked, here)


def _is_limited(params: Params, inputs: Inputs) -> bool:
    """Whether an operator leaves import less than the connection does."""
    most_w = (
        wish.within.most_w
        for wish in inputs.limits
        if wish.rank is Rank.GRID_LIMIT and wish.within is not None and wish.good_until_s > inputs.now_s
    )
    return min(most_w, default=inf) < params.connection.import_limit_w


def _measured(
    params: PhasesParams, memory: phases.Memory, inputs: Inputs, following: list[Follower], seen: list[Load]
) -> phases.Memory:
    at_s = inputs.now_s if inputs.sample is None else inputs.sample.measured_s
    charge_w = sum(max(each.power_w, 0.0) for each in following)
    return phases.step(params, memory, at_s, inputs.phases_a, [each.draw for each in seen], charge_w)


def _decision(of_loads: loads.Memory, frame: _Frame, wishes: list[Wish]) -> tuple[loads.Memory, Decision]:
    """Loads first, in their steps; the rest over what follows and what can be limited."""
    inputs, found = frame.inputs, frame.found
    settled = settle(wishes, inputs.now_s)
    if inputs.site_w is None:
        of_loads, commands = _blind(of_loads, frame)
        return of_loads, Decision(commands, settled, found.why, asks=_asks(frame, loads.NONE))
    if found.holds and settled.value_w == found.why.asked_w and not _is_pressed(frame):
        told_w = {view.name: view.told_w for view in inputs.devices}
        return of_loads, Decision(told_w, settled, found.why, asks=_asks(frame, loads.NONE))
    of_loads, allotted, site_w = _allotted(of_loads, frame, inputs.site_w, settled)
    wishes, settled = _resettled(frame, wishes, settled, allotted, site_w)
    verdict = _bounded(inputs, site_w, wishes, settled)
    shared = None if verdict.value_w is None else _split(frame, site_w, verdict, verdict.value_w, wishes, allotted)
    clamp = _clamp(verdict, shared) if found.wish is not None and shared is not None else ("", "")
    commands = {view.name: _command(view, shared, allotted) for view in inputs.devices}
    short_w = 0.0 if shared is None else shared.short_w
    asks = _asks(frame, allotted) if frame.asked.asks or allotted.bounds else ()
    return of_loads, Decision(commands, verdict, found.why, clamp, short_w, asks=asks)


def _is_pressed(frame: _Frame) -> bool:
    """Whether something stronger than a contract keeps the devices from staying as they are."""
    if frame.phases is not None and phases.is_over(*frame.phases):
        return True
    told_w = {view.name: view.told_w for view in frame.inputs.devices} if frame.asked.asks else {}
    return any(
        name in told_w and (ask.want_w > 0.0) is not ((told_w[name] or 0.0) > 0.0)  # let go is neither
        for name, ask in frame.asked.firm().asks.items()
    )


def _asks(frame: _Frame, allotted: loads.Allotment) -> tuple[LoadAsk, ...]:
    """What was asked of the loads, the strongest first for each."""
    bounds = [LoadAsk(name, max(each.rise_w, 0.0), each.rank, each.why) for name, each in allotted.bounds.items()]
    return (*bounds, *(LoadAsk(name, ask.want_w, ask.rank, ask.why) for name, ask in frame.asked.asks.items()))


def _allotted(
    memory: loads.Memory, frame: _Frame, site_w: float, settled: Verdict
) -> tuple[loads.Memory, loads.Allotment, float]:
    """What the loads are told, and what the connection point is expected to carry with it.

    Without a preference no follower is steered and no surplus used, but what binds the site binds its loads.
    """
    seen, now_s = frame.loads, frame.inputs.now_s
    if not seen:
        rooms = None if frame.phases is None else phases.Rooms(*frame.phases, (), {})
        return memory, loads.NONE if rooms is None else msgspec.structs.replace(loads.NONE, rooms=rooms), site_w
    steered = [] if settled.value_w is None else frame.followers
    target_w = -inf if settled.value_w is None else settled.value_w
    hard = settle(frame.stronger, now_s).band
    rest_w = sum(each.power_w for each in seen) + sum(each.power_w for each in steered) - site_w
    band = settled.band
    room = loads.Room(target_w + rest_w, band.most_w + rest_w, hard.most_w + rest_w, band.least_w + rest_w)
    memory, allotted = loads.allot(seen, steered, memory, now_s, room, frame.phases)
    return memory, allotted, site_w + sum(allotted.drawn_w[each.name] - each.power_w for each in seen)


def _resettled(
    frame: _Frame, wishes: list[Wish], settled: Verdict, allotted: loads.Allotment, site_w: float
) -> tuple[list[Wish], Verdict]:
    """The wishes once the loads are told: what the plan wants depends on it, and what the phases leave to the others."""
    good_until_s = frame.inputs.now_s + 1.0
    bound = None if allotted.rooms is None else allotted.rooms.wish(site_w, good_until_s)
    if bound is None and not _is_planned(wishes):
        return wishes, settled
    power_w = plan.want_w(site_w - sum(each.power_w for each in frame.followers), frame.followers)
    now = [msgspec.structs.replace(each, want_w=power_w) if each.source == plan.SOURCE else each for each in wishes]
    now = now if bound is None else [*now, bound]
    return now, settle(now, frame.inputs.now_s)


def _is_planned(wishes: Sequence[Wish]) -> bool:
    return any(each.source == plan.SOURCE for each in wishes)


def _split(
    frame: _Frame, site_w: float, verdict: Verdict, target_w: float, wishes: list[Wish], allotted: loads.Allotment
) -> Split:
    must, producing = None, producers(frame.inputs.devices)
    if _is_planned(wishes):
        must = settle((each for each in wishes if each.rank < Rank.OPTIMISER), frame.inputs.now_s).band
    return split(site_w, target_w, frame.followers, producing, verdict.band.least_w, allotted.whys, must)


def _scene(
    inputs: Inputs, goal: tracking.Goal | None, stronger: tuple[Wish, ...], asked: comfort.Asked
) -> pursuit.Scene:
    return pursuit.Scene(
        dispatch=inputs.contract,
        dispatch_left_s=inputs.contract_end_s - inputs.now_s,
        items=tuple(item for item in inputs.items if inputs.now_s < item.end_s) if inputs.items else (),
        goal=goal,
        site_w=inputs.site_w,
        site_age_s=inputs.site_age_s,
        link_lost_s=inputs.link_lost_s,
        reach=None
        if goal is None or inputs.site_w is None
        else reach(inputs.devices, inputs.site_w, asked.firm().asks),
        may_hold=goal is None or may_hold(inputs.devices),
        stronger=stronger,
    )


def _safety(params: Params, inputs: Inputs) -> Wish:
    return connection.step(params.connection, inputs.now_s + params.dispatch.blind_s)


def _rest(params: Params, frame: _Frame, memory: release.Memory) -> tuple[Wish | None, release.Memory]:
    """The state the site rests in: the contract's own fallback while it is not followed, else what the plan wants; after a
    contract, by and by.
    """
    inputs, found = frame.inputs, frame.found
    rest = params.rest if found.fallback is None else found.fallback
    good_until_s = inputs.now_s + params.dispatch.blind_s
    free_w = None if inputs.site_w is None else inputs.site_w - sum(each.power_w for each in frame.followers)
    is_planned = found.fallback is None and free_w is not None and plan.is_fresh(inputs.orders, inputs.now_s)
    is_planned = is_planned and inputs.site_age_s <= params.dispatch.blind_s
    if found.wish is None and found.fallback is None and memory.from_w is not None:
        goal_w = 0.0 if rest is FallbackName.SELF_CONSUMPTION else free_w
        if is_planned and free_w is not None:
            goal_w = plan.want_w(free_w, frame.followers)
        memory, wish = release.step(memory, inputs.now_s, goal_w, params.release_w_per_s, good_until_s)
        if wish is not None:
            return wish, memory
    # Loads use what is over beyond 0 W; what the plan wants of the batteries comes behind them.
    if is_planned:
        return plan.step(inputs.orders, inputs.now_s, 0.0, good_until_s), memory
    return _at_rest(params, inputs, rest, good_until_s), memory


def _at_rest(params: Params, inputs: Inputs, rest: FallbackName, good_until_s: float) -> Wish | None:
    if rest is FallbackName.IDLE:
        return None
    seen = inputs.site_w is not None and inputs.site_age_s <= params.dispatch.blind_s
    wish = self_consumption.step(seen, good_until_s)
    if wish is not None and plan.is_late(inputs.orders, inputs.now_s):
        return msgspec.structs.replace(wish, why=f"the plan is too old: {wish.why}")
    return wish


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


def _blind(memory: loads.Memory, frame: _Frame) -> tuple[loads.Memory, dict[str, float | None]]:
    """Every device let go; under limits from outside batteries and loads rest, and no more is made than may leave the site.

    Without such limits, bounds of comfort are kept all the same: a house must not freeze with its meter.
    """
    bands = [wish.within for wish in frame.inputs.limits if wish.within is not None]
    if bands:
        least_w = max((band.least_w for band in bands), default=-inf)
        most_w = min((band.most_w for band in bands), default=inf)
        return memory, {view.name: _told_blind(view, least_w, most_w) for view in frame.inputs.devices}
    firm = frame.asked.firm()
    keeping = [each for each in frame.loads if each.name in firm.asks and each.name in firm.kept]
    allotted = loads.NONE
    if keeping:
        memory, allotted = loads.allot(keeping, (), memory, frame.inputs.now_s, loads.Room(-inf, inf, inf))
    return memory, {view.name: allotted.told_w.get(view.name) for view in frame.inputs.devices}


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
