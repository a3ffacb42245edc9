"""A stranger on a serial line is recognised by its first whole telegram, whatever came before it."""

import random

import pytest

from drivers.listening import Listener, listen
from drivers.scan import Found
from protocols.ports import Nameplate
from sim_hardware.virtual_time import run_virtual
from tests.drivers.wire import Wire
from tests.protocols.telegram_cases import CASES, singles, text_telegram

MODELS = {"p1": "p1", "sml": "sml", "dlms": "dlms-push"}


def heard(data: bytes) -> tuple[Found | None, Listener]:
    listener = Listener()
    found = next((found for piece in singles(data) if (found := listener.feed(piece)) is not None), None)
    return found, listener


@pytest.mark.parametrize("name", [name for name in CASES if "ciphered" not in name])
def test_the_first_whole_telegram_says_who_talks(name: str) -> None:
    """Behind noise, and behind the second half of the telegram before it."""
    telegram, noise = CASES[name].telegram, random.Random(7).randbytes(100)
    found, _ = heard(noise + telegram[len(telegram) // 2 :] + telegram)
    assert found is not None
    assert (found.unit, found.models, found.is_sure) == (None, (MODELS[name.partition(",")[0]],), True)


@pytest.mark.parametrize("name", [name for name in CASES if "ciphered" in name])
def test_a_ciphered_push_is_known_without_its_key(name: str) -> None:
    found, _ = heard(2 * CASES[name].telegram)
    assert found == Found(None, ("dlms-push",), note="ciphered: key_file is needed")


def test_a_telegram_without_a_check_sum_is_believed_the_second_time_and_leaves_a_choice() -> None:
    telegram = text_telegram("iec62056_21_easymeter.txt")
    assert heard(telegram)[0] is None
    found, _ = heard(2 * telegram)
    assert found is not None
    assert found.models == ("iec62056-21-push", "p1")
    assert not found.is_sure
    assert isinstance(found.plate, Nameplate)


def test_bytes_that_become_no_telegram_are_remarked() -> None:
    found, listener = heard(b"\x00\xf8" * 100)
    assert found is None
    assert (
        listener.remark
        == "200 bytes came, no telegram; 00 f8 00 f8 00 f8 00 f8: are baud rate, polarity and cable right?"
    )
    assert Listener().remark == ""


def test_silence_ends_in_time() -> None:
    async def main() -> None:
        channel = await Wire(lambda data: (), follows=True).open()
        assert await listen(channel, Listener(), 11.0) is None

    run_virtual(main(), horizon_s=11.5)
