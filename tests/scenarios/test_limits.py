"""Grid limits in a whole home: by contact, by guard, by envelope; what holds when nobody speaks, and who clamps whom."""

import msgspec
import pytest

from firmware_py.config import load as load_config
from firmware_py.evidence.archive import unpacked
from firmware_py.evidence.bundle import export_bundle
from firmware_py.evidence.notary import EVIDENCE
from firmware_py.evidence.verify import verify
from firmware_py.journal import stored
from protocols.evidence import CONTRACT, TOKEN, Link
from protocols.faults import StoreFailed
from protocols.limits import LIMIT, Heartbeat, LimitRecord, Use, Write
from protocols.signing import peek
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.limit_words import (
    GUARD,
    GUARDED,
    RELAY,
    RELAYED,
    RIPPLED,
    beats,
    contacts,
    contract_bound_by,
    history,
    in_force,
    limits,
    now,
    refuses,
    repeats_the_last,
    sends_envelope,
    sets_failsafe,
    tells,
)
from tests.scenarios.stage import EPOCH, Setup, Stage
from tests.scenarios.words import (
    battery_gets,
    charge,
    fault,
    heals,
    hears,
    last,
    link_is_back,
    link_is_cut,
    load,
    meter_shows,
    node_begins,
    node_is_killed,
    pv_may_make,
    sends,
    sun,
)

LPC, LPP = Use.CONSUMPTION, Use.PRODUCTION


def test_dimmed_by_contact_while_the_battery_charges_from_the_grid(film: Film) -> None:
    """Section 14a: the contact closes, 6 kW become 4.2 kW within two seconds; it opens, and the contract gets all again."""
    stage = film(
        at(0, load(1000), sun(0), charge(20)),
        at(5, sends(power_w=6000, start_s=6, end_s=110)),
        at(20, meter_shows(6000), battery_gets(5000)),
        at(30, contacts(True)),
        at(31.5, battery_gets(3200)),
        at(36, meter_shows(4200), in_force("14a", "closed", 4200.0), contract_bound_by("14a")),
        at(60, contacts(False)),
        at(70, meter_shows(6000), in_force("14a", "open")),
        at(
            115,
            hears(
                "received", "accepted", "written", "observed", "clamped(14a)", "clamped(lifted)", "expired(violated)"
            ),
        ),
        setup=RELAYED,
    )
    why = last(stage, "clamped")
    clamped = next(event for event in stage.head_end.contract_events if event.reason == "14a")
    assert clamped.why == "asked 6000 W, gets 4200 W: 14a: contact 1 is closed: at most 4200 W import"
    assert why.reason == "lifted"
    held = next(record for record in history(stage, "14a") if record.state == "closed")
    assert (held.known, held.import_limit_w, held.export_limit_w) == ("limited", 4200.0, None)
    assert (held.since[11:19], held.until[11:19] if held.until else "") == ("10:00:30", "10:01:00")
    assert (held.kept, held.above_s) == ("kept", 0.0)


def test_contacts_that_cannot_be_read_are_failsafe_also_at_the_start(film: Film) -> None:
    film(
        at(0, load(1000), sun(0), charge(20), contacts()),
        at(5, sends(power_w=6000, start_s=6, end_s=110)),
        at(15, in_force("14a", "failsafe", 4200.0), meter_shows(4200)),
        at(20, contacts(False)),
        at(30, in_force("14a", "open"), meter_shows(6000)),
        at(31, contacts()),
        at(35, in_force("14a", "open")),
        at(45, in_force("14a", "failsafe", 4200.0), meter_shows(4200)),
        setup=RELAYED,
    )


def test_ripple_control_in_four_steps_and_a_contradiction(film: Film) -> None:
    """5 kW of sun and no load; 60 and 30 % at once is 30 %, and 0 % is a limit."""
    film(
        at(0, load(0), sun(1000), charge(100), contacts(False, False, False)),
        at(20, meter_shows(-5000)),
        at(21, contacts(True, False, False)),
        at(35, meter_shows(-3000), pv_may_make(3000)),
        at(36, contacts(True, True, False)),
        at(50, meter_shows(-1500)),
        at(51, contacts(False, False, True)),
        at(65, meter_shows(0), pv_may_make(0)),
        at(66, contacts(False, False, False)),
        at(100, meter_shows(-5000)),
        setup=RIPPLED,
    )


def test_heartbeat_lost_is_failsafe_after_120_s(film: Film) -> None:
    """Unlimited and charging at 6 kW; the last heartbeat came at 10 s, so at 130 s the failsafe holds: 4.2 kW."""
    stage = film(
        at(0, load(1000), sun(0), charge(20)),
        at(2, in_force("lpc", "init", 4200.0)),
        at(10, beats, limits(LPC, None), limits(LPP, None)),
        at(12, sends(power_w=6000, start_s=13, end_s=400)),
        at(30, meter_shows(6000), in_force("lpc", "unlimited/controlled")),
        at(129.5, meter_shows(6000)),
        at(131, in_force("lpc", "failsafe", 4200.0), battery_gets(3200)),
        at(140, meter_shows(4200), contract_bound_by("lpc"), beats),
        at(150, meter_shows(4200)),  # a heartbeat alone does not end it
        at(151, limits(LPC, None)),
        at(165, meter_shows(6000)),
        setup=GUARDED,
    )
    assert [record.state for record in history(stage, "lpc")][:3] == ["init", "unlimited/controlled", "failsafe"]


def test_zero_watts_is_a_limit(film: Film) -> None:
    """evcc: 0 W could not be ordered because 0 meant none. The load runs from the battery."""
    film(
        at(0, load(1000), sun(0), charge(50)),
        at(5, beats, limits(LPC, 0.0), limits(LPP, 0.0)),
        at(20, in_force("lpc", "limited", 0.0), in_force("lpp", "limited", None, 0.0), meter_shows(0)),
        at(21, sends(power_w=2000, start_s=22, end_s=60)),
        at(40, meter_shows(0), battery_gets(-1000)),
        setup=GUARDED,
    )


def test_production_is_curtailed_by_lpp_for_its_duration(film: Film) -> None:
    """A full battery and 4 kW of sun; 1.5 kW for a minute."""
    stage = film(
        at(0, load(500), sun(800), charge(100)),
        at(5, beats, limits(LPC, None), limits(LPP, None)),
        at(20, meter_shows(-3500)),
        at(21, limits(LPP, 1500.0, 60.0)),
        at(35, meter_shows(-1500)),
        at(60, beats),
        at(80, meter_shows(-1500)),
        at(110, meter_shows(-3500), in_force("lpp", "unlimited/controlled")),
        setup=GUARDED,
    )
    held = next(record for record in history(stage, "lpp") if record.state == "limited")
    assert (held.export_limit_w, held.kept) == (1500.0, "kept")


def test_a_power_cut_in_the_middle_and_the_guards_failsafe_still_holds(film: Film) -> None:
    """The guard had set 3 kW; the file says 4.2. Killed and started again, 3 kW hold before anybody has spoken."""
    film(
        at(0, load(1000), sun(0), charge(20)),
        at(5, beats, sets_failsafe(LPC, 3000.0, 10_000.0), limits(LPC, None)),
        at(6, sends(power_w=6000, start_s=7, end_s=400)),
        at(25, meter_shows(6000)),
        at(26, node_is_killed),
        at(40, node_begins),
        at(60, in_force("lpc", "init", 3000.0), meter_shows(3000)),
        at(61, repeats_the_last),  # a message of before the cut frees nobody
        at(75, meter_shows(3000), refuses("sequence")),
        setup=GUARDED,
    )


def test_limits_add_to_each_other_and_the_stricter_holds(film: Film) -> None:
    film(
        at(0, load(1000), sun(0), charge(20)),
        at(5, beats, limits(LPC, 3000.0), sends(power_w=6000, start_s=6, end_s=200)),
        at(20, meter_shows(3000)),
        at(21, contacts(True)),
        at(35, meter_shows(3000), contract_bound_by("lpc")),
        at(36, limits(LPC, None)),
        at(50, meter_shows(4200), contract_bound_by("14a")),
        setup=Setup(limits=GUARD + RELAY),
    )


def test_a_site_at_rest_is_bound_too(film: Film) -> None:
    """No contract: 6 kW of load, the battery gives what is above 4.2 kW although it is told to rest."""
    film(
        at(0, load(6000), sun(0), charge(50)),
        at(15, meter_shows(6000)),
        at(16, contacts(True)),
        at(30, meter_shows(4200), battery_gets(-1800)),
        at(31, contacts(False)),
        at(45, meter_shows(6000)),
        setup=Setup(limits=RELAY, site={"rest": "idle"}),
    )


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (tells(Write, use=LPC, limit_w=None, aged_s=61.0), "late"),
        (tells(Write, use=LPC, limit_w=None, seq=1), "sequence"),
        (tells(Write, use=LPC, limit_w=None, aud="home-2"), "audience"),
        (tells(Write, use=LPC, limit_w=None, by="aggregator"), "operator"),
        (tells(Write, use=LPC, limit_w=None, key="aggregator"), "issuer"),
        (tells(Write, use=LPC, limit_w=None, key="mallory"), "unknown_key"),
        (tells(Heartbeat, by="aggregator"), "operator"),
        (tells(Write, use=LPC, limit_w=-4200.0), "malformed"),
        (repeats_the_last, "sequence"),
    ],
    ids=["late", "used", "other", "market", "signed by another", "unknown", "beat of the market", "negative", "again"],
)
def test_what_may_not_lift_a_limit(film: Film, sent: object, reason: str) -> None:
    film(
        at(0, load(1000), sun(0), charge(20)),
        at(5, beats, limits(LPC, 2000.0)),
        at(6, sends(power_w=6000, start_s=7, end_s=60)),
        at(20, meter_shows(2000)),
        at(21, sent),  # type: ignore[arg-type]
        at(35, meter_shows(2000), in_force("lpc", "limited", 2000.0), refuses(reason)),
        setup=GUARDED,
    )


def test_a_retained_message_is_refused(film: Film) -> None:
    def keeps(stage: Stage) -> None:
        stage.broker.publish(stage.topics.limit_in, stage.told[-1], retain=True)

    film(
        at(0, load(1000), sun(0)),
        at(5, beats, limits(LPC, 2000.0), link_is_cut),
        at(6, keeps, link_is_back),
        at(10, refuses("retained")),
        setup=GUARDED,
    )


DOE = "envelope of dso"
PLAN = sends_envelope((10, 5000, None), (40, 3000, None), (70, 4500, None), start_s=10, end_s=100, default=(2000, 1000))


def test_a_schedule_goes_on_through_a_lost_link_and_its_default_holds_afterwards(film: Film) -> None:
    """What is stricter comes up to 5 s early, what is looser never; the link is away from 20 s on."""
    film(
        at(0, load(1000), sun(0), charge(20)),
        at(4, PLAN, sends(power_w=6000, start_s=5, end_s=400)),
        at(5.8, in_force(DOE, "default", 5000.0)),  # 5 s before its start
        at(20, meter_shows(5000), contract_bound_by(DOE), link_is_cut),
        at(34.4, in_force(DOE, "scheduled", 5000.0)),
        at(36, in_force(DOE, "scheduled", 3000.0)),
        at(45, meter_shows(3000)),
        at(70.4, in_force(DOE, "scheduled", 3000.0)),
        at(72, in_force(DOE, "scheduled", 4500.0)),
        at(85, meter_shows(4500)),
        at(97, in_force(DOE, "scheduled", 2000.0, 1000.0)),
        at(115, in_force(DOE, "default", 2000.0, 1000.0), meter_shows(2000)),
    )


def test_an_envelope_that_may_not_outlive_the_link_falls_to_its_default(film: Film) -> None:
    film(
        at(0, load(1000), sun(0), charge(20)),
        at(4, sends_envelope((5, 5000, None), start_s=5, end_s=300, default=(1500, None), hold_s=30.0)),
        at(6, sends(power_w=6000, start_s=7, end_s=300)),
        at(20, meter_shows(5000), link_is_cut),
        at(49, meter_shows(5000)),
        at(62, meter_shows(1500), in_force(DOE, "default", 1500.0)),
        at(63, link_is_back),
        at(75, meter_shows(5000), in_force(DOE, "scheduled", 5000.0)),
    )


def test_the_default_holds_through_a_power_cycle(film: Film) -> None:
    film(
        at(0, load(4000), sun(0), charge(50)),
        at(4, sends_envelope((5, 3000, None), start_s=5, end_s=30, default=(2000, None))),
        at(50, in_force(DOE, "default", 2000.0), node_is_killed),
        at(60, node_begins),
        at(80, in_force(DOE, "default", 2000.0), meter_shows(2000)),
        setup=Setup(site={"rest": "idle"}),
    )


def test_who_is_no_operator_has_no_envelope(film: Film) -> None:
    stage = film(
        at(0, load(1000), sun(0), charge(20)),
        at(4, sends_envelope((5, 0, 0), start_s=5, end_s=60, by="aggregator")),
        at(6, sends(power_w=3000, start_s=7, end_s=60)),
        at(25, meter_shows(3000)),
    )
    assert now(stage).limits == []


def test_without_a_meter_nothing_that_is_limited_goes_on(film: Film) -> None:
    """Blind: what the roof makes is kept to what may leave the site, whatever is consumed, and the battery rests."""
    film(
        at(0, load(500), sun(800), charge(50)),
        at(5, beats, limits(LPC, 2000.0), limits(LPP, 1500.0)),
        at(6, sends(power_w=2000, start_s=7, end_s=100)),
        at(25, meter_shows(2000), fault("grid", Word.OFF)),
        at(45, pv_may_make(1500), battery_gets(0)),
        at(46, heals("grid")),
        at(65, meter_shows(2000, 60.0)),
        setup=GUARDED,
    )


def test_the_limit_history_is_in_the_chain_that_proves_a_contract(film: Film) -> None:
    """Whoever asks why a contract was not kept finds the operator's limit between its records, signed by the node."""
    stage = film(
        at(0, load(1000), sun(0), charge(20)),
        at(5, sends(power_w=6000, start_s=10, end_s=60)),
        at(20, contacts(True)),
        at(40, contacts(False)),
        at(75, lambda stage: None),
        setup=Setup(limits=RELAY, node={"key_file": "node.key"}),
    )
    links = [
        msgspec.json.decode(peek(record), type=Link) for record in stored(stage.folder / "journal.sqlite", EVIDENCE)
    ]
    streams = [link.stream for link in links]
    first, last_ = streams.index(TOKEN), len(streams) - 1 - streams[::-1].index(CONTRACT)
    bodies = [bytes(link.body) for link in links[first:last_] if link.stream == LIMIT]
    (held,) = [body for body in bodies if b'"kept"' in body]
    assert msgspec.json.decode(held, type=LimitRecord).kept == "kept"
    out = stage.folder / "evidence.zip"
    export_bundle(load_config(stage.folder / "home.toml"), "dso-1", out, EPOCH)
    files = unpacked(out)
    verify(files, {})
    assert LIMIT in {msgspec.json.decode(peek(line), type=Link).stream for line in files["chain.jws"].splitlines()}


def test_a_disk_that_is_full_holds_no_limit_up(film: Film) -> None:
    """A new failsafe is refused, because it must outlive a power cut; a stricter limit counts all the same."""

    def fills(stage: Stage) -> None:
        async def keep(key: str, value: bytes) -> None:
            raise StoreFailed("the disk is full")

        stage.journal.keep = keep  # type: ignore[method-assign]

    film(
        at(0, load(1000), sun(0), charge(20)),
        at(5, beats, limits(LPC, None), sends(power_w=4000, start_s=6, end_s=200)),
        at(20, meter_shows(4000), fills, sets_failsafe(LPC, 9000.0), limits(LPC, 3000.0)),
        at(22, in_force("lpc", "limited", 3000.0), refuses("store")),
        setup=GUARDED,
    )
