"""The demo's live table: V, f, P, E per device, the contract, and why each setpoint is what it is."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.panel import Panel
from rich.table import Table

from controller.devices import Role
from firmware_py.home.node import HomeNode
from firmware_py.home.output import Output
from firmware_py.home.poller import Poller
from protocols.messages import ContractEvent
from protocols.readings import Reading

_EVENTS_SHOWN = 6


def screen(node: HomeNode, events: Sequence[ContractEvent]) -> Group:
    """What a person sees now."""
    return Group(_devices(node), Panel(_why(node), title="why", title_align="left"), _contract(events))


def _devices(node: HomeNode) -> Table:
    table = Table(title="busbar demo: one home (import positive)", title_justify="left", box=SIMPLE_HEAD, expand=True)
    table.add_column("device", no_wrap=True)
    table.add_column("health", no_wrap=True)
    table.add_column("V L1/L2/L3", justify="right", overflow="fold")
    for column in ("f Hz", "P W", "in kWh", "out kWh", "SoC %"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("told", justify="right", overflow="fold")
    for name, poller in node.parts.pollers.items():
        table.add_row(*_row(poller, node.parts.outputs.get(name)))
    return table


def _row(poller: Poller, output: Output | None) -> tuple[str, ...]:
    reading = poller.latest
    volts = "/".join(_number(reading, f"voltage_{phase}_v", 1) for phase in ("l1", "l2", "l3"))
    return (
        poller.name,
        poller.health.state,
        volts,
        _number(reading, "frequency_hz", 3),
        _number(reading, "power_w", 0),
        _number(reading, "energy_import_wh", 3, 1000),
        _number(reading, "energy_export_wh", 3, 1000),
        _number(reading, "soc_percent", 1),
        _told(output),
    )


def _number(reading: Reading | None, name: str, digits: int, divisor: float = 1) -> str:
    value = reading.value(name) if reading is not None else None
    return "-" if value is None else f"{value / divisor:.{digits}f}"


def _told(output: Output | None) -> str:
    if output is None:
        return ""
    if output.held is None:
        return "free"
    return f"{'at most ' if output.role is Role.PRODUCER else ''}{output.held.value_w:.0f} W"


def _why(node: HomeNode) -> str:
    why = node.why
    if why is None:
        return "first cycle to come"
    site = "-" if why.site_w is None else f"{why.site_w:.0f} W"
    target = "nothing" if why.target_w is None else f"{why.target_w:.0f} W"
    lines = [f"connection point {site}, wanted {target}, set by {why.set_by}: {why.why}"]
    lines += [f"{o.source} asked {o.asked_w:.0f} W and was overruled by {o.by}" for o in why.overruled]
    lines += [f"clamped: {why.clamp}"] if why.clamp else []
    lines += [f"{name}: {_command(node, name, value_w)}" for name, value_w in why.commands.items()]
    return "\n".join(lines)


def _command(node: HomeNode, name: str, value_w: float | None) -> str:
    if value_w is None:
        return "let go"
    if node.parts.outputs[name].role is Role.PRODUCER:
        return f"may produce {value_w:.0f} W, because nothing else can take more"
    return f"told {value_w:.0f} W to bring the connection point there"


def _contract(events: Sequence[ContractEvent]) -> Table:
    table = Table(title="contract", title_justify="left", box=SIMPLE_HEAD, expand=True, show_header=False)
    table.add_column("at", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("why")
    for event in events[-_EVENTS_SHOWN:]:
        state = event.state if event.outcome is None else f"{event.state}: {event.outcome}"
        table.add_row(event.at[11:19], state, event.why)
    if not events:
        table.add_row("", "none yet", "")
    return table
