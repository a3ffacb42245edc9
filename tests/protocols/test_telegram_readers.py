"""What holds for every reader of pushed telegrams: any cut, any flip, any loss, any junk, and never a wrong value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.telegrams import Telegram, TelegramReader, looks_like
from tests.protocols.telegram_cases import CASES, Case, believed, said, singles

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
names = st.sampled_from(sorted(CASES))


def good(case: Case) -> list[Telegram]:
    """What the telegram and the one after it say."""
    found = believed(said(case.reader(), case.telegram, case.following))
    assert len(found) == 2
    return found


TRUTH = {name: good(case) for name, case in CASES.items()}


def flipped(telegram: bytes, bit: int) -> bytes:
    """With one bit turned over."""
    spoilt = bytearray(telegram)
    spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)


@every_case
def test_a_stream_cut_anywhere_says_nothing_until_the_rest_is_there(case: Case) -> None:
    (truth, _) = good(case)
    for cut in range(len(case.telegram)):
        reader = case.reader()
        assert reader.feed(case.telegram[:cut]) == []
        assert reader.feed(case.telegram[cut:]) == [truth]


@every_case
def test_a_telegram_without_its_beginning_or_end_is_not_believed_and_the_next_one_is(case: Case) -> None:
    _, following = good(case)
    for cut in range(1, len(case.telegram) - case.unchecked):
        for half in (case.telegram[:cut], case.telegram[cut:]):
            assert believed(said(case.reader(), half, case.following)) == [following], cut


@every_case
def test_every_bit_that_flips_is_noticed_and_costs_one_telegram(case: Case) -> None:
    _, following = good(case)
    # Each byte at least once; all of them in test_every_single_bit, which takes a minute.
    for bit in range(0, 8 * (len(case.telegram) - case.unchecked), 7):
        assert believed(said(case.reader(), flipped(case.telegram, bit), case.following)) == [following], bit


@pytest.mark.torture
@every_case
def test_every_single_bit(case: Case) -> None:
    _, following = good(case)
    for bit in range(8 * (len(case.telegram) - case.unchecked)):
        assert believed(said(case.reader(), flipped(case.telegram, bit), case.following)) == [following], bit


@every_case
def test_every_character_that_is_lost_or_doubled_is_noticed(case: Case) -> None:
    """dsmr-reader#1408."""
    _, following = good(case)
    for at in range(len(case.telegram) - case.unchecked):
        for times in (0, 2)[: 1 + (at % 3 == 0)]:
            spoilt = case.telegram[:at] + times * case.telegram[at : at + 1] + case.telegram[at + 1 :]
            seen = believed(said(case.reader(), spoilt, case.following))
            # HDLC frames may share a flag or have two, and what stands around a telegram is no matter.
            harmless = case.telegram[at] == 0x7E or (times == 2 and (at < 4 or at == len(case.telegram) - 1))
            assert seen == [following] or (harmless and seen == good(case)), (at, times)


@settings(max_examples=200)
@given(names, st.data())
def test_a_burst_of_up_to_16_bits_is_noticed(name: str, data: st.DataObject) -> None:
    case, (_, following) = CASES[name], TRUTH[name]
    size = 8 * (len(case.telegram) - case.unchecked)
    first = data.draw(st.integers(0, size - 16))
    pattern = data.draw(st.integers(1, 0xFFFF))
    spoilt = bytearray(case.telegram)
    for bit in range(16):
        # In the order of the wire, low bit first, in which a CRC of this kind finds every burst.
        spoilt[(first + bit) // 8] ^= (pattern >> bit & 1) << (first + bit) % 8
    assert believed(said(case.reader(), bytes(spoilt), case.following)) == [following]


@settings(max_examples=100)
@given(names, st.data())
def test_a_telegram_merged_with_the_next_one_gives_one_or_none(name: str, data: st.DataObject) -> None:
    case, (_, following) = CASES[name], TRUTH[name]
    end = data.draw(st.integers(1, len(case.telegram) - case.unchecked - 1))
    start = data.draw(st.integers(1, len(case.following) - case.unchecked - 1))
    seen = believed(said(case.reader(), case.telegram[:end] + case.following[start:], case.following))
    # A flag in place of a flag is no damage.
    assert set(map(repr, seen)) == {repr(following)}


JUNK = st.one_of(
    st.binary(max_size=200),
    st.text("/!\r\n()*.:0123456789", max_size=200).map(str.encode),
    st.lists(
        st.sampled_from(
            [b"\x1b", b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01", b"\x1b\x1b\x1b\x1b\x1a", b"\x7e", b"\x7e\xa0\x20", b"v\x05"]
        )
    ).map(b"".join),
)


@settings(max_examples=100)
@given(names, JUNK, JUNK)
def test_junk_before_and_behind_costs_nothing(name: str, before: bytes, behind: bytes) -> None:
    case, (first, following) = CASES[name], TRUTH[name]
    events = said(case.reader(), before, case.telegram, behind, case.following)
    assert [telegram for telegram in believed(events) if telegram not in (first, following)] == []
    assert believed(events)[-1] == following


@settings(max_examples=100)
@given(names, st.lists(JUNK, max_size=4), st.data())
def test_how_the_bytes_are_cut_makes_no_difference(name: str, junk: list[bytes], data: st.DataObject) -> None:
    case = CASES[name]
    parts = data.draw(st.permutations([*junk, case.telegram, case.following]))
    stream = b"".join(parts)
    assert said(case.reader(), stream) == said(case.reader(), *singles(stream))


@settings(max_examples=100)
@given(names, JUNK)
def test_junk_alone_says_nothing(name: str, junk: bytes) -> None:
    assert believed(said(CASES[name].reader(), junk)) == []


def kept(reader: TelegramReader) -> int:
    """How many bytes a reader holds, wherever it keeps them."""
    parts = [*vars(reader).values()]
    return sum(len(part) for part in parts if isinstance(part, bytearray)) + sum(
        kept(part) for part in parts if hasattr(part, "feed")
    )


@pytest.mark.parametrize(
    "filler", [b"\x00", b"/", b"/a", b"!", b"\x1b", b"\x7e", b"\x7e\xa7", b"\n", b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01"]
)
@every_case
def test_what_is_kept_is_bounded(case: Case, filler: bytes) -> None:
    reader = case.reader()
    for _ in range(40):
        reader.feed(filler * (500 // len(filler)))
    assert kept(reader) <= 20_000
    _, following = good(case)
    assert believed(said(reader, case.following))[-1:] == [following]


@pytest.mark.parametrize("name", CASES)
def test_a_swapped_cable_says_nothing_and_whose_it_may_be(name: str) -> None:
    kind = name.split(",", maxsplit=1)[0]
    for other, case in CASES.items():
        if not other.startswith(kind):
            assert believed(said(CASES[name].reader(), case.telegram, case.telegram)) == []
    words = {"p1": "P1", "sml": "SML", "dlms": "HDLC"}
    assert words[kind] in looks_like(CASES[name].telegram)


def test_what_nobody_knows_is_shown() -> None:
    assert looks_like(b"") == "nothing"
    assert "ff fe" in looks_like(b"\xff\xfe")
