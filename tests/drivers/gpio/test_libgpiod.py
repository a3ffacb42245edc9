"""The adapter on libgpiod: what it asks for, and what it says when the kernel says no.

`Module` stands for the package; where that is installed, its own errors are tried too.
"""

import asyncio
import errno
import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from drivers.gpio.libgpiod import BIAS, HeldLines, Libgpiod
from drivers.gpio.lines import LineOptions, Pull, line_name
from protocols.faults import LinkDown, Unsupported

Value = Enum("Value", "INACTIVE ACTIVE")
CONSTANTS = SimpleNamespace(
    Value=Value,
    Direction=SimpleNamespace(INPUT="input", OUTPUT="output"),
    Edge=SimpleNamespace(BOTH="both"),
    Bias=SimpleNamespace(AS_IS="as is", PULL_UP="pull up", PULL_DOWN="pull down", DISABLED="disabled"),
)


@dataclass
class Kernel:
    """54 lines, of which 4 is called FAN; `refuses` and `gone` are errno values."""

    names: dict[str, int] = field(default_factory=lambda: {"FAN": 4})
    consumers: dict[int, str] = field(default_factory=dict)
    refuses: int = 0
    opens: int = 0
    gone: int = 0
    asked: dict[Any, Any] = field(default_factory=dict)
    values: dict[int, Value] = field(default_factory=dict)
    open_chips: int = 0
    edges: tuple[int, int] = (-1, -1)


class Chip:
    def __init__(self, kernel: Kernel) -> None:
        fail(kernel.opens)
        self.kernel = kernel
        kernel.open_chips += 1

    def line_offset_from_id(self, id: str | int) -> int:
        if isinstance(id, str):
            if id not in self.kernel.names:
                fail(errno.ENOENT)
            return self.kernel.names[id]
        if id >= 54:
            raise ValueError("line offset of out range")
        return id

    def get_info(self) -> SimpleNamespace:
        return SimpleNamespace(num_lines=54)

    def get_line_info(self, line: int) -> SimpleNamespace:
        return SimpleNamespace(used=line in self.kernel.consumers, consumer=self.kernel.consumers.get(line, ""))

    def request_lines(self, config: dict[Any, Any], consumer: str) -> "Request":
        assert consumer == "busbar"
        fail(self.kernel.refuses)
        self.kernel.asked = config
        return Request(self.kernel)

    def close(self) -> None:
        self.kernel.open_chips -= 1


class Request:
    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.fd = kernel.edges[0]

    def get_values(self, lines: list[int]) -> list[Value]:
        fail(self.kernel.gone)
        return [self.kernel.values.get(line, Value.INACTIVE) for line in lines]

    def set_values(self, values: dict[int, Value]) -> None:
        fail(self.kernel.gone)
        self.kernel.values.update(values)

    def read_edge_events(self) -> object:
        fail(self.kernel.gone)
        return os.read(self.fd, 16)

    def release(self) -> None:
        pass


def fail(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))


class Module(ModuleType):
    line = CONSTANTS

    def __init__(self, kernels: dict[str, Kernel]) -> None:
        super().__init__("gpiod")
        self.kernels = kernels
        self.LineSettings = SimpleNamespace

    def Chip(self, path: str) -> Chip:  # noqa: N802 - its name there
        if (name := Path(path).name) not in self.kernels:
            fail(errno.ENOENT)
        return Chip(self.kernels[name])


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel(edges=os.pipe())
    yield kernel
    for end in kernel.edges:
        os.close(end)
    assert kernel.open_chips == 0, "a chip was left open"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    for name in ("gpiochip0", "gpiochip1"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def lines(kernel: Kernel, dev: Path) -> Libgpiod:
    return Libgpiod(Module({"gpiochip0": kernel, "gpiochip1": Kernel(names={"PUMP": 9, "TWIN": 1})}), dev)


def output(lines: Libgpiod, text: str, active: bool = True) -> HeldLines:
    return lines.request_output(line_name(text), LineOptions(), active)


def test_an_output_is_driven_as_it_is_taken(lines: Libgpiod, kernel: Kernel) -> None:
    held = lines.request_output(line_name("gpiochip0:17"), LineOptions(active_low=True), True)
    ((offsets, settings),) = kernel.asked.items()
    assert offsets == (17,)
    wanted = {"direction": "output", "output_value": Value.ACTIVE, "active_low": True, "bias": "as is"}
    assert vars(settings) == wanted
    held.set(True)
    assert (held.get(), kernel.values) == ((True,), {17: Value.ACTIVE})
    held.set(False)
    assert held.get() == (False,)


def test_inputs_are_read_in_the_order_asked_for(lines: Libgpiod, kernel: Kernel) -> None:
    kernel.values = {4: Value.ACTIVE}
    names = [line_name("gpiochip0:17"), line_name("gpiochip0:FAN")]
    assert lines.request_inputs(names, LineOptions(pull=Pull.UP, debounce_s=0.02)).get() == (False, True)
    ((offsets, settings),) = kernel.asked.items()
    assert (offsets, settings.direction, settings.edge_detection) == ((17, 4), "input", "both")
    assert (settings.bias, settings.debounce_period.total_seconds()) == ("pull up", 0.02)


def test_a_line_is_found_by_its_name_alone(lines: Libgpiod, kernel: Kernel) -> None:
    output(lines, "FAN")
    assert next(iter(kernel.asked)) == (4,)
    with pytest.raises(LinkDown, match="NONE: no line of that name on: gpiochip0, gpiochip1"):
        output(lines, "NONE")
    kernel.names["TWIN"] = 5
    with pytest.raises(LinkDown, match="is on gpiochip0, gpiochip1; write gpiochip0:TWIN"):
        output(lines, "TWIN")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gpiochip7:1", "gpiochip7:1: no chip gpiochip7; there is: gpiochip0, gpiochip1"),
        ("gpiochip0:54", "gpiochip0:54: no such line; gpiochip0 has lines 0 to 53"),
        ("gpiochip0:PUMP", "gpiochip0:PUMP: no such line"),
    ],
)
def test_what_is_not_there_is_said(lines: Libgpiod, text: str, says: str) -> None:
    with pytest.raises(LinkDown, match=says):
        output(lines, text)


def test_who_holds_a_busy_line_is_said(lines: Libgpiod, kernel: Kernel) -> None:
    kernel.refuses = errno.EBUSY
    kernel.consumers = {17: "gpioset", 4: ""}
    with pytest.raises(LinkDown, match=r"gpiochip0:17: busy: line 17 is held by 'gpioset'; end that program"):
        output(lines, "gpiochip0:17")
    names = [line_name("gpiochip0:3"), line_name("gpiochip0:17")]
    with pytest.raises(LinkDown, match="gpiochip0:3,17: busy: line 17 is held by 'gpioset'; end"):
        lines.request_inputs(names, LineOptions())
    with pytest.raises(LinkDown, match="line 4 is held by 'an unnamed owner'"):
        output(lines, "gpiochip0:4")


@pytest.mark.parametrize(
    ("code", "fault", "says"),
    [
        (errno.EPERM, LinkDown, "the kernel keeps this line to itself"),
        (errno.ENODEV, LinkDown, "the chip went away"),
        (errno.ENXIO, Unsupported, "the chip cannot do what is asked"),
    ],
)
def test_a_refused_request_is_said(
    lines: Libgpiod, kernel: Kernel, code: int, fault: type[Exception], says: str
) -> None:
    kernel.refuses = code
    with pytest.raises(fault, match=f"gpiochip0:17: {says}"):
        output(lines, "gpiochip0:17")


@pytest.mark.parametrize(
    ("code", "says"), [(errno.EACCES, "no permission for .*/gpiochip0; put the user"), (errno.ENODEV, "is not a GPIO")]
)
def test_a_chip_that_does_not_open_is_said(lines: Libgpiod, kernel: Kernel, code: int, says: str) -> None:
    kernel.opens = code
    with pytest.raises(LinkDown, match=says):
        output(lines, "gpiochip0:17")


async def test_a_chip_that_vanishes_is_said(lines: Libgpiod, kernel: Kernel) -> None:
    held = output(lines, "gpiochip0:17")
    kernel.gone = errno.ENODEV
    os.write(kernel.edges[1], b"hang-up")
    with pytest.raises(LinkDown, match="gpiochip0:17: the chip does not answer any more"):
        held.get()
    with pytest.raises(LinkDown, match="gpiochip0:17: the chip does not answer any more"):
        held.set(True)
    with pytest.raises(LinkDown, match="gpiochip0:17: the chip does not answer any more"):
        await anext(held.edges())


async def test_edges_wake_and_a_release_ends_them(lines: Libgpiod, kernel: Kernel) -> None:
    held = lines.request_inputs([line_name("gpiochip0:17")], LineOptions())
    edges = held.edges()
    os.write(kernel.edges[1], b"e")
    await asyncio.wait_for(anext(edges), 5.0)
    waiting = asyncio.ensure_future(anext(edges))
    await asyncio.sleep(0)
    held.release()
    with pytest.raises(LinkDown, match="given back while it was watched"):
        await asyncio.wait_for(waiting, 5.0)


@pytest.mark.parametrize(
    ("module", "says"), [(None, "no package gpiod"), (ModuleType("gpiod"), "older than version 2")]
)
def test_a_missing_or_old_package_is_said(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None, says: str
) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", module)
    with pytest.raises(Unsupported, match=rf"{says}.*the extra busbar\[gpio\]"):
        Libgpiod()


def test_the_package_itself_says_the_same(tmp_path: Path) -> None:
    gpiod = importlib.import_module("gpiod")
    (tmp_path / "gpiochip0").touch()
    lines = Libgpiod(gpiod, tmp_path)
    with pytest.raises(LinkDown, match="no chip gpiochip1; there is: gpiochip0"):
        output(lines, "gpiochip1:3")
    with pytest.raises(LinkDown, match="gpiochip0 is not a GPIO chip that opens"):
        output(lines, "gpiochip0:3")
    for pull in Pull:
        gpiod.LineSettings(bias=getattr(gpiod.line.Bias, BIAS[pull]), direction=gpiod.line.Direction.OUTPUT)
