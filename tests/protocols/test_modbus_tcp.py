"""Modbus TCP framing against pymodbus' encoder, whole and in pieces, clean and disturbed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.faults import BadReply
from protocols.modbus import Refusal, Reply, Request, Words, Written, read, write, write_single
from protocols.modbus_tcp import FIRST, LAST, TcpReader, following, tcp_frame, whole_reply
from protocols.ports import Table
from tests.protocols import modbus_peer as peer

ASKED = read(1, Table.HOLDING, 107, 4)
ANSWER = (555, 0, 100, 65535)
GOOD = peer.tcp(peer.reply_pdu(ASKED, ANSWER, 17))

REQUESTS = st.one_of(
    st.builds(read, st.integers(0, 255), st.sampled_from(Table), st.integers(0, 65000), st.integers(1, 125)),
    st.builds(
        write,
        st.integers(0, 255),
        st.integers(0, 65000),
        st.lists(st.integers(0, 65535), min_size=1, max_size=123),
    ),
    st.builds(write_single, st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535)),
)


def fed(reader: TcpReader, *pieces: bytes) -> Reply | None:
    reply = None
    for piece in pieces:
        assert reply is None
        reply = reader.feed(piece)
    return reply


@given(REQUESTS, st.integers(0, 65535))
def test_requests_are_what_pymodbus_sends(request_: Request, transaction: int) -> None:
    assert tcp_frame(request_, transaction) == peer.tcp(peer.request_pdu(request_, transaction))


@given(REQUESTS, st.integers(1, 65535), st.data())
def test_replies_come_out_the_same_in_any_pieces(request_: Request, transaction: int, data: st.DataObject) -> None:
    words = tuple(data.draw(st.lists(st.integers(0, 65535), min_size=request_.count, max_size=request_.count)))
    frame = peer.tcp(peer.reply_pdu(request_, words, transaction))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(frame) - 1))))
    pieces = [frame[a:b] for a, b in zip([0, *cuts], [*cuts, len(frame)], strict=True)]
    expected = Words(words) if request_.reads else Written()
    assert fed(TcpReader(request_, transaction), *pieces) == expected


def test_a_reply_byte_by_byte_is_complete_with_its_last_byte() -> None:
    reader = TcpReader(ASKED, 17)
    assert [reader.feed(bytes((byte,))) for byte in GOOD[:-1]] == [None] * (len(GOOD) - 1)
    assert reader.feed(GOOD[-1:]) == Words(ANSWER)


def test_an_exception_is_a_reply() -> None:
    assert TcpReader(ASKED, 17).feed(peer.tcp(peer.exception_pdu(ASKED, 2, 17))) == Refusal(2)


@pytest.mark.parametrize("garbage", ["DEADBEEF", "00000000", "FF", "0011000100060103", "01" * 400])
def test_garbage_first_is_skipped(garbage: str) -> None:
    assert TcpReader(ASKED, 17).feed(bytes.fromhex(garbage) + GOOD) == Words(ANSWER)


def test_endless_garbage_is_refused() -> None:
    with pytest.raises(BadReply, match="521 bytes that are no reply, at most 520"):
        TcpReader(ASKED, 17).feed(b"\xff" * 1000 + GOOD)


@given(st.integers(1, 16))
def test_late_and_doubled_replies_to_earlier_transactions_are_skipped(behind: int) -> None:
    late = peer.tcp(peer.reply_pdu(ASKED, (1, 2, 3, 4), 117 - behind))
    good = peer.tcp(peer.reply_pdu(ASKED, ANSWER, 117))
    assert TcpReader(ASKED, 117).feed(late + good) == Words(ANSWER)


@pytest.mark.parametrize(
    ("transaction", "says"),
    [
        (0, "answers transaction 0, asked was transaction 17"),
        (18, "answers transaction 18, asked was transaction 17"),
        (40000, "answers transaction 40000"),
    ],
)
def test_another_transaction_is_refused(transaction: int, says: str) -> None:
    with pytest.raises(BadReply, match=says):
        TcpReader(ASKED, 17).feed(peer.tcp(peer.reply_pdu(ASKED, ANSWER, transaction)))


def test_transaction_0_is_taken_from_a_device_known_to_answer_so() -> None:
    frame = peer.tcp(peer.reply_pdu(ASKED, ANSWER, 0))
    assert TcpReader(ASKED, 17, answers_id_0=True).feed(frame) == Words(ANSWER)


def test_another_unit_is_refused() -> None:
    frame = peer.tcp(peer.reply_pdu(read(2, Table.HOLDING, 107, 4), ANSWER, 17))
    with pytest.raises(BadReply, match="answers as unit 2, asked was unit 1"):
        TcpReader(ASKED, 17).feed(frame)


@pytest.mark.parametrize("words", [ANSWER[:3], (*ANSWER, 7)])
def test_another_number_of_registers_is_refused(words: tuple[int, ...]) -> None:
    with pytest.raises(BadReply, match="asked were 8"):
        TcpReader(ASKED, 17).feed(peer.tcp(peer.reply_pdu(ASKED, words, 17)))


@given(st.integers(0, 255).filter(lambda stated: stated != 8))
def test_a_lying_byte_count_is_refused(stated: int) -> None:
    lie = bytearray(GOOD)
    lie[8] = stated
    with pytest.raises(BadReply, match=f"carries 8 bytes and states {stated}, asked were 8"):
        TcpReader(ASKED, 17).feed(bytes(lie))


def test_function_4_answering_3_is_refused() -> None:
    asked = read(1, Table.INPUT, 107, 4)
    with pytest.raises(BadReply, match="answers function 3, asked was function 4"):
        TcpReader(asked, 17).feed(GOOD)


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_garbage_in_pieces_or_at_once_ends_alike(before: bytes, behind: bytes) -> None:
    stream = before + GOOD + behind

    def outcome(*pieces: bytes) -> Reply | str | None:
        reader = TcpReader(ASKED, 17)
        try:
            return next((reply for piece in pieces if (reply := reader.feed(piece)) is not None), None)
        except BadReply:
            return "bad"

    in_pieces = outcome(*(bytes((byte,)) for byte in stream))
    # What comes together with a reply may betray it as cut short; what comes later can not.
    assert outcome(stream) in ((in_pieces, "bad") if behind else (in_pieces,))
    assert in_pieces in (Words(ANSWER), "bad", None)


@given(st.binary(max_size=600), st.integers(1, 40))
def test_junk_never_becomes_words(junk: bytes, step: int) -> None:
    """TCP has no check sum in the frame, but junk that names transaction, unit, function and size is not met by chance."""
    reader = TcpReader(ASKED, 0xA5C3)
    try:
        for start in range(0, len(junk), step):
            assert reader.feed(junk[start : start + step]) is None
    except BadReply:
        pass


def test_a_time_out_can_say_what_came() -> None:
    reader = TcpReader(ASKED, 17)
    assert reader.leftover == "nothing came"
    reader.feed(b"\xff" + GOOD[:9])
    assert reader.leftover == "1 bytes skipped; 9 bytes incomplete: 00 11 00 00 00 0b 01 03 08"


def test_a_reply_cut_short_and_filled_up_by_the_next_frame_is_refused() -> None:
    """Found by the fault storm: the last byte is missing, and a doubled reply's first one stood in for it."""
    asked = read(1, Table.INPUT, 182, 1)
    cut = peer.tcp(peer.reply_pdu(asked, (1182,), 0x0D3B))[:-1]
    doubled = peer.tcp(peer.reply_pdu(read(3, Table.HOLDING, 189, 4), (1, 2, 3, 4), 0x0D3A))
    with pytest.raises(BadReply, match="is followed by 3a 00 00 00, which begins no frame"):
        TcpReader(asked, 0x0D3B).feed(cut + doubled)
    whole = peer.tcp(peer.reply_pdu(asked, (1182,), 0x0D3B))
    assert TcpReader(asked, 0x0D3B).feed(whole + doubled) == Words((1182,))


# Transaction 0x0102 asks unit 17 for six registers; in the middle of the reply a doubled one of transaction 0x0101
# (unit 1, function 4, one register) came in, and the end of ours has not come yet.
TORN = "0102 0000 000f 11 03 0c 4317 0101 0000 0005 0104 0204"


def test_a_reply_that_swallowed_another_is_not_believed() -> None:
    request, torn = read(17, Table.HOLDING, 175, 6), bytes.fromhex(TORN)
    assert len(torn) == 9 + 12
    assert whole_reply(request, 0x0102, torn) is None
    with pytest.raises(BadReply, match="torn"):
        TcpReader(request, 0x0102).feed(torn)


@pytest.mark.parametrize(
    "data",
    [
        "4317 0000 0000 0000 0000 0000",  # zeros
        "0101 0000 0005 0109 0204 0000",  # no function
        "0101 0000 0005 0104 0304 0000",  # a byte count that is not that of its length
        "0200 0000 0005 0104 0204 0000",  # a transaction far away
        "0101 0000 0002 0104 0204 0000",  # too short for a reply
        "0101 0000 0003 01ff 0200 0000",  # an exception to no function
        "0101 0000 0003 0183 0c00 0000",  # an exception with no code
    ],
)
def test_data_that_only_resembles_a_head_is_data(data: str) -> None:
    request, frame = read(17, Table.HOLDING, 175, 6), bytes.fromhex("0102 0000 000f 11 03 0c" + data)
    words = Words(tuple(int(word, 16) for word in data.split()))
    assert whole_reply(request, 0x0102, frame) == words
    assert TcpReader(request, 0x0102).feed(frame) == words


def test_numbers_of_transactions_do_not_look_like_data() -> None:
    numbers = [0]
    for _ in range(2 * (LAST - FIRST + 1)):
        numbers.append(following(numbers[-1]))
    assert set(numbers[1:]) == set(range(FIRST, LAST + 1))
    assert FIRST > 0x5000  # above watts, volts and amperes of a house in their usual scales
    assert struct.unpack(">f", struct.pack(">HH", FIRST, 0))[0] > 1e15  # nor the first half of a float anybody measures


def test_small_numbers_one_after_the_other_are_data() -> None:
    """Found in the ratings of a battery (SunSpec 702), all of them small or absent: the eleventh read of a connection."""
    words = (5000, *[0xFFFF] * 8, 10, 0, 5, 0x0104, 0x0200, *[0xFFFF] * 9)
    asked = read(3, Table.HOLDING, 40227, len(words))
    for number in (FIRST, FIRST + 11, LAST):
        assert TcpReader(asked, number).feed(peer.tcp(peer.reply_pdu(asked, words, number))) == Words(words)
    with pytest.raises(BadReply, match="torn"):  # as it would be, were transactions numbered from 1
        TcpReader(asked, 11).feed(peer.tcp(peer.reply_pdu(asked, words, 11)))


@pytest.mark.parametrize("transaction", range(1, 17))
def test_what_a_sunspec_device_has_not_is_no_head_in_the_first_transactions(transaction: int) -> None:
    """Model 704 of a battery: ffff "not implemented", a mode, ffff again; 0xffff is a transaction just before the first ones."""
    data = bytes.fromhex("ffff ffff 0000 0003 ffff 1388")
    request = read(1, Table.HOLDING, 40227, 6)
    frame = transaction.to_bytes(2, "big") + bytes.fromhex("0000 000f 01 03 0c") + data
    words = Words((0xFFFF, 0xFFFF, 0, 3, 0xFFFF, 5000))
    assert whole_reply(request, transaction, frame) == words
    assert TcpReader(request, transaction).feed(frame) == words
