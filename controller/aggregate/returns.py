"""Returns: how the loads of one home's stores come back after an event, each by `price_response`, in the words of the cycle.

An event of a load is an operator's limit on import, or a dear step in which the plan wants nothing of it. Who made the event
says what may be drawn in it (a limit may last for days, and leaves room); only what comes afterwards is capped here.
When blind (a load that is not seen): nothing is learnt, and it stays where it stood.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from controller.aggregate.price_response import COOLED, HEATED, TANK, Machine, Memory, Params, Phase, Seen, step
from controller.asks import Ask
from controller.loads import Load
from controller.thermal.stores import Store

Memories = Mapping[str, Memory]
NONE: Final[Memories] = MappingProxyType({})
NO_CAPS: Final[Mapping[str, float]] = MappingProxyType({})


def presets(stores: Sequence[Store]) -> dict[str, Params]:
    """By what each load serves; one that warms a room and a tank has the need of the room."""
    found: dict[str, Params] = {}
    for store in stores:
        for name in store.heaters:
            if found.get(name) is not HEATED:
                found[name] = TANK if store.is_tank else HEATED
        found |= dict.fromkeys(store.coolers, COOLED)
    return found


def returned(
    memories: Memories,
    now_s: float,
    drawn: float,
    loads: Mapping[str, tuple[Params, Load]],
    asks: Mapping[str, Ask],
    events: frozenset[str],
) -> tuple[Memories, Mapping[str, float]]:
    """What each load that comes back may draw (W); who is not named may draw anything. `asks`: what is asked without caps."""
    after, caps = dict(memories), dict[str, float]()
    for name, (params, load) in loads.items():
        want_w = asks[name].want_w if name in asks else 0.0
        memory = memories.get(name, Memory())
        machine = Machine(load.terms.least_w, load.terms.most_w, drawn)
        memory, most_w = step(params, memory, now_s, machine, Seen(name in events, load.power_w, want_w > 0.0))
        if memory.phase is Phase.RETURNS and machine.least_w < most_w >= want_w:  # and no burn
            memory, most_w = step(params, memory, now_s, machine, Seen(False, load.power_w, wants=False))
        after[name] = memory
        if memory.phase is Phase.RETURNS:
            caps[name] = most_w
    return after, caps or NO_CAPS
