"""The hidden pymodbus: hand-made frames in, its answers out, without a socket; then the faults on the way back."""

import asyncio
import struct

import pytest

from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.faces.answer_path import AnswerPath, flip_bit
from sim_hardware.faces.pymodbus_server import Framing, protocol_factory
from sim_hardware.faults import Faults, FaultyImage
from sim_hardware.home import SimHome
from sim_hardware.physics.terminal import Terminal
from sim_hardware.virtual_time import run_virtual


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.answers.append(bytes(data))

    def close(self) -> None:
        pass


async def ask(image: RegisterImage, framing: Framing, request: str, faults: Faults | None = None) -> str:
    """The answer to a request, both in hex."""
    wire = Wire()
    protocol = protocol_factory({1: FaultyImage(image, faults or Faults())}, framing)()
    protocol.connection_made(wire)
    for byte in bytes.fromhex(request):
        protocol.data_received(bytes([byte]))
    for _ in range(5):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return b" ".join(wire.answers).hex(" ")


def meter() -> Sdm630:
    return Sdm630(Terminal(voltage_v=(240.5, 230.0, 230.0)))


def crc(body: str) -> str:
    """The frame with its check sum, low byte first, by the recipe of the SDM630 paper, section 3.5."""
    word = 0xFFFF
    for byte in bytes.fromhex(body):
        word ^= byte
        for _ in range(8):
            word = word >> 1 ^ 0xA001 if word & 1 else word >> 1
    return f"{body} {word & 0xFF:02x} {word >> 8:02x}"


def test_the_check_sum_recipe_gives_the_papers_own_frame() -> None:
    assert crc("01 04 00 00 00 02") == "01 04 00 00 00 02 71 cb"


# Request and answer, grouped; written-out check sums are the paper's (3.8.1, 3.9.2), the value is that of 3.7: 240.5.
RTU = [
    ("01 04 00 00 00 02 71 cb", crc("01 04 04 43 70 80 00")),  # read Volts 1
    ("01 10 00 02 00 02 04 42 70 00 00 67 d5", "01 10 00 02 00 02 e0 08"),  # demand period 60
    ("01 04 00 00 00 02 71 cc", ""),  # check sum wrong: silence
    (crc("02 04 00 00 00 02"), ""),  # another unit: silence
    (crc("01 04 00 01 00 02"), crc("01 84 02")),  # part of a value: illegal data address
]
TCP = [
    ("00 07 00 00 00 06 01 04 00 00 00 02", "00 07 00 00 00 07 01 04 04 43 70 80 00"),
    ("00 08 00 00 00 06 01 04 00 00 00 52", "00 08 00 00 00 03 01 84 03"),  # 41 values: illegal data value
    ("00 09 00 00 00 06 01 06 00 02 42 70", "00 09 00 00 00 03 01 86 02"),  # function 6 writes half a value
    ("00 0a 00 00 00 06 01 01 00 00 00 01", "00 0a 00 00 00 03 01 81 01"),  # coils: illegal function
    ("00 0c 00 00 00 06 01 05 00 02 ff 00", "00 0c 00 00 00 03 01 85 01"),  # write a coil: illegal function
    ("00 0b 00 00 00 06 09 04 00 00 00 02", "00 0b 00 00 00 03 09 84 0b"),  # no such unit: gateway, no response
]


@pytest.mark.parametrize(
    ("framing", "request_hex", "answer_hex"),
    [(Framing.RTU, *pair) for pair in RTU] + [(Framing.TCP, *pair) for pair in TCP],
)
async def test_frames(framing: Framing, request_hex: str, answer_hex: str) -> None:
    assert await ask(meter(), framing, request_hex) == answer_hex


# MODBUS Application Protocol V1.1b3, 6.1, 6.2, 6.5 and 6.11: reads pack bits from the lowest, FF 00 is on.
BITS = [
    ("00 01 00 00 00 06 01 05 00 02 ff 00", "00 01 00 00 00 06 01 05 00 02 ff 00"),  # relay 2 on
    ("00 02 00 00 00 06 01 01 00 00 00 08", "00 02 00 00 00 04 01 01 01 05"),  # relays 0 and 2
    ("00 03 00 00 00 08 01 0f 00 01 00 02 01 01", "00 03 00 00 00 06 01 0f 00 01 00 02"),  # relay 1 on, 2 off
    ("00 04 00 00 00 06 01 01 00 00 00 08", "00 04 00 00 00 04 01 01 01 03"),
    ("00 05 00 00 00 06 01 02 00 00 00 04", "00 05 00 00 00 04 01 02 01 08"),  # input 3
    ("00 06 00 00 00 06 01 01 00 00 00 09", "00 06 00 00 00 03 01 81 02"),  # a ninth relay
    ("00 07 00 00 00 06 01 05 00 08 ff 00", "00 07 00 00 00 03 01 85 02"),
    ("00 08 00 00 00 06 01 03 00 04 00 01", "00 08 00 00 00 05 01 03 02 00 03"),  # the relays as a register
]


async def test_single_bits_of_a_relay_board() -> None:
    board = RelayBoard()
    board.relays[0] = board.inputs[3] = True
    for request, answer in BITS:
        assert await ask(board, Framing.TCP, request) == answer


async def test_function_6_writes_one_register_of_a_sunspec_device() -> None:
    image = SimHome(1).images["pv"]
    request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, 40_000 + 2 + 68 + 52 + 28 + 32 + 5, 5000)  # 123, WMaxLimPct
    assert await ask(image, Framing.TCP, request.hex()) == request.hex(" ")


@pytest.mark.parametrize(("code", "shown"), [(6, "06"), (4, "04"), (99, "04")])
async def test_the_fault_word_exception_is_seen_as_such(code: int, shown: str) -> None:
    faults = Faults()
    faults.begin("exception", code)
    assert await ask(meter(), Framing.TCP, TCP[0][0], faults) == f"00 07 00 00 00 03 01 84 {shown}"


@pytest.mark.parametrize("word", ["drop", "half_open", "off"])
@pytest.mark.parametrize("framing", list(Framing))
async def test_silent_fault_words_are_silent(word: str, framing: Framing) -> None:
    faults = Faults()
    faults.begin(word)
    assert await ask(meter(), framing, (TCP if framing is Framing.TCP else RTU)[0][0], faults) == ""
    assert sum(faults.seen.values()) == 1


ANSWERS = [bytes.fromhex("00 01 00 00 00 05 01 04 02 00 0a"), bytes.fromhex("00 02 00 00 00 05 01 04 02 00 0b")]


def sent(faults: Faults, film: list[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """What leaves the path, and when, if these answers are written at these times."""

    async def main() -> list[tuple[float, bytes]]:
        loop = asyncio.get_running_loop()
        out: list[tuple[float, bytes]] = []
        path = AnswerPath(
            lambda frame: out.append((round(loop.time(), 3), frame)), {1: faults}, unit_at=6, garbled_bytes=8
        )
        for at_s, frame in film:
            await asyncio.sleep(at_s - loop.time())
            path.write(frame)
        await asyncio.sleep(10.0)
        return out

    return run_virtual(main(), horizon_s=100)


def test_without_a_fault_answers_go_straight_through() -> None:
    film = [(0.0, ANSWERS[0]), (1.0, ANSWERS[1])]
    assert sent(Faults(), film) == film


def test_delay_makes_a_slow_device_that_answers_one_after_the_other() -> None:
    faults = Faults()
    faults.begin("delay", 2.0)
    assert sent(faults, [(0.0, ANSWERS[0]), (1.0, ANSWERS[1])]) == [(2.0, ANSWERS[0]), (4.0, ANSWERS[1])]


def test_late_lets_an_answer_come_into_a_later_request() -> None:
    faults = Faults()
    faults.begin("late", 2.0)
    assert sent(faults, [(0.0, ANSWERS[0]), (1.0, ANSWERS[1])]) == [(2.0, ANSWERS[0]), (3.0, ANSWERS[1])]


def test_garble_flips_one_bit_of_the_header_and_the_seed_says_which() -> None:
    def run(seed: int) -> list[bytes]:
        faults = Faults(seed=seed)
        faults.begin("garble")
        return [frame for _, frame in sent(faults, [(0.1 * index, ANSWERS[0]) for index in range(50)])]

    frames = run(1)
    for frame in frames:
        wrong = int.from_bytes(frame, "big") ^ int.from_bytes(ANSWERS[0], "big")
        assert wrong.bit_count() == 1
        assert frame[8:] == ANSWERS[0][8:]
    assert len(set(frames)) > 10
    assert frames == run(1) != run(2)


def test_another_units_answers_pass() -> None:
    faults = Faults()
    faults.begin("late", 5.0)
    other = bytes.fromhex("00 01 00 00 00 05 02 04 02 00 0a")
    assert sent(faults, [(0.0, other)]) == [(0.0, other)]


def test_flip_bit_is_its_own_inverse() -> None:
    assert flip_bit(flip_bit(b"\x01\x80", 15), 15) == b"\x01\x80" != flip_bit(b"\x01\x80", 15) == b"\x01\x00"
