"""GPIO drivers on the kernel's simulated chip (gpio-sim): needs root, configfs and the module.

Source: the kernel's documentation of gpio-sim (configfs and sysfs attributes), unverified: not run anywhere yet.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.gpio.contacts import GpioContacts
from drivers.gpio.libgpiod import Libgpiod
from drivers.gpio.lines import LineName
from drivers.gpio.relay import GpioRelay
from protocols.faults import LinkDown

pytestmark = pytest.mark.system
CONFIG = Path("/sys/kernel/config/gpio-sim")


@pytest.fixture
def bank() -> Iterator[tuple[str, Path]]:
    """A live chip of four lines: its name, and the directory of its lines in sysfs."""
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "gpio-sim"], check=False, capture_output=True)
    if not CONFIG.is_dir() or os.geteuid() != 0:
        pytest.skip(f"no {CONFIG} to write to: needs root, configfs and a kernel with CONFIG_GPIO_SIM")
    device = CONFIG / f"busbar-{os.getpid()}"
    lines = device / "bank0"
    lines.mkdir(parents=True)
    try:
        (lines / "num_lines").write_text("4")
        (device / "live").write_text("1")
        chip = (lines / "chip_name").read_text().strip()
        yield chip, Path("/sys/devices/platform", (device / "dev_name").read_text().strip(), chip)
    finally:
        (device / "live").write_text("0")
        lines.rmdir()
        device.rmdir()


async def test_a_relay(bank: tuple[str, Path]) -> None:
    chip, sysfs = bank
    relay, rival = GpioRelay(Libgpiod(), LineName(chip, 1)), GpioRelay(Libgpiod(), LineName(chip, 1))
    try:
        await relay.switch(True, 60.0)
        assert (sysfs / "sim_gpio1" / "value").read_text().strip() == "1"
        with pytest.raises(LinkDown, match="line 1 is held by 'busbar'"):
            await rival.is_on()
        await relay.switch(False, 60.0)
        assert (sysfs / "sim_gpio1" / "value").read_text().strip() == "0"
    finally:
        await relay.close()


async def test_contacts(bank: tuple[str, Path]) -> None:
    chip, sysfs = bank
    contacts = GpioContacts(Libgpiod(), [LineName(chip, 2), LineName(chip, 3)])
    try:
        changes = contacts.changes()
        assert await anext(changes) == (False, False)
        (sysfs / "sim_gpio3" / "pull").write_text("pull-up")
        assert await asyncio.wait_for(anext(changes), 5.0) == (False, True)
    finally:
        await contacts.close()
