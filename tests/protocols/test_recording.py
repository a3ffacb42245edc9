"""The record's form: every line there and back, what is wrong named by its line, a file cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus import Function, Request
from protocols.recording import (
    BadRecording,
    GotBytes,
    GotDone,
    GotDown,
    GotHungUp,
    GotLate,
    GotRaw,
    GotRefused,
    GotSilent,
    GotStray,
    GotText,
    GotWithheld,
    GotWords,
    Head,
    Line,
    Recorded,
    asked,
    encoded,
    parse,
    spelt,
)

HEAD = Head(1, "0.1.0", "tcp", (Recorded("sdm630", 1),), "2026-11-21T08:00:00+00:00", 1.0, "masked")
LINES: tuple[Line, ...] = (
    GotWords(0.0, "01 04 0034 0002", 0.01, words="4366 8000"),
    GotDone(1.0, "01 10 f000 0002 0001 ffff", 0.02),
    GotRefused(2.0, "01 03 1388 0002", 0.01, code=2),
    GotSilent(3.0, "01 04 0034 0002"),
    GotLate(5.0, "01 04 0034 0002", 1.4, pdu="040443668000"),
    GotRaw(7.0, "01 04 0034 0002", 0.01, hex="dead", id=7, hung_up=0.5),
    GotHungUp(8.0, "01 06 0034 0002", 0.01, why="the peer hung up"),
    GotDown(9.0, why="no connection: Connection refused"),
    GotStray(9.5, hex="00"),
    GotText(10.0, 0.5, text="/BSB5\r\n!\r\n"),
    GotBytes(11.0, hex="1b1b1b1b"),
    GotWithheld(12.0, 0.1, ask="01 03 fc00 0002", size=9, why="spoilt"),
)
FILE = b"".join(map(encoded, (HEAD, *LINES)))


def test_every_line_there_and_back() -> None:
    whole = parse(FILE, "record")
    assert (whole.head, whole.lines, whole.is_cut) == (HEAD, LINES, False)


def test_a_line_is_read_by_people() -> None:
    line = '{"got":"words","t":0.0,"ask":"01 04 0034 0002","took":0.01,"words":"4366 8000"}\n'
    assert encoded(LINES[0]).decode() == line


def test_a_file_cut_anywhere_loses_its_last_line_at_most() -> None:
    head = len(encoded(HEAD))
    for size in range(len(FILE)):
        if size < head - 1:
            with pytest.raises(BadRecording, match="line 1"):
                parse(FILE[:size], "record")
            continue
        found = parse(FILE[:size], "record")
        ends = FILE[:size].count(b"\n") - 1
        assert found.lines == LINES[: max(ends, 0)]
        assert found.is_cut == (FILE[:size][-1:] != b"\n")


def test_zeros_behind_the_last_line_are_a_cut() -> None:
    """What some file systems leave after a power cut."""
    found = parse(FILE + bytes(300), "record")
    assert (found.lines, found.is_cut) == (LINES, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "malformed|truncated"),
        ("{", "truncated|malformed"),
        ("\xff", "invalid|malformed"),
        ('{"got":"word","t":1}', "Invalid value 'word'"),
        ('{"got":"silent","t":1}', "missing required field `ask`"),
        ('{"got":"silent","t":-1,"ask":"01 04 0034 0002"}', ">= 0"),
        ('{"got":"silent","t":1e300,"ask":"01 04 0034 0002"}', "<= "),
        ('{"got":"silent","t":1,"ask":"01 04 0034 0002","so":1}', "unknown field `so`"),
        ('{"got":"silent","t":1,"ask":"01 04 34 0002"}', "ask '01 04 34 0002'"),
        ('{"got":"silent","t":1,"ask":"01 2b 0034 0002"}', "functions 3, 4, 6 and 16"),
        ('{"got":"silent","t":1,"ask":"01 04 0034 007e"}', "126 registers: allowed is 1 to 125"),
        ('{"got":"silent","t":1,"ask":"01 04 ffff 0002"}', "allowed is 0 to 65535"),
        ('{"got":"done","t":1,"ask":"01 04 0034 0002"}', "a read is not confirmed"),
        ('{"got":"done","t":1,"ask":"01 10 0034 0002 0001"}', "1 words to write where 2 are told"),
        ('{"got":"words","t":1,"ask":"01 04 0034 0002","words":"4366"}', "1 words in answer"),
        ('{"got":"words","t":1,"ask":"01 04 0034 0001","words":"43660"}', "words '43660'"),
        ('{"got":"refused","t":1,"ask":"01 04 0034 0002","code":7}', "code 7: allowed are 1, 2"),
        ('{"got":"raw","t":1,"ask":"01 04 0034 0002","hex":"4"}', "hexadecimal"),
        ('{"got":"bytes","t":1,"hex":""}', "no bytes"),
        ('{"got":"text","t":1,"text":"\\u00e9"}', "ASCII"),
        ('{"got":"withheld","t":1,"size":0,"why":""}', ">= 1"),
        ('{"got":"silent","t":0.5,"ask":"01 04 0034 0002"}', "times do not go back"),
    ],
)
def test_a_bad_line_is_named(line: str, said: str) -> None:
    good = b"".join(map(encoded, (HEAD, *LINES[:2])))
    with pytest.raises(BadRecording, match=f"^record: line 4: .*({said})"):
        parse(good + line.encode("latin-1") + b"\n", "record")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "not a record"),
        (b"[]", "not a record"),
        (b'{"busbar_lockstep":1}', "not a record"),
        (b'{"busbar_record":2}', "busbar_record 2: 1 is allowed"),
        (b'{"busbar_record":1}', "missing required field"),
        (encoded(HEAD).replace(b'"tcp"', b'"udp"').strip(), "udp"),
        (encoded(HEAD).replace(b'[{"model":"sdm630","unit":1}]', b"[]").strip(), "at least one"),
    ],
)
def test_a_bad_head_is_named(head: bytes, said: str) -> None:
    with pytest.raises(BadRecording, match=f"^record: line 1: .*{said}"):
        parse(head + b"\n", "record")


reads = st.builds(
    lambda unit, function, count, place: Request(unit, function, place % (0x10001 - count), count),
    st.integers(0, 255),
    st.sampled_from((Function.READ_HOLDING, Function.READ_INPUT)),
    st.integers(1, 125),
    st.integers(0, 0xFFFF),
)
writes = st.builds(
    lambda unit, words, place: Request(
        unit, Function.WRITE_MULTIPLE, place % (0x10001 - len(words)), len(words), words
    ),
    st.integers(0, 255),
    st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=123).map(tuple),
    st.integers(0, 0xFFFF),
)
singles = st.builds(
    lambda unit, place, word: Request(unit, Function.WRITE_SINGLE, place, 1, (word,)),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
)


@given(reads | writes | singles)
def test_every_request_there_and_back(request: Request) -> None:
    assert asked(spelt(request)) == request


@given(st.binary(max_size=200))
def test_junk_is_a_clear_error(junk: bytes) -> None:
    with pytest.raises(BadRecording, match=r"^record: line 1: "):
        parse(junk, "record")
