"""Modbus RTU framing against pymodbus' encoder, whole and in pieces, clean and disturbed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.faults import BadReply
from protocols.modbus import Refusal, Reply, Request, Words, Written, read, write, write_single
from protocols.modbus_rtu import RtuReader, crc16, rtu_frame
from protocols.ports import Table
from tests.protocols import modbus_peer as peer

ASKED = read(1, Table.HOLDING, 107, 4)
ANSWER = (555, 0, 100, 65535)
GOOD = peer.rtu(peer.reply_pdu(ASKED, ANSWER))
WRITING = write(1, 1, [10, 258])
DONE = peer.rtu(peer.reply_pdu(WRITING, ()))

REQUESTS = st.one_of(
    st.builds(read, st.integers(1, 247), st.sampled_from(Table), st.integers(0, 65000), st.integers(1, 125)),
    st.builds(
        write,
        st.integers(1, 247),
        st.integers(0, 65000),
        st.lists(st.integers(0, 65535), min_size=1, max_size=123),
    ),
)


def outcome(request: Request, *pieces: bytes) -> Reply | str | None:
    """The reply, or that it was bad, or None; whatever follows a reply is not looked at."""
    reader = RtuReader(request)
    try:
        for piece in pieces:
            if (reply := reader.feed(piece)) is not None:
                return reply
    except BadReply:
        return "bad"
    return None


def singles(stream: bytes) -> list[bytes]:
    return [bytes((byte,)) for byte in stream]


def test_the_check_sum_is_that_of_the_specification() -> None:
    """Serial Line V1.02, appendix B: the frame 02 07 ends with 41 12."""
    assert crc16(bytes.fromhex("0207")).to_bytes(2, "little") == bytes.fromhex("4112")


@given(REQUESTS)
def test_requests_are_what_pymodbus_sends(request_: Request) -> None:
    assert rtu_frame(request_) == peer.rtu(peer.request_pdu(request_))


@given(REQUESTS, st.data())
def test_replies_come_out_the_same_in_any_pieces(request_: Request, data: st.DataObject) -> None:
    words = tuple(data.draw(st.lists(st.integers(0, 65535), min_size=request_.count, max_size=request_.count)))
    frame = peer.rtu(peer.reply_pdu(request_, words))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(frame) - 1))))
    pieces = [frame[a:b] for a, b in zip([0, *cuts], [*cuts, len(frame)], strict=True)]
    assert outcome(request_, *pieces) == (Words(words) if request_.reads else Written())


def test_a_reply_byte_by_byte_is_complete_with_its_last_byte() -> None:
    reader = RtuReader(ASKED)
    assert [reader.feed(byte) for byte in singles(GOOD[:-1])] == [None] * (len(GOOD) - 1)
    assert reader.feed(GOOD[-1:]) == Words(ANSWER)


def test_an_exception_is_a_reply() -> None:
    assert outcome(ASKED, peer.rtu(peer.exception_pdu(ASKED, 6))) == Refusal(6)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"\xff\x00", id="two garbage bytes"),
        pytest.param(b"\x00" * 500, id="a long break"),
        pytest.param(rtu_frame(ASKED), id="echo"),
        pytest.param(b"\x00" + rtu_frame(ASKED), id="garbage and echo"),
        pytest.param(peer.rtu(peer.reply_pdu(read(2, Table.HOLDING, 0, 4), (9, 9, 9, 9))), id="other slave's reply"),
        pytest.param(peer.rtu(peer.exception_pdu(read(2, Table.HOLDING, 0, 4), 2)), id="other slave's exception"),
        pytest.param(peer.rtu(peer.request_pdu(read(2, Table.HOLDING, 0, 4))), id="other master's request"),
        pytest.param(peer.rtu(peer.reply_pdu(write(3, 5, [1]), ())), id="other slave's confirmation"),
        pytest.param(GOOD[:7], id="the beginning of a reply that broke off"),
    ],
)
@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "byte by byte"])
def test_what_comes_before_the_reply_is_skipped(before: bytes, in_pieces: bool) -> None:
    stream = before + GOOD
    expected: Reply | str = Words(ANSWER)
    if before == GOOD[:7]:
        expected = "bad"  # it looks like a reply with a bad check sum; reading again is the bus's business
    assert outcome(ASKED, *(singles(stream) if in_pieces else [stream])) == expected


@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "byte by byte"])
def test_the_echo_of_a_write_is_no_confirmation(in_pieces: bool) -> None:
    echo = rtu_frame(WRITING)
    assert outcome(WRITING, *(singles(echo) if in_pieces else [echo])) is None
    stream = echo + DONE
    assert outcome(WRITING, *(singles(stream) if in_pieces else [stream])) == Written()


def test_function_6_needs_to_know_whether_the_line_echoes() -> None:
    with pytest.raises(ValueError, match="say whether the line echoes"):
        RtuReader(write_single(1, 1, 3))


@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(("echoes", "copies"), [(False, 1), (True, 2)])
def test_the_reply_to_function_6_is_the_last_of_as_many_copies(in_pieces: bool, echoes: bool, copies: int) -> None:
    writing = write_single(1, 1, 3)
    copy = peer.rtu(peer.reply_pdu(writing, ()))
    for stream, expected in ((copy * (copies - 1), None), (copy * copies, Written())):
        reader, reply = RtuReader(writing, echoes=echoes), None
        for piece in singles(stream) if in_pieces else [stream]:
            reply = reader.feed(piece)
        assert reply == expected


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (peer.rtu(peer.reply_pdu(ASKED, ANSWER[:3])), "carries 6 bytes and states 6, asked were 8"),
        (peer.rtu(peer.reply_pdu(ASKED, (*ANSWER, 7))), "carries 10 bytes and states 10, asked were 8"),
        (peer.rtu(peer.reply_pdu(read(1, Table.INPUT, 107, 4), ANSWER)), "answers function 4, asked was function 3"),
        (peer.rtu(peer.reply_pdu(WRITING, ())), "answers function 16, asked was function 3"),
        (peer.rtu(peer.exception_pdu(read(1, Table.INPUT, 107, 4), 2)), "answers function 132"),
        (GOOD[:-1] + bytes((GOOD[-1] ^ 1,)), "bad check sum"),
        (GOOD[:5] + bytes((GOOD[5] ^ 0x80,)) + GOOD[6:], "bad check sum"),
    ],
)
def test_a_frame_of_our_unit_that_is_not_the_reply_is_refused(frame: bytes, says: str) -> None:
    with pytest.raises(BadReply, match=says):
        RtuReader(ASKED).feed(frame)


@pytest.mark.parametrize("stated", [0, 2, 6, 10, 255])
def test_a_lying_byte_count_gives_no_words(stated: int) -> None:
    lie = bytes((1, 3, stated)) + GOOD[3:-2]
    assert outcome(ASKED, lie + crc16(lie).to_bytes(2, "little")) in (None, "bad")


def test_a_babbling_line_is_refused() -> None:
    reader = RtuReader(ASKED)
    with pytest.raises(BadReply, match="bytes that are no reply, at most 520"):
        reader.feed(b"\xff" * 1000)


@given(st.binary(max_size=64), st.booleans())
def test_garbage_in_pieces_or_at_once_ends_alike(garbage: bytes, with_reply: bool) -> None:
    stream = garbage + (GOOD if with_reply else b"")
    at_once, in_pieces = outcome(ASKED, stream), outcome(ASKED, *singles(stream))
    assert at_once == in_pieces
    assert at_once in (Words(ANSWER), "bad", None)


@given(st.binary(max_size=40).filter(lambda garbage: not {1, 2} & set(garbage)))
def test_garbage_without_a_plausible_head_costs_nothing(garbage: bytes) -> None:
    assert outcome(ASKED, garbage + GOOD) == Words(ANSWER)


@given(st.sets(st.integers(0, 8 * len(GOOD) - 1), min_size=1, max_size=3))
def test_flipped_bits_never_give_wrong_words(bits: set[int]) -> None:
    """CRC-16 finds every error of one to three bits in a frame this short."""
    frame = bytearray(GOOD)
    for bit in bits:
        frame[bit // 8] ^= 1 << bit % 8
    assert outcome(ASKED, bytes(frame)) in (None, "bad")


@given(st.data())
def test_a_cut_reply_never_gives_words(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD) - 1))
    end = data.draw(st.integers(start + 1, len(GOOD)))
    gone = GOOD[:start] + GOOD[end:]
    assert outcome(ASKED, gone) in (None, "bad")


def test_a_time_out_can_say_what_came() -> None:
    reader = RtuReader(ASKED)
    assert reader.leftover == "nothing came"
    reader.feed(rtu_frame(ASKED) + GOOD[:4])
    assert reader.leftover == "8 bytes skipped; 4 bytes incomplete: 01 03 08 02"
