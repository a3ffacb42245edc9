"""Serial numbers do not get into a record: searched for in its bytes, in every form in which a device tells them."""

import asyncio

import pytest

from drivers.meters import TYPES
from drivers.modbus.channel import Channel
from drivers.recording.lines import Plan, recorded
from drivers.recording.pseudonyms import Pseudonyms
from drivers.recording.telegram_masks import READERS, masked
from drivers.recording.telegrams import TelegramTranscript
from drivers.register_meter import MeterType
from protocols.faults import LinkDown
from protocols.modbus import Request, read
from protocols.ports import Table
from protocols.recording import GotBytes, GotText, GotWithheld, GotWords, Line, Recorded, encoded, words_of
from protocols.telegrams import Malformed, Telegram
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.sml import Sml
from sim_hardware.replay.device import Framing
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.recording.test_faults_again import line_on
from tests.drivers.wire import After, Wire
from tests.protocols import modbus_peer as peer
from tests.protocols.telegram_cases import CASES, OTHER, aidon, text_telegram
from tests.sim_hardware.push_vectors import READING, p1_telegram, sml_transmission

WITH_SERIAL = [kind for kind in TYPES if kind.serial is not None]
SUNSPEC_SERIAL = b"INV-7734-1199"
TELEGRAMS = {
    "p1, simulated": ("p1", P1()(READING)),
    "p1, captured": ("p1", p1_telegram()),
    "p1 4.2": ("p1", text_telegram("dsmr_v4_2.txt")),
    "p1 without a sum": ("p1", text_telegram("dsmr_v2_2.txt")),
    "p1, Belgium": ("p1", text_telegram("p1_fluvius.txt")),
    "p1, Hungary": ("p1", text_telegram("p1_eon_hungary.txt")),
    "p1, Luxembourg": ("p1", text_telegram("p1_sagemcom.txt")),
    "mode D": ("iec62056-21-push", text_telegram("iec62056_21_easymeter.txt")),
    "sml, simulated": ("sml", Sml()(READING)),
    "sml, captured": ("sml", sml_transmission()),
    "dlms, simulated": ("dlms-push", CASES["dlms"].telegram),
    "dlms, captured": ("dlms-push", aidon()),
}


def read_by(model: str, raw: bytes) -> Telegram:
    reader = READERS[model]()
    events = [*reader.feed(raw), *reader.feed(raw)]
    assert isinstance(events[-1], Telegram), events
    return events[-1]


@pytest.mark.parametrize("case", TELEGRAMS)
def test_a_telegram_reads_the_same_without_its_number(case: str) -> None:
    model, raw = TELEGRAMS[case]
    before = read_by(model, raw)
    clean = masked(model, raw, Pseudonyms())
    after = read_by(model, clean)
    assert (after.values, after.maker, after.model) == (before.values, before.maker, before.model)
    if before.serial.strip("0"):
        assert after.serial != before.serial
        assert after.serial
        for form in forms(before.serial):
            assert form not in clean
            assert form not in encoded(GotBytes(0.0, hex=clean.hex()))
    assert len(clean) <= len(raw) + 3, "a check sum in SML may take a byte more"


def forms(serial: str) -> list[bytes]:
    """Text, hexadecimal of text as P1 has it, and the number in four bytes as SML has it."""
    found = [serial.encode(), serial.encode().hex().encode(), serial.encode().hex().upper().encode()]
    number = int(serial[6:]) if serial[6:].isdecimal() and len(serial) == 14 else 0
    return [*found, number.to_bytes(4, "big")] if number > 0xFFFF else found


def test_the_captured_numbers_are_what_we_look_for() -> None:
    """Or the test above would look for nothing."""
    told = {case: read_by(model, raw).serial for case, (model, raw) in TELEGRAMS.items()}
    nameless = {"p1 without a sum", "p1, Luxembourg", "dlms, captured"}  # the captures tell none, or zeros
    assert {case for case, serial in told.items() if not serial.strip("0")} == nameless, told


def test_other_meters_on_the_bus_and_messages_are_masked_too() -> None:
    raw = text_telegram("dsmr_v4_2.txt")
    gas = raw.partition(b"0-1:96.1.0(")[2].partition(b")")[0]
    assert gas
    assert gas not in masked("p1", raw, Pseudonyms())


def test_one_number_has_one_pseudonym_and_another_has_another() -> None:
    names = Pseudonyms()
    numbers = ["E0001000000000001", "E0002000000000002", "E0001000000000001"]
    told = [read_by("p1", masked("p1", P1(serial=number)(READING), names)).serial for number in numbers]
    assert told[0] == told[2] != told[1]
    assert told[0].isdecimal()


@pytest.mark.parametrize("model", ["p1", "sml", "dlms-push"])
def test_what_is_spoilt_is_withheld(model: str) -> None:
    _, raw = TELEGRAMS[{"p1": "p1, captured", "sml": "sml, captured", "dlms-push": "dlms, captured"}[model]]
    for place in range(0, len(raw) - 3, 7):
        spoilt = raw[:place] + bytes((raw[place] ^ 0x04,)) + raw[place + 1 :]
        try:
            clean = masked(model, spoilt, Pseudonyms())
        except Malformed:
            continue
        assert read_by(model, clean).values == read_by(model, raw).values


def test_what_is_ciphered_is_withheld_and_says_so() -> None:
    with pytest.raises(Malformed, match="system title"):
        masked("dlms-push", CASES["dlms, ciphered, captured"].telegram, Pseudonyms())


def heard(model: str, pieces: list[tuple[float, bytes]], *, masks: bool = True) -> list[Line]:
    lines: list[Line] = []
    now_s = 0.0
    transcript = TelegramTranscript(lines.append, lambda: now_s, model, masks=masks)
    for at_s, piece in pieces:
        now_s = at_s
        transcript.heard(piece, awaited=True)
    transcript.closed()
    return lines


def test_a_telegram_a_line_however_the_bytes_come() -> None:
    one, two = P1()(READING), P1()(OTHER)
    whole = heard("p1", [(1.0, one + two[:50]), (1.5, two[50:])])
    assert [type(line) for line in whole] == [GotText, GotText]
    assert [line.t for line in whole] == [1.0, 1.0]
    assert isinstance(whole[1], GotText)
    assert whole[1].took == 0.5
    kept = heard("p1", [(1.0, one + two[:50]), (1.5, two[50:])], masks=False)
    assert [line.text.encode() for line in kept if isinstance(line, GotText)] == [one, two]


def test_junk_is_kept_only_with_serial_numbers() -> None:
    raw = Sml()(READING)
    (junk, good) = heard("sml", [(0.0, b"\x00\xff\x17"), (5.0, raw)])
    assert junk == GotWithheld(0.0, size=3, why="not a telegram that can be read")
    assert isinstance(good, GotBytes)
    (first, second) = heard("sml", [(0.0, b"\x00\xff\x17"), (5.0, raw)], masks=False)
    assert (first, second) == (GotBytes(0.0, hex="00ff17"), GotBytes(5.0, hex=raw.hex()))


def record_of(
    model: str, asks: list[Request], words: dict[int, int], framing: Framing, *, masks: bool = True, noise: bytes = b""
) -> list[Line]:
    """What stands in the record when these registers are read from a device that holds these words, 0 elsewhere."""
    lines: list[Line] = []

    def script(frame: bytes) -> list[After]:
        request, number = (slaves.on_rtu(frame), 0) if framing is Framing.RTU else slaves.on_tcp(frame)
        held = [words.get(place, 0) for place in range(request.address, request.address + request.count)]
        pdu = peer.reply_pdu(request, held, number)
        return [After(0.01, noise + (peer.rtu(pdu) if framing is Framing.RTU else peer.tcp(pdu)))]

    async def main() -> None:
        wire = Wire(script, follows=True)
        plan = Plan("tcp://x:502" if framing is Framing.TCP else "serial:///dev/x", (Recorded(model, 1),), 1.0, masks)
        bus = line_on(wire, framing, lines, plan)
        for ask in asks:
            await bus.read(ask.unit, Table(ask.function), ask.address, ask.count)
        await bus.close()

    run_virtual(main(), horizon_s=60)
    return lines


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("kind", WITH_SERIAL, ids=lambda kind: kind.name)
def test_the_serial_number_of_every_meter_is_masked(kind: MeterType, framing: Framing) -> None:
    place = kind.serial
    assert place is not None
    secret = [0x4137 + 0x100 * number for number in range(place.count)]  # A7B7…
    held = dict(enumerate(secret, place.address))
    ask = read(1, place.table, place.address, place.count)
    hexadecimal = b"".join(word.to_bytes(2, "big") for word in secret).hex()
    for masks in (True, False):
        (line,) = record_of(kind.name, [ask], held, framing, masks=masks)
        assert isinstance(line, GotWords)
        assert (hexadecimal in line.words.replace(" ", "")) != masks
        assert (place.decode(words_of(line.words)) == place.decode(secret)) != masks
        if masks:
            assert place.decode(words_of(line.words)).endswith("9001" if place.spelt else "99990001")
    # With noise around it nobody can tell where it stands.
    (line,) = record_of(kind.name, [ask], held, framing, noise=b"\xff\xff")
    assert isinstance(line, GotWithheld)


@pytest.mark.parametrize("base", [0, 40000, 50000])
def test_the_serial_number_in_the_common_model_is_masked_wherever_it_is(base: int) -> None:
    text = SUNSPEC_SERIAL.ljust(32, b"\x00")
    words = {base + 52 + place // 2: int.from_bytes(text[place : place + 2], "big") for place in range(0, 32, 2)}
    words |= {base: 0x5375, base + 1: 0x6E53, base + 4: 0x5342}
    asks = [read(1, Table.HOLDING, base, 2), read(1, Table.HOLDING, base + 4, 64), read(1, Table.HOLDING, base + 60, 8)]
    asks.append(read(1, Table.HOLDING, base, 70))
    lines = record_of("sunspec-inverter", asks, words, Framing.TCP)
    told = b"".join(map(encoded, lines)).replace(b" ", b"")
    for start in range(len(SUNSPEC_SERIAL) - 4):
        piece = SUNSPEC_SERIAL[start : start + 4]
        if not piece.isdigit():
            assert piece.hex().encode() not in told, piece
    assert isinstance(lines[1], GotWords)
    assert words_of(lines[1].words)[0] == 0x5342, "the maker stays"


def test_a_number_met_before_is_found_in_strange_bytes() -> None:
    names = Pseudonyms()
    assert names.words((0x1234, 0x5678)) == divmod(99_990_001, 0x10000)
    assert names.cleaned(b"\x01\x12\x34\x56\x78\x02") == b"\x01" + (99_990_001).to_bytes(4, "big") + b"\x02"
    assert names.words((0, 0)) == (0, 0)
    assert names.words((0xFFFF, 0xFFFF)) == (0xFFFF, 0xFFFF)


@pytest.mark.parametrize("url", ["tcp://secret.example:502", "rtu+tcp://secret.example:502", "serial:///dev/secret"])
@pytest.mark.parametrize("model", ["sdm630", "p1"])
def test_no_host_and_no_path_stands_in_a_record(url: str, model: str) -> None:
    lines: list[Line] = []

    async def refused() -> Channel:
        raise LinkDown(f"can not be opened: {url} secret.example /dev/secret")

    async def main() -> None:
        opener = plan.through(lines.append, asyncio.get_running_loop().time)(refused)
        with pytest.raises(LinkDown):
            await opener()

    plan = Plan(url, (recorded(model, 1),), 1.0)
    run_virtual(main(), horizon_s=1)
    hidden = "/dev/secret" if url.startswith("serial") else "secret.example"
    assert hidden not in b"".join(map(encoded, (plan.head(version="", utc=""), *lines))).decode()
    assert len(lines) == 1
