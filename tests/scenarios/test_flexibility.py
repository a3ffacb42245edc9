"""What a node offers it can deliver: offers are taken from the wire, bought, called, and the truth at the meter is looked at.

1500 W of load are forecast, 1200 to 1800 W at the owner's risk; the load is at either end of that while a change is due. The
battery has 10 kWh and 5 kW, and no sun comes. An hour is bought that begins a quarter-hour after the film.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from controller.flexibility import Search
from controller.planning.plan import Plan
from controller.planning.site import Site
from firmware_py.home.planning.solver import SolverTrouble
from firmware_py.home.planning.work import InlineSolver
from protocols.actions import Call
from protocols.contracts import Reprofile
from protocols.faults import Refused
from protocols.flexibility import Flexibility, Offer, option_of, parse_flexibility, reprofile_of
from protocols.outlook import Forecast, Kind, Quantile
from protocols.signing import OUTLOOK, sign
from sim_hardware.faults import Word
from sim_hardware.physics.climate import WINTER
from tests.scenarios import full_home
from tests.scenarios.comfort_words import Watch, room_stands_at
from tests.scenarios.film import Film, at
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH, NODE, Setup, Stage, Step, signed, signed_deed
from tests.scenarios.words import charge, fault, heals, last, load, sun

HOUR_S = 3600.0
FORECAST_W, MARGIN_W, TOLERANCE_W = 1500.0, 300.0, 100.0
HOUR = Search(exact_s=0.0, windows_h=((0.25, 1.0),))
TABLES: dict[str, dict[str, Any]] = {
    "tariff": {"import_per_kwh": 0.30, "export_per_kwh": 0.08},
    "plan": {"horizon_h": 6, "exact_h": 1, "offers": True},
}


def setup(**differs: Any) -> Setup:
    """A meter, PV and a battery, read and decided every 10 s."""
    given = {
        "site": {"blind_after_s": 30.0, "timezone": "UTC"},
        "node": {"cycle_s": 10.0, "interval_s": 900.0},
        "device": {key: {"lease_s": 60.0} for key in ("pv", "battery")},
        "step_s": 5.0,
        "tables": TABLES,
        "solver_of": partial(InlineSolver, search=HOUR),
        **differs,
    }
    return Setup(**given)


# What happens


def is_told(kind: Kind, value: float, off: float = 0.0) -> Step:
    """A forecast of the whole horizon, and by how much it may be off at p20 and p80."""

    def step(stage: Stage) -> None:
        stage.last_seq["dso"] += 1
        start = stage.setup.clock - timedelta(hours=1)

        def all_of(each: float) -> tuple[float, ...]:
            return (each,) * 120

        quantiles = (Quantile(0.2, all_of(value - off)), Quantile(0.8, all_of(value + off)))
        told = Forecast(
            iss="dso", aud=NODE, seq=stage.last_seq["dso"], at=stage.clock.utc(), kind=kind, start=start, step_s=900,
            values=all_of(value), quantiles=quantiles,
        )  # fmt: skip
        stage.broker.publish(stage.topics.outlook_in, sign(msgspec.json.encode(told), private_key("dso"), OUTLOOK))

    return step


FORECASTS = (is_told(Kind.LOAD, FORECAST_W, MARGIN_W), is_told(Kind.PV, 0.0))
BEGINS = (load(FORECAST_W), sun(0))


def offered(stage: Stage) -> Flexibility:
    return parse_flexibility(stage.broker.retained[stage.topics.flexibility])


@dataclass
class Deal:
    """A change that is bought of the only offer there is: `of` tells how much; and what flowed in each of its intervals."""

    of: Callable[[Offer], float]
    offer: Offer | None = None
    change_w: float = 0.0
    means_w: list[float] = field(default_factory=list)

    def buys(self, stage: Stage) -> None:
        """As it is offered, or (of more than that) without asking."""
        (self.offer,) = offered(stage).offers
        self.change_w = round(self.of(self.offer))
        number = stage.last_seq["dso"] = stage.last_seq["dso"] + 1
        terms: dict[str, Any] = {"contract": "deal", "seq": number, "issuer": "dso", "node": NODE}
        try:
            contract = reprofile_of(self.offer, self.change_w, **terms)
        except Refused:
            contract = Reprofile(
                id="deal", seq=number, iss="dso", aud=NODE, start=self.offer.start, end=self.offer.end,
                change_w=self.change_w, interval_s=self.offer.interval_s, baseline_w=self.offer.baseline_w,
            )  # fmt: skip
        stage.send(signed(contract))

    def buys_the_right(self, stage: Stage) -> None:
        """To call it a minute ahead."""
        (self.offer,) = offered(stage).offers
        self.change_w = round(self.of(self.offer))
        number = stage.last_seq["dso"] = stage.last_seq["dso"] + 1
        least_w, most_w = min(self.change_w, 0.0), max(self.change_w, 0.0)
        terms: dict[str, Any] = {"contract": "deal", "seq": number, "issuer": "dso", "node": NODE, "notice_s": 60.0}
        stage.send(signed(option_of(self.offer, least_w, most_w, **terms)))

    def calls(self, start_s: float, end_s: float) -> Step:
        def step(stage: Stage) -> None:
            start = EPOCH + timedelta(seconds=start_s)
            deed = stage.deed(Call, contract="deal", start=start, duration_s=end_s - start_s, change_w=self.change_w)
            stage.send(signed_deed(deed))

        return step

    def watched(self, stage: Stage) -> None:
        """The truth at the connection point, quarter-hour by quarter-hour."""

        async def watch() -> None:
            while True:
                seen_w = []
                for _ in range(180):
                    await asyncio.sleep(5.0)
                    seen_w.append(stage.home.terminals["grid"].total_w)
                self.means_w.append(sum(seen_w) / len(seen_w))

        stage.beside(watch(), "meter of the film")

    def missed_w(self, first: int = 1, last: int = 5) -> list[float]:
        """By how much each quarter-hour of the film missed what was bought."""
        assert self.offer is not None
        due_w = [each + self.change_w for each in self.offer.baseline_w]
        return [self.means_w[k] - due_w[k - 1] for k in range(first, last)]


def more(offer: Offer) -> float:
    return offer.up_w


def less(offer: Offer) -> float:
    return -offer.down_w


def half_more(offer: Offer) -> float:
    return -1.5 * offer.down_w


def outcome(stage: Stage) -> str:
    return str(last(stage, "expired").outcome)


@pytest.mark.parametrize(("percent", "of"), [(55.0, more), (25.0, less)])
def test_what_is_offered_is_delivered_while_the_load_is_off(
    film: Film, percent: float, of: Callable[[Offer], float]
) -> None:
    deal = Deal(of)
    stage = film(
        at(0, *BEGINS, charge(percent), deal.watched),
        at(8, *FORECASTS),
        at(60, deal.buys),
        at(0.25 * HOUR_S, load(FORECAST_W + MARGIN_W)),
        at(0.75 * HOUR_S, load(FORECAST_W - MARGIN_W)),
        at(1.3 * HOUR_S),
        setup=setup(),
    )
    assert abs(deal.change_w) > 1000.0
    assert deal.missed_w() == pytest.approx([0.0] * 4, abs=TOLERANCE_W)
    assert outcome(stage) == "delivered"


def test_half_more_than_is_offered_is_short(film: Film) -> None:
    deal = Deal(half_more)
    stage = film(
        at(0, *BEGINS, charge(25), deal.watched),
        at(8, *FORECASTS),
        at(60, deal.buys),
        at(0.25 * HOUR_S, load(FORECAST_W + MARGIN_W)),
        at(1.3 * HOUR_S),
        setup=setup(),
    )
    assert max(deal.missed_w()) > 0.2 * abs(deal.change_w)
    assert last(stage, "short").why
    assert outcome(stage) == "violated"


def test_an_option_is_kept_ready_and_called_a_minute_ahead(film: Film) -> None:
    """Half an hour nobody calls. What the battery holds then would not do if it had covered the load meanwhile."""
    deal = Deal(less)
    stage = film(
        at(0, *BEGINS, charge(25), deal.watched),
        at(8, *FORECASTS),
        at(60, deal.buys_the_right),
        at(0.25 * HOUR_S, load(FORECAST_W + MARGIN_W)),
        at(0.75 * HOUR_S - 90, deal.calls(0.75 * HOUR_S, 1.25 * HOUR_S)),
        at(1.3 * HOUR_S),
        setup=setup(),
    )
    assert deal.missed_w(3) == pytest.approx([0.0] * 2, abs=TOLERANCE_W)
    assert outcome(stage) == "delivered"


@pytest.mark.slow
@pytest.mark.parametrize("of", [more, less])
def test_a_home_of_everything_delivers_what_it_offers_and_stays_warm(film: Film, of: Callable[[Offer], float]) -> None:
    """A winter's night: battery, car, water heater, and a heat pump that nobody measures and that does as it likes."""
    deal, watch = Deal(of), Watch(every_s=300.0)
    tables = {**full_home.TABLES, "plan": {"horizon_h": 24, "exact_h": 1, "offers": True}}
    stage = film(
        at(0, *BEGINS, charge(50), room_stands_at(20.5), deal.watched, watch.watched),
        at(20, *FORECASTS),
        at(90, deal.buys),
        at(0.25 * HOUR_S, load(FORECAST_W + MARGIN_W)),
        at(0.75 * HOUR_S, load(FORECAST_W - MARGIN_W)),
        at(1.3 * HOUR_S, load(FORECAST_W)),
        at(3.0 * HOUR_S),
        setup=full_home.full(
            climate=WINTER,
            plans=True,
            tables=tables,
            solver_of=partial(InlineSolver, search=replace(HOUR, exact_s=HOUR_S)),
        ),
    )
    assert abs(deal.change_w) > 1000.0
    assert deal.missed_w() == pytest.approx([0.0] * 4, abs=TOLERANCE_W)
    assert outcome(stage) == "delivered"
    assert watch.degree_hours("room", 19.0, 25.0) == 0.0


# When there is nothing to offer


def nothing_is_offered(why: str) -> Step:
    def step(stage: Stage) -> None:
        told = offered(stage)
        assert told.offers == ()
        assert why in told.notes[0]

    return step


def something_is_offered(stage: Stage) -> None:
    assert offered(stage).offers != ()


def test_blind_offers_are_taken_back_and_the_next_plan_has_new_ones(film: Film) -> None:
    film(
        at(0, *BEGINS, charge(50)),
        at(30, nothing_is_offered("too little is known of the load")),
        at(31, *FORECASTS),
        at(60, something_is_offered, fault("grid", Word.DROP)),
        at(120, nothing_is_offered("not seen"), heals("grid")),
        at(0.25 * HOUR_S + 30, something_is_offered),
        setup=setup(),
    )


class BrokenLater(InlineSolver):
    """Fails from its third plan on."""

    def __init__(self) -> None:
        super().__init__(search=HOUR)
        self.good = 2

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        self.good -= 1
        if self.good < 0:
            raise SolverTrouble("the solver died: code -11")
        return await super().solve(site, budget_s, exact_s)


def test_without_a_solver_nothing_is_offered(film: Film) -> None:
    film(
        at(0, *BEGINS, charge(50)),
        at(8, *FORECASTS),
        at(60, something_is_offered),
        at(0.25 * HOUR_S + 30, nothing_is_offered("first window has begun")),
        setup=setup(solver_of=BrokenLater),
    )


def test_who_does_not_ask_for_offers_has_none(film: Film) -> None:
    plan = {key: value for key, value in TABLES["plan"].items() if key != "offers"}
    stage = film(at(0, *BEGINS, charge(50)), at(8, *FORECASTS), at(60), setup=setup(tables={**TABLES, "plan": plan}))
    assert stage.topics.flexibility not in stage.broker.retained
