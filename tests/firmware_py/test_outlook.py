"""The outlook's desk on virtual time: what it takes, what it refuses and why, and what a restart leaves."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from controller.planning.site import Horizon
from controller.roles import Party, Role
from controller.tariff import Tariff, prices
from firmware_py.home.contracts import Trust
from firmware_py.home.outlook import AWAY, Keeping, OutlookDesk, Rules
from firmware_py.journal import SqliteJournal
from protocols.faults import StoreFailed
from protocols.outlook import Kind
from protocols.ports import Message
from protocols.signing import CONTRACT, OUTLOOK, key_id, new_private_key, public_part, sign
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.scenarios.doubles import inline

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEYS = {name: new_private_key() for name in ("supplier", "weather", "owner", "dso", "stranger")}
ROLES = {"supplier": Role.MARKET, "weather": Role.MARKET, "owner": Role.HOUSEHOLD, "dso": Role.GRID}
TRUST = Trust(
    {key_id(KEYS[name]): public_part(KEYS[name]) for name in ROLES},
    {key_id(KEYS[name]): name for name in ROLES},
    {name: Party(name, role) for name, role in ROLES.items()},
)
RULES = Rules("home-1", "supplier", chargers=frozenset({"wallbox"}))


class Full:
    """A journal on a full disk."""

    async def keep_all(self, values: object) -> None:
        raise StoreFailed("disk full")


class Room:
    """A desk, its journal, and everything it said."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOON)
        self.journal: Any = SqliteJournal(Path(":memory:"), inline)
        self.said: list[tuple[str, str, str]] = []
        self.woken: list[str] = []
        self.seq = 0
        self.last = b""
        self.desk = self.new()

    def new(self, rules: Rules = RULES, trust: Trust = TRUST) -> OutlookDesk:
        keeping = Keeping(self.clock, self.journal, lambda *event: self.said.append(event))
        desk = OutlookDesk(trust, rules, keeping)
        desk.changed = self.woken.append
        return desk

    async def restart(self, rules: Rules = RULES, trust: Trust = TRUST) -> None:
        self.desk = self.new(rules, trust)
        await self.desk.recall()

    async def tell(self, by: str = "supplier", key: str | None = None, typ: str = OUTLOOK, **said: Any) -> None:
        self.seq += 1
        message = {"iss": by, "aud": "home-1", "seq": self.seq, "at": self.clock.utc(), **said}
        self.last = sign(msgspec.json.encode(message), KEYS[key or by], typ)
        await self.receive(self.last)

    async def receive(self, token: bytes, *, retained: bool = False) -> None:
        await self.desk.receive(Message("busbar/1/home-1/outlook/in", token, retained))

    def outcome(self) -> tuple[str, str]:
        subject, state, why = self.said[-1]
        assert subject == "outlook"
        return state, why


def film(run: Callable[[Room], Awaitable[None]]) -> Room:
    """Play it on a desk that was just switched on."""

    async def play() -> Room:
        room = Room()
        await run(room)
        return room

    return run_virtual(play(), horizon_s=40 * 86_400.0)


def tariff(start: datetime, values: list[float | None], step_s: int = 3600, **more: Any) -> dict[str, Any]:
    return {"say": "prices", "start": start, "step_s": step_s, "import_per_kwh": values, **more}


def weather(start: datetime, values: list[float | None], kind: str = "pv", **more: Any) -> dict[str, Any]:
    return {"say": "forecast", "kind": kind, "start": start, "step_s": 900, "values": values, **more}


def trip(departs: datetime | None, charger: str = "wallbox", needs_wh: float = 9000.0) -> dict[str, Any]:
    return {"say": "trip", "charger": charger, "departs": departs, "needs_wh": needs_wh}


def bought(room: Room, start: datetime, hours: int) -> list[float]:
    told = prices(Horizon(start, 3600.0, hours), Tariff(UTC, 9.0, is_dynamic=True), room.desk.received)
    return [round(float(price), 6) for price in told.import_per_kwh]


def test_prices_are_taken_and_wake_the_node() -> None:
    room = film(lambda room: room.tell(**tariff(NOON, [0.1, 0.2, -0.3])))
    assert room.outcome() == (
        "taken",
        "supplier 1: prices 2026-06-01T12:00:00.000Z to 2026-06-01T15:00:00.000Z, -0.3 to 0.2 EUR per kWh",
    )
    assert room.woken == ["new prices of supplier"]
    assert bought(room, NOON, 3) == [0.1, 0.2, -0.3]


def test_the_newer_over_the_older_and_only_where_it_speaks() -> None:
    async def run(room: Room) -> None:
        await room.tell(**tariff(NOON, [0.1] * 24, export_per_kwh=[0.05] * 24))
        await room.tell(**tariff(NOON + timedelta(hours=11), [0.5, 0.6], 900))

    room = film(run)
    assert bought(room, NOON + timedelta(hours=10), 3) == [0.1, 0.325, 0.1]
    received = room.desk.received
    assert received is not None
    assert np.nanmin(received.export_per_kwh) == 0.05
    assert np.count_nonzero(~np.isnan(received.export_per_kwh)) == 24 * 12


def test_prices_over_midnight_lie_on_two_days() -> None:
    room = film(lambda room: room.tell(**tariff(NOON, [0.01 * hour for hour in range(40)])))
    assert bought(room, NOON + timedelta(hours=10), 4) == [0.10, 0.11, 0.12, 0.13]
    assert bought(room, NOON + timedelta(hours=36), 4) == [0.36, 0.37, 0.38, 0.39]


def test_a_restart_knows_it_all_and_no_message_counts_twice() -> None:
    async def run(room: Room) -> None:
        await room.tell(**tariff(NOON, [0.1] * 3))
        await room.tell("weather", **weather(NOON, [100, None]))
        await room.tell("owner", **trip(NOON + timedelta(hours=5)))
        await room.restart()
        await room.receive(room.last)

    room = film(run)
    assert bought(room, NOON, 3) == [0.1] * 3
    forecast, going = room.desk.forecast(Kind.PV), room.desk.trip("wallbox")
    assert forecast is not None
    assert forecast.values == (100.0, None)
    assert going is not None
    assert going.needs_wh == 9000.0
    assert room.outcome() == ("refused", "owner 3: sequence 3 of owner is used up: above 3 is allowed [sequence]")


def test_prices_of_a_former_supplier_are_forgotten() -> None:
    async def run(room: Room) -> None:
        await room.tell(**tariff(NOON, [0.1] * 3))
        await room.restart(Rules("home-1", "other"))
        assert room.desk.received is None
        await room.restart()

    assert film(run).desk.received is None


def test_what_an_issuer_said_that_is_trusted_no_more_is_forgotten() -> None:
    async def run(room: Room) -> None:
        await room.tell("owner", **trip(NOON + timedelta(hours=5)))
        await room.restart(trust=Trust({}, {}, {}))

    assert film(run).desk.trip("wallbox") is None


def test_damaged_records_do_not_stop_a_start() -> None:
    async def run(room: Room) -> None:
        await room.tell(**tariff(NOON, [0.1] * 3))
        await room.journal.keep_all({"outlook/forecast/pv": b"{", "outlook/prices/x": b"[]", "outlook/what": b"\xff"})
        await room.restart()

    assert bought(film(run), NOON, 3) == [0.1] * 3


def test_old_prices_are_deleted_after_two_weeks() -> None:
    async def run(room: Room) -> None:
        for day in range(20):
            await room.tell(**tariff(NOON + timedelta(days=day), [0.1 * day] * 24))
            room.clock.step(86_400.0)
        await room.restart()

    received = film(run).desk.received
    assert received is not None
    assert received.start == datetime(2026, 6, 5, tzinfo=UTC)
    assert len(received.import_per_kwh) == 17 * 288


def test_a_forecast_ends_and_so_does_a_trip_when_the_car_is_back() -> None:
    async def run(room: Room) -> None:
        await room.tell("weather", **weather(NOON, [1.0] * 4))
        await room.tell("owner", **trip(NOON + timedelta(hours=1)))
        assert room.desk.forecast(Kind.PV) is not None
        assert room.desk.trip("wallbox") is not None
        room.clock.step(3600.0)
        assert room.desk.trip("wallbox") is not None
        room.clock.step(AWAY.total_seconds())

    room = film(run)
    assert room.desk.forecast(Kind.PV) is None
    assert room.desk.trip("wallbox") is None


def test_a_trip_is_called_off() -> None:
    async def run(room: Room) -> None:
        await room.tell("owner", **trip(NOON + timedelta(hours=1)))
        await room.tell("owner", **trip(None))
        assert room.desk.trip("wallbox") is None
        await room.restart()

    room = film(run)
    assert room.desk.trip("wallbox") is None
    assert room.outcome()[1] == "owner 2: trip of wallbox called off"


def test_with_a_full_disk_it_counts_all_the_same_and_that_is_said() -> None:
    async def run(room: Room) -> None:
        room.journal = Full()
        room.desk = room.new()
        await room.tell(**tariff(NOON, [0.1]))

    room = film(run)
    assert bought(room, NOON, 1) == [0.1]
    assert room.outcome()[1].endswith("; it could not be made durable")


LATER = NOON + timedelta(hours=1)
HOUR = timedelta(hours=1)
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("absurd", tariff(NOON, [0.1, -10.5]), "import price of step 1: -10.5 per kWh, -10 to 10 is allowed"),
    ("absurd", tariff(NOON, [0.1], export_per_kwh=[11]), "export price of step 0: 11 per kWh"),
    ("currency", tariff(NOON, [0.1], currency="CZK"), "prices in CZK: EUR is allowed"),
    ("past", tariff(NOON - 2 * HOUR, [0.1, 0.1]), "that is over"),
    ("far", tariff(NOON, [0.1] * 200), "at most 8 days ahead"),
    ("malformed", tariff(NOON, [None]), "import_per_kwh"),
    ("contradictory", tariff(NOON, [0.1], export_per_kwh=[0.1, 0.1]), "2 export prices"),
    ("issuer", {"by": "weather", **tariff(NOON, [0.1])}, "'weather' is not the issuer of this tariff's prices"),
    ("issuer", {"by": "supplier", "key": "weather", **tariff(NOON, [0.1])}, "signed with a key of 'weather'"),
    ("audience", tariff(NOON, [0.1], aud="home-2"), "meant for 'home-2'"),
    ("role", {"by": "owner", **tariff(NOON, [0.1])}, "'owner' of role household may not say 'prices'"),
    ("role", {"by": "dso", **tariff(NOON, [0.1])}, "'dso' of role grid may not say 'prices'"),
    ("role", {"by": "dso", **weather(NOON, [1.0])}, "may not say 'forecast'"),
    ("role", {"by": "supplier", **trip(LATER)}, "'supplier' of role market may not say 'trip'"),
    ("charger", {"by": "owner", **trip(LATER, "garage")}, "no charger 'garage' has a car here: allowed are wallbox"),
    ("past", {"by": "owner", **trip(NOON - HOUR)}, "that is over"),
    ("far", {"by": "owner", **trip(NOON + timedelta(days=9))}, "at most 8 days ahead"),
    ("past", {"by": "weather", **weather(NOON - HOUR, [1.0] * 4)}, "that is over"),
    ("contradictory", {"by": "weather", **weather(NOON, [None])}, "holes only"),
    ("absurd", {"by": "weather", **weather(NOON, [99.0], "outdoor")}, "99 °C"),
    ("late", tariff(NOON, [0.1], at=NOON - timedelta(days=2, seconds=1)), "at most 2 days before"),
    ("late", tariff(NOON, [0.1], at=NOON + timedelta(seconds=61)), "made at"),
    ("unknown_key", {"key": "stranger", **tariff(NOON, [0.1])}, "not on the trust list"),
    ("malformed", {"typ": CONTRACT, **tariff(NOON, [0.1])}, "JWS type 'busbar-contract+jws'"),
    ("malformed", {"say": "prices", "import_per_kwh": [0.1] * 2000}, "outlook"),
]


@pytest.mark.parametrize(("reason", "said", "named"), REFUSED, ids=[f"{r} {n[:28]}" for r, _, n in REFUSED])
def test_a_refusal_names_value_and_what_is_allowed(reason: str, said: dict[str, Any], named: str) -> None:
    room = film(lambda room: room.tell(**{"by": "supplier", **said}))
    state, why = room.outcome()
    assert state == "refused"
    assert named in why
    assert why.endswith(f"[{reason}]")
    assert not room.woken
    assert room.desk.received is None


def test_a_retained_message_is_refused() -> None:
    async def run(room: Room) -> None:
        await room.tell(**tariff(NOON, [0.1]))
        await room.receive(room.last, retained=True)

    assert film(run).outcome()[1].endswith("[retained]")


def test_a_message_that_waited_at_the_broker_counts() -> None:
    room = film(lambda room: room.tell(**tariff(NOON, [0.1]), at=NOON - timedelta(hours=20)))
    assert room.outcome()[0] == "taken"


def test_a_clock_that_was_never_set_judges_nothing() -> None:
    async def run(room: Room) -> None:
        room.clock.step(-365 * 86_400.0)
        await room.tell(**tariff(NOON, [0.1]))

    assert film(run).outcome()[1].endswith("[clock]")


def test_a_flood_of_strangers_is_held_back() -> None:
    async def run(room: Room) -> None:
        for _ in range(500):
            await room.receive(b"rubbish")

    assert len(film(run).said) == 60


def test_without_an_issuer_nobody_has_prices() -> None:
    async def run(room: Room) -> None:
        room.desk = room.new(Rules("home-1"))
        await room.tell(**tariff(NOON, [0.1]))

    assert "the tariff names none" in film(run).outcome()[1]
