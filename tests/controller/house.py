"""A house of three phases for decisions alone: loads, a battery and the sun follow what they are told, a meter sees it late."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf

from controller.cycle import Decision, Inputs, Memory, Params, decide
from controller.devices import DeviceView, Role
from controller.gauge import Sample
from controller.laws import connection
from controller.laws.dispatch import Params as DispatchParams
from controller.loads import Terms
from protocols.contracts import Dispatch, FallbackName
from protocols.ports import Ratings

PHASE_V = 230.0
START = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
BATTERY = Ratings(5000.0, 5000.0, 10_000.0, True)


@dataclass
class Machine:
    """A load: what it can be told, the phases it truly draws on, and what it does; it gets where it is told by `slew_w`."""

    terms: Terms
    wires: tuple[int, ...] = (0, 1, 2)
    slew_w: float = inf
    power_w: float = 0.0
    told_w: float | None = None
    is_ready: bool = True

    def second(self) -> None:
        told_w = self.power_w if self.told_w is None else self.told_w
        self.power_w += min(max(told_w - self.power_w, -self.slew_w), self.slew_w)


@dataclass
class House:
    """`base_w`: what each phase draws beside; the meter's reading is `late` seconds old, and a new one comes each `every`."""

    params: Params
    machines: dict[str, Machine] = field(default_factory=dict)
    base_w: tuple[float, float, float] = (0.0, 0.0, 0.0)
    battery: bool = False
    pv_w: float | None = None
    every: int = 1
    now_s: float = 1000.0
    battery_w: float = 0.0
    soc_percent: float = 50.0
    limited_w: float | None = None
    memory: Memory = field(default_factory=Memory)
    seen: tuple[float, tuple[float, ...]] | None = None
    decision: Decision | None = None
    further: Mapping[str, object] = field(default_factory=dict)

    @property
    def made_w(self) -> float:
        made_w = 0.0 if self.pv_w is None else self.pv_w
        return made_w if self.limited_w is None else min(made_w, self.limited_w)

    @property
    def phases_w(self) -> tuple[float, ...]:
        balanced_w = (self.battery_w - self.made_w) / 3
        drawn_w = [each_w + balanced_w for each_w in self.base_w]
        for machine in self.machines.values():
            for wire in machine.wires:
                drawn_w[wire] += machine.power_w / len(machine.wires)
        return tuple(drawn_w)

    @property
    def phases_a(self) -> tuple[float, ...]:
        return tuple(each_w / PHASE_V for each_w in self.phases_w)

    @property
    def site_w(self) -> float:
        return sum(self.phases_w)

    def second(self, **further: object) -> Decision:
        """A reading, a decision, and what comes of it."""
        if self.seen is None or self.now_s % self.every == 0.0:
            self.seen = (self.now_s - 0.2, self.phases_a)
        measured_s, phases_a = self.seen
        site_w = sum(phases_a) * PHASE_V
        given = {"phases_a": phases_a, **self.further, **further}
        given.setdefault("sample", Sample(measured_s, site_w))
        inputs = Inputs(self.now_s, site_w, self.now_s - measured_s, self.views(), **given)  # type: ignore[arg-type]
        self.memory, self.decision = decide(self.params, self.memory, inputs)
        self._follow(self.decision)
        self.now_s += 1.0
        return self.decision

    def seconds(
        self, count: int, look: Callable[["House"], float | None] = lambda house: None, **further: object
    ) -> list[float]:
        """So many; what was looked at after each, 0 where nothing was to be seen."""
        seen = []
        for _ in range(count):
            self.second(**further)
            looked = look(self)
            seen.append(0.0 if looked is None else looked)
        return seen

    def views(self) -> tuple[DeviceView, ...]:
        views = [
            DeviceView(name, Role.LOAD, None, m.power_w, told_w=m.told_w, terms=m.terms, is_ready=m.is_ready)
            for name, m in self.machines.items()
        ]
        if self.battery:
            views.append(DeviceView("battery", Role.FOLLOWER, BATTERY, self.battery_w, self.soc_percent))
        if self.pv_w is not None:
            rated = Ratings(0.0, 10_000.0, None, True)
            views.append(DeviceView("pv", Role.PRODUCER, rated, -self.made_w, limited_to_w=self.limited_w))
        return tuple(views)

    def _follow(self, decision: Decision) -> None:
        for name, machine in self.machines.items():
            machine.told_w = decision.commands[name]
            machine.second()
        if self.battery:
            self.battery_w = decision.commands["battery"] or 0.0
        if self.pv_w is not None:
            self.limited_w = decision.commands["pv"]


def params(import_limit_w: float = 50_000.0, **further: object) -> Params:
    """Of a site with so much of a connection."""
    parts = connection.Params(import_limit_w, 50_000.0), DispatchParams(blind_s=10.0, hold_s=60.0)
    return Params(*parts, **further)  # type: ignore[arg-type]


def car(phases: int = 3, **further: object) -> Terms:
    """6 to 16 A."""
    each_w = phases * PHASE_V
    return Terms(6 * each_w, 16 * each_w, each_w, phases=phases, unit_w=each_w, **further)  # type: ignore[arg-type]


def dispatch(power_w: float, ramp_w_per_s: float | None = None) -> Dispatch:
    """A dispatch that is open."""
    window = {"start": START, "end": START + timedelta(hours=1)}
    given = {"power_w": power_w, "ramp_w_per_s": ramp_w_per_s, "fallback": FallbackName.IDLE}
    return Dispatch(id="c1", seq=1, iss="dso", aud="home-1", **window, **given)  # type: ignore[arg-type]
