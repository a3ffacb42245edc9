"""The words of films: what happens (`load`, `sends`, `fault`, …) and what must be seen (`hears`, `meter_shows`, …)."""

from collections.abc import Awaitable

import msgspec

from protocols.messages import ContractEvent, Status, Why
from sim_hardware.faults import Word
from sim_hardware.physics.terminal import balanced
from tests.scenarios.stage import NODE, Stage, Step, signed

Writes = dict[str, list[tuple[int, tuple[int, ...]]]]

# The house


def load(power_w: float) -> Step:
    """The base load from now on."""
    return lambda stage: setattr(stage.home.load, "hold_w", balanced(power_w))


def sun(irradiance_w_m2: float) -> Step:
    """The sun from now on; the plant makes 5 W for each W/m2."""
    return lambda stage: setattr(stage.home.sun, "hold_w_m2", irradiance_w_m2)


def charge(percent: float) -> Step:
    """The state of charge of the battery, now."""
    return lambda stage: setattr(stage.home.store, "stored_wh", percent / 100 * stage.home.store.capacity_wh)


def fault(device: str, word: Word, argument: float | None = None) -> Step:
    """A fault on the way to a device begins."""
    return lambda stage: stage.home.faults[device].begin(word, argument)


def heals(device: str) -> Step:
    """Every fault on the way to a device ends."""
    return lambda stage: stage.home.faults[device].end()


def lies(device: str, address: int, *words: int) -> Step:
    """Registers of a device show these words from now on."""
    return lambda stage: stage.devices[device].lies.update({address + n: word for n, word in enumerate(words)})


def tells_the_truth(device: str) -> Step:
    """They show what they should again."""
    return lambda stage: stage.devices[device].lies.clear()


# The node and its link


def link_is_cut(stage: Stage) -> None:
    """The node loses the broker until `link_is_back`."""
    stage.broker.cut(NODE, bar=True)


def link_is_back(stage: Stage) -> None:
    stage.broker.admit(NODE)


def broker_stops(stage: Stage) -> None:
    stage.broker.stop()


def broker_starts(stage: Stage) -> None:
    stage.broker.start()


def node_stops(stage: Stage) -> Awaitable[None]:
    return stage.stop()


def node_is_killed(stage: Stage) -> Awaitable[None]:
    return stage.kill()


def node_begins(stage: Stage) -> None:
    stage.begin()


def clock_steps(seconds: float) -> Step:
    """The wall clock jumps."""
    return lambda stage: stage.clock.step(seconds)


# Contracts


def sends(*, start_s: float, end_s: float, by: str = "dso", **terms: object) -> Step:
    """An issuer sends its next contract: a dispatch with its `power_w`, or the `product` that is named."""
    return lambda stage: stage.send(signed(stage.contract(by=by, start_s=start_s, end_s=end_s, **terms)))  # type: ignore[arg-type]


def hears(*states: str) -> Step:
    """Exactly these states were said since the last time, in this order; `reverted(link_lost)` names a reason."""

    def step(stage: Stage) -> None:
        events = stage.head_end.contract_events
        new, stage.events_seen = events[stage.events_seen :], len(events)
        likes = (*states, *[""] * len(new))
        found = [spoken(event, like) for event, like in zip(new, likes, strict=False)]
        assert found == list(states), f"the node said {', '.join(found) or 'nothing'}; expected {states}"

    return step


def spoken(event: ContractEvent, like: str = "") -> str:
    """An event as films write it, with its reason or outcome where the film names one (or expects nothing)."""
    detail = event.outcome or event.reason if event.state in ("expired", "interval") else event.reason
    return f"{event.state}({detail})" if detail and ("(" in like or not like) else str(event.state)


# What is seen


def meter_shows(power_w: float, within_w: float = 30.0) -> Step:
    """This flows at the connection point."""

    def step(stage: Stage) -> None:
        flows_w = stage.home.terminals["grid"].total_w
        assert abs(flows_w - power_w) <= within_w, f"{flows_w:.0f} W flow at the connection point, not {power_w:g} W"

    return step


def battery_gets(power_w: float | None, within_w: float = 25.0) -> Step:
    """The battery is told this power (None: nothing, it is in its own mode)."""

    def step(stage: Stage) -> None:
        told_w = stage.home.store.request_w
        alike = told_w is power_w if power_w is None or told_w is None else abs(told_w - power_w) <= within_w
        assert alike, f"the battery is told {told_w} W, not {power_w} W"

    return step


def pv_may_make(power_w: float, within_w: float = 25.0) -> Step:
    """The inverter is limited to this (its rating: not limited)."""

    def step(stage: Stage) -> None:
        limit_w = stage.home.plant.limit_w
        assert limit_w is not None
        assert abs(limit_w - power_w) <= within_w, f"PV may make {limit_w:.0f} W, not {power_w:g} W"

    return step


def devices_are_free(stage: Stage) -> None:
    """No setpoint is in force in any device."""
    battery_gets(None)(stage)
    pv_may_make(stage.home.plant.rating_w)(stage)


def status_is(state: str) -> Step:
    """The retained status, as anybody finds it."""

    def step(stage: Stage) -> None:
        found = msgspec.json.decode(stage.broker.retained[stage.topics.status], type=Status).state
        assert found == state, f"status is {found}, not {state}"

    return step


def healths(device: str, *states: str) -> Step:
    """What was said of a device's health from the beginning, all of it."""

    def step(stage: Stage) -> None:
        found = tuple(event.state for event in stage.head_end.happenings if event.subject == device)
        assert found == states, f"{device}: {found}, expected {states}"

    return step


def why(stage: Stage) -> Why:
    """The retained explanation, as anybody finds it."""
    return msgspec.json.decode(stage.broker.retained[stage.topics.why], type=Why)


def last(stage: Stage, state: str) -> ContractEvent:
    """The newest event of this state."""
    return next(event for event in reversed(stage.head_end.contract_events) if event.state == state)


def writes(stage: Stage) -> Writes:
    """Everything that was ever written to each device."""
    return {name: device.writes for name, device in stage.devices.items()}
