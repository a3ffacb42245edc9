"""Thermometers on a line: the maker's own frames, and our simulated board."""

import asyncio

import pytest

from drivers.catalogue import THERMOMETERS, FileThermometer
from drivers.thermometers import r4dcb08, xy_md02
from protocols.faults import BadReply, Fault, NoReply
from protocols.ports import Table
from protocols.quantities import QUANTITIES, believable
from sim_hardware.devices.r4dcb08 import R4dcb08
from sim_hardware.faces.memory import MemoryBus as SimulatedBus
from sim_hardware.faults import Faults, Word
from sim_hardware.virtual_time import run_virtual
from tests.drivers.memory_bus import MemoryBus

# The worked examples of "R4DCB08 modbus rtu protocol", section 1: CH1 at 0x0000, CH2 at 0x0001.
EXAMPLES = [(0x0000, 0x00DB, 21.9), (0x0001, 0xFF90, -11.2)]


@pytest.mark.parametrize(("register", "word", "celsius"), EXAMPLES)
async def test_an_r4dcb08_by_its_makers_examples(register: int, word: int, celsius: float) -> None:
    bus = MemoryBus()
    bus.fill(register, [word])
    probe = r4dcb08.TYPE.build(bus, 1, register)
    assert (await probe.probe()).maker == "Eletechsup"
    assert await probe.read() == {"temperature_c": pytest.approx(celsius)}
    assert set(bus.reads) == {(Table.HOLDING, register, 1)}


async def test_no_sensor_is_a_fault_and_not_a_temperature() -> None:
    bus = MemoryBus()
    bus.fill(0, [0x8000])
    with pytest.raises(BadReply, match=r"R4DCB08 unit 1, channel 0: .*no sensor"):
        await r4dcb08.TYPE.build(bus, 1, 0).read()


@pytest.mark.parametrize(("word", "celsius"), [(0x0107, 26.3), (0xFFCE, -5.0)])
async def test_an_xy_md02_by_its_list(word: int, celsius: float) -> None:
    bus = MemoryBus()
    bus.fill(1, [word, 0x0222], Table.INPUT)
    probe = xy_md02.TYPE.build(bus, 1, 0)
    await probe.probe()
    assert await probe.read() == {"temperature_c": pytest.approx(celsius)}


@pytest.mark.parametrize("channel", [-1, 8])
def test_a_channel_that_is_not_there(channel: int) -> None:
    with pytest.raises(ValueError, match=f"channel {channel} of R4DCB08: allowed is 0 to 7"):
        r4dcb08.TYPE.build(MemoryBus(), 1, channel)


def test_every_entry_measures_a_temperature_and_nothing_else() -> None:
    for model in THERMOMETERS.values():
        assert model.sheet.quantities == ("temperature_c",)
        if not isinstance(model, FileThermometer):
            model.build(MemoryBus(), 1, model.channels - 1)


def test_words_that_no_room_can_be_are_not_believed() -> None:
    """0x7FFF and 0x8001 are 3276.7 and -3276.7 degC: the quantity's own bounds take them out."""
    for word in (32767, -32767):
        assert not believable("temperature_c", word * 0.1)
    assert QUANTITIES["temperature_c"].least < -55.0 < 125.0 < QUANTITIES["temperature_c"].most


@pytest.mark.parametrize(
    ("word", "argument"),
    [(Word.DROP, None), (Word.OFF, None), (Word.HALF_OPEN, None), (Word.EXCEPTION, 4), (Word.GARBLE, None)],
)
def test_a_line_at_fault_is_a_fault(word: Word, argument: float | None) -> None:
    async def main() -> None:
        faults = Faults(seed=1)
        probe = r4dcb08.TYPE.build(SimulatedBus({1: R4dcb08([20.5])}, {1: faults}), 1, 0)
        await probe.read()
        faults.begin(word, argument)
        with pytest.raises(Fault):
            await probe.read()
        faults.end()
        assert (await probe.read())["temperature_c"] == pytest.approx(20.5)

    run_virtual(main(), horizon_s=60)


@pytest.mark.parametrize(("word", "argument"), [(Word.DRIFT, 0.5), (Word.WORD_SWAP, None), (Word.REBOOT, 5.0)])
def test_no_fault_makes_a_temperature_that_is_none(word: Word, argument: float | None) -> None:
    """One register, no current: nothing to swap or to drift; and a board that has just started has no zeros for 40 s."""

    async def main() -> None:
        faults = Faults(seed=1)
        probe = r4dcb08.TYPE.build(SimulatedBus({1: R4dcb08([20.5])}, {1: faults}), 1, 0)
        faults.begin(word, argument)
        await asyncio.sleep(10.0)
        assert (await probe.read())["temperature_c"] == pytest.approx(20.5)

    run_virtual(main(), horizon_s=60)


def test_our_driver_on_our_board_until_its_probe_is_cut() -> None:
    async def main() -> None:
        board, faults = R4dcb08([20.5, 55.0, -7.3]), Faults(seed=1)
        bus = SimulatedBus({1: board}, {1: faults})
        probes = [r4dcb08.TYPE.build(bus, 1, channel) for channel in range(3)]
        felt = [await probe.read() for probe in probes]
        assert [value["temperature_c"] for value in felt] == pytest.approx([20.5, 55.0, -7.3], abs=0.0821)
        board.dead.add(1)
        with pytest.raises(BadReply, match="channel 1"):
            await probes[1].read()
        await probes[0].read()
        faults.begin("drop")
        with pytest.raises(NoReply):
            await probes[0].read()

    run_virtual(main(), horizon_s=60)
