"""The controllable devices of a site as a cycle sees them, and what each can take part as."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

import msgspec

from controller.asks import Ask
from controller.loads import Load, Terms
from controller.reach import EFFICIENCY, Part, Reach
from controller.split import Follower, Producer
from controller.wishes import Band
from protocols.ports import Ratings


class Role(StrEnum):
    """What a controllable device lets the site do with it."""

    FOLLOWER = "follower"
    PRODUCER = "producer"
    LOAD = "load"


class DeviceView(msgspec.Struct, frozen=True):
    """A controllable device as frozen for a cycle. Power and state of charge are None where absent or too old.

    `falls_back`: it has a declared fallback power, so that running free is something it must be told and kept in. `told_w`:
    what it was last told (None: it was let go). `terms` are what a load can be told; `is_ready`: there is something to
    feed, such as a car.
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
    terms: Terms | None = None
    is_ready: bool = True


Views = Sequence[DeviceView]


def followers(views: Views) -> list[Follower]:
    """Those that take part as followers."""
    return [each for view in views if (each := _follower(view)) is not None]


def producers(views: Views) -> list[Producer]:
    """Those that take part as producers."""
    return [each for view in views if (each := _producer(view)) is not None]


def loads(views: Views) -> list[Load]:
    """Those that take part as loads."""
    return [each for view in views if (each := _load(view)) is not None]


def may_hold(views: Views) -> bool:
    """Whether every device may go on with what it was told: it takes part, and what it was told lies in its band."""
    bands = {each.name: each.band for each in followers(views)}
    for view in views:
        if view.role is Role.FOLLOWER and view.told_w is not None:
            band = bands.get(view.name)
            if band is None or band.nearest(view.told_w) != view.told_w:
                return False
    return True


def reach(views: Views, site_w: float, firm: Mapping[str, Ask] = MappingProxyType({})) -> Reach:
    """What the devices that take part can do, and for how long. `firm`: the asks that no contract breaks."""
    following, producing, consuming = followers(views), producers(views), loads(views)
    of_name = {view.name: view for view in views}
    made_w = sum(max(-each.power_w, 0.0) for each in producing)
    spare_w = sum(max(each.produce_max_w + each.power_w, 0.0) for each in producing if each.limited_to_w is not None)
    rest_w = site_w - sum(each.power_w for each in following) - sum(each.power_w for each in consuming)
    parts = (
        *(_part(of_name[each.name], each) for each in following),
        *(_load_part(each, firm.get(each.name)) for each in consuming),
    )
    return Reach(rest_w, parts, made_w, spare_w)


def _part(view: DeviceView, follower: Follower) -> Part:
    """A follower with what it holds; where that is not known, it counts as without an end."""
    whole_wh = None if view.ratings is None else view.ratings.energy_wh
    if whole_wh is None or view.soc_percent is None:
        return Part(view.name, follower.power_w, follower.band, None, None, follower.bound_why)
    gives_wh = max(view.soc_percent - view.soc_least_percent, 0.0) / 100.0 * whole_wh * EFFICIENCY
    takes_wh = max(100.0 - view.soc_percent, 0.0) / 100.0 * whole_wh / EFFICIENCY
    return Part(view.name, follower.power_w, follower.band, gives_wh, takes_wh, follower.bound_why)


def _load_part(load: Load, firm: Ask | None) -> Part:
    """A load goes from nothing to its most; one that has nothing to feed, or must not be blocked, goes no lower than now. One
    that comfort holds does what comfort asks.
    """
    terms = load.terms
    lowest_w = load.power_w if terms.rests and not terms.may_block else 0.0
    if not load.is_ready:
        band, why = Band(load.power_w, load.power_w), "has nothing to feed"
    elif firm is not None:
        held_w = max(terms.nearest(firm.want_w), lowest_w)
        band, why = Band(held_w, held_w), f"is held: {firm.why}"
    else:
        band, why = Band(lowest_w, max(terms.most_w, lowest_w)), f"takes {terms.most_w:.0f} W at most"
    return Part(load.name, load.power_w, band, None, None, why)


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


def _load(view: DeviceView) -> Load | None:
    if view.role is not Role.LOAD or view.terms is None or view.power_w is None:
        return None
    return Load(view.name, view.power_w, view.terms, view.is_ready)
