"""Relays and contacts on the lines of a chip in memory, with its faults."""

import asyncio

import pytest

from drivers.gpio.contacts import GpioContacts
from drivers.gpio.lines import LineName, LineOptions, Pull, line_name
from drivers.gpio.relay import GpioRelay
from drivers.switchgear.sg_ready import SgReadyPump
from protocols.faults import LinkDown, NotApplied
from protocols.ports import Contacts, Relay, SgMode
from sim_hardware.virtual_time import run_virtual
from tests.drivers.gpio.fake_chip import FakeChip

A, B = LineName("gpiochip0", 17), LineName("gpiochip0", 18)
TO_GROUND = LineOptions(active_low=True, pull=Pull.UP, debounce_s=0.02)


@pytest.fixture
def chip() -> FakeChip:
    return FakeChip({A: False, B: False})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gpiochip0:17", LineName("gpiochip0", 17)),
        ("gpiochip12:RELAY1", LineName("gpiochip12", "RELAY1")),
        ("RELAY1", LineName(None, "RELAY1")),
        ("PMIC:EN", LineName(None, "PMIC:EN")),
    ],
)
def test_a_line_is_named_by_chip_or_by_name(text: str, name: LineName) -> None:
    assert line_name(text) == name
    assert str(name) == text


@pytest.mark.parametrize("text", ["", "17", "gpiochip0", "gpiochip0:"])
def test_a_line_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"GPIO line '{text}': allowed is gpiochip0:17"):
        line_name(text)


@pytest.mark.parametrize("debounce_s", [-0.1, 1.1, float("nan")])
def test_a_debounce_out_of_range_is_refused(debounce_s: float) -> None:
    with pytest.raises(ValueError, match=r"allowed is 0 to 1\.0 s"):
        LineOptions(debounce_s=debounce_s)


@pytest.mark.parametrize("active_low", [False, True])
async def test_a_relay_is_taken_in_the_state_asked_for(chip: FakeChip, active_low: bool) -> None:
    relay: Relay = GpioRelay(chip, A, LineOptions(active_low=active_low))
    await relay.switch(True, 60.0)
    assert chip.requests == [("gpiochip0:17", LineOptions(active_low=active_low), True)]
    assert chip.levels[A] is not active_low
    assert await relay.is_on()
    await relay.switch(False, 60.0)
    assert (await relay.is_on(), chip.levels[A], len(chip.requests)) == (False, active_low, 1)


@pytest.mark.parametrize("safe", [False, True])
async def test_close_drives_the_safe_state_and_gives_the_line_back(chip: FakeChip, safe: bool) -> None:
    relay = GpioRelay(chip, A, safe=safe)
    await relay.close()
    assert chip.requests == [], "a line never taken is not touched"
    await relay.switch(not safe, 60.0)
    await relay.close()
    assert (chip.levels[A], chip.driven[-1], chip.held[0].released) == (safe, safe, True)
    assert await relay.is_on() is safe, "taken anew in its safe state"


async def test_close_gives_the_line_back_also_where_the_chip_is_gone(chip: FakeChip) -> None:
    relay = GpioRelay(chip, A)
    await relay.switch(True, 60.0)
    chip.vanish()
    with pytest.raises(LinkDown, match="went away"):
        await relay.close()
    assert chip.held[0].released


async def test_a_line_that_sticks_is_not_applied(chip: FakeChip) -> None:
    chip.stuck = True
    with pytest.raises(NotApplied, match="gpiochip0:17: switched on, reads off"):
        await GpioRelay(chip, A).switch(True, 60.0)


async def test_a_busy_line_is_taken_once_it_is_free(chip: FakeChip) -> None:
    chip.busy = "gpioset"
    relay = GpioRelay(chip, A)
    with pytest.raises(LinkDown, match="held by 'gpioset'"):
        await relay.switch(True, 60.0)
    chip.busy = ""
    await relay.switch(True, 60.0)
    assert chip.levels[A]


async def test_a_chip_that_comes_back_is_taken_anew(chip: FakeChip) -> None:
    relay, contacts = GpioRelay(chip, A), GpioContacts(chip, [B])
    await relay.switch(True, 60.0)
    assert await contacts.closed() == (False,)
    chip.vanish()
    for ask in (relay.is_on, contacts.closed):
        with pytest.raises(LinkDown, match="went away"):
            await ask()
    assert all(held.released for held in chip.held)
    chip.vanished = False
    await relay.switch(True, 60.0)
    chip.put(B, True)
    assert (await relay.is_on(), await contacts.closed()) == (True, (True,))


@pytest.mark.parametrize("valid_s", [0.0, float("inf")])
async def test_a_lease_without_length_touches_no_line(chip: FakeChip, valid_s: float) -> None:
    with pytest.raises(ValueError, match="a lease of"):
        await GpioRelay(chip, A).switch(True, valid_s)
    assert chip.requests == []


async def test_sg_ready_on_two_lines(chip: FakeChip) -> None:
    pump = SgReadyPump(GpioRelay(chip, A), GpioRelay(chip, B))
    await pump.ask(SgMode.ENCOURAGED, 60.0)
    assert (chip.levels[A], chip.levels[B]) == (False, True)
    assert await pump.asked() is SgMode.ENCOURAGED


def test_what_cannot_be_is_refused(chip: FakeChip) -> None:
    with pytest.raises(ValueError, match="a relay's line takes none"):
        GpioRelay(chip, A, LineOptions(debounce_s=0.01))
    for names in ([], [A, A], [A, LineName("gpiochip1", 3)]):
        with pytest.raises(ValueError, match="allowed"):
            GpioContacts(chip, names)


async def test_contacts_to_ground_are_closed_when_low(chip: FakeChip) -> None:
    chip.levels = {A: True, B: False}
    contacts: Contacts = GpioContacts(chip, [A, B], TO_GROUND)
    assert await contacts.closed() == (False, True)
    assert chip.requests == [("gpiochip0:17,gpiochip0:18", TO_GROUND, None)]


async def bounce(chip: FakeChip, times: int) -> None:
    """Close and open every 5 ms, from 1 s on, and stay closed."""
    await asyncio.sleep(1.0)
    for n in range(times):
        chip.put(A, n % 2 == 1)
        await asyncio.sleep(0.005)
    chip.put(A, False)


@pytest.mark.parametrize(
    ("debounce_s", "told"),
    [
        (0.02, [(0.0, False), (1.06, True)]),  # 1 s, 8 bounces of 5 ms, 20 ms of quiet
        (0.0, [(0.0, False), *((1 + n * 0.005, n % 2 == 0) for n in range(9))]),
    ],
)
def test_a_bouncing_contact(debounce_s: float, told: list[tuple[float, bool]]) -> None:
    async def watch() -> list[tuple[float, bool]]:
        chip = FakeChip({A: True})
        contacts = GpioContacts(chip, [A], LineOptions(active_low=True, debounce_s=debounce_s))
        heard = []
        bouncing = asyncio.create_task(bounce(chip, 8))
        try:
            async with asyncio.timeout(5.0):
                async for (closed,) in contacts.changes():
                    heard.append((asyncio.get_running_loop().time(), closed))
        except TimeoutError:
            await bouncing
        await contacts.close()
        return heard

    heard = run_virtual(watch(), horizon_s=10.0)
    start_s = heard[0][0]
    assert [closed for _, closed in heard] == [closed for _, closed in told]
    assert [at_s - start_s for at_s, _ in heard] == pytest.approx([at_s for at_s, _ in told])


@pytest.mark.parametrize("end", ["vanish", "close"])
def test_who_watches_hears_that_the_lines_are_gone(end: str) -> None:
    async def watch() -> None:
        chip = FakeChip({A: False})
        contacts = GpioContacts(chip, [A])
        changes = contacts.changes()
        assert await anext(changes) == (False,)
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(1.0)
        if end == "vanish":
            chip.vanish()
        else:
            await contacts.close()
        with pytest.raises(LinkDown):
            await waiting
        assert chip.held[0].released

    run_virtual(watch(), horizon_s=10.0)


def test_a_blink_that_is_over_is_not_told() -> None:
    async def watch() -> None:
        chip = FakeChip({A: False})
        contacts = GpioContacts(chip, [A])
        changes = contacts.changes()
        assert await anext(changes) == (False,)
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(1.0)
        chip.put(A, True)
        chip.put(A, False)
        await asyncio.sleep(1.0)
        assert not waiting.done()
        chip.put(A, True)
        assert await waiting == (True,)
        await contacts.close()

    run_virtual(watch(), horizon_s=10.0)
