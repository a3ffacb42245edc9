"""The composition root of what switches: from its part of a configuration to a load, a contact or a drive on its line."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from controller.devices import Role
from controller.lease import LeasePolicy
from controller.loads import Terms
from drivers.catalogue import CHARGERS, PUMPS, SWITCHGEAR
from drivers.gpio.libgpiod import Libgpiod
from drivers.gpio.lines import Held, LineName, LineOptions, Lines, line_name
from drivers.gpio.relay import GpioRelay
from drivers.switchgear.capacitor_bank import GenericCapacitorBank
from drivers.switchgear.relays import CoilRelay
from drivers.switchgear.sg_ready import SgReadyPump
from drivers.switchgear.tap_changer import GenericTapChanger
from firmware_py.config_home import WIRES, Wire
from firmware_py.config_loads import (
    ChargerConfig,
    HeatPumpConfig,
    LoadConfig,
    RelayConfig,
    SwitchgearConfig,
)
from firmware_py.home.loads import ChargerLoad, LoadDevice, PumpLoad, RelayLoad, Wiring
from firmware_py.home.output import Line
from protocols.faults import Unsupported
from protocols.ports import BitBus, RegisterBus, Relay, Thermostat

# Boards have eight or sixteen; a channel that is not there is refused by the board itself.
CHANNELS: Final = 16
# Surplus beyond the step by this much raises a load, import of more than that lowers it: meters and volts move by tens of watts.
RAISE_W: Final = 50.0
LOWER_W: Final = 100.0
ONE_PHASE_W: Final = 4600.0


class BusOf(Protocol):
    """Gives the one bus of a line; devices on the same line share it."""

    def __call__(self, url: str, timeout_s: float) -> RegisterBus:
        """The bus of this URL."""
        ...


class LazyLines:
    """The GPIO chips of this machine, found when a line is first asked for: without them the node starts degraded.

    Implements `drivers.gpio.lines.Lines`.
    """

    def __init__(self, find: Callable[[], Lines] = Libgpiod) -> None:
        self._find = find

    def request_output(self, name: LineName, options: LineOptions, active: bool) -> Held:
        """As the port; Unsupported where the package is missing."""
        return self._find().request_output(name, options, active)

    def request_inputs(self, names: Sequence[LineName], options: LineOptions) -> Held:
        """As the port; Unsupported where the package is missing."""
        return self._find().request_inputs(names, options)


def build_load(config: LoadConfig, bus_of: BusOf, lines: Lines) -> tuple[LoadDevice, Line]:
    """A load on its line, and the way to tell it."""
    device = _load(config, bus_of, lines)
    return device, Line(config.name, Role.LOAD, device.tell, load=device)


def _load(config: LoadConfig, bus_of: BusOf, lines: Lines) -> LoadDevice:
    match config:
        case ChargerConfig():
            return _charger(config, bus_of)
        case RelayConfig():
            relay = _relay(config, config.channel, config.line, bus_of, lines)
            return RelayLoad(relay, _terms(config), on_closed=config.on == "closed")
        case HeatPumpConfig():
            return PumpLoad(_pump(config, bus_of, lines), _terms(config), config.raise_to)


def lease_policy(config: LoadConfig) -> LeasePolicy:
    """A change of less than half a step is none: the voltage moves the watts of a step, and not the step."""
    step_w = config.step_a * 230.0 if isinstance(config, ChargerConfig) else config.power_w
    return LeasePolicy(config.lease_s, step_w / 2)


def build_switchgear(config: SwitchgearConfig, bus_of: BusOf) -> GenericTapChanger | GenericCapacitorBank:
    """A drive on its line."""
    return SWITCHGEAR[config.model](bus_of(config.url, config.timeout_s), config.unit)


def _charger(config: ChargerConfig, bus_of: BusOf) -> ChargerLoad:
    charger = CHARGERS[config.model].build(bus_of(config.url, config.timeout_s), config.unit, config.fallback_a)
    wiring = Wiring(
        config.phases, config.current_min_a, config.current_max_a, config.step_a, fallback_a=config.fallback_a
    )
    return ChargerLoad(charger, wiring, _terms(config))


def _terms(config: LoadConfig) -> Terms:
    match config:
        case ChargerConfig() | RelayConfig():
            # A charger's powers follow from its wiring and the voltage of now.
            power_w = config.power_w if isinstance(config, RelayConfig) else 0.0
            return Terms(
                power_w,
                power_w,
                0.0,
                use=config.use,
                merit=config.merit,
                least_on_s=config.least_on_s,
                least_off_s=config.least_off_s,
                change_s=config.change_s,
                raise_w=RAISE_W,
                lower_w=LOWER_W,
                phases=_phases(power_w, config.phases),
                wired_to=_wired(config.wired_to),
            )
        case HeatPumpConfig():
            return Terms(
                config.power_w,
                config.power_w,
                0.0,
                merit=config.merit,
                least_on_s=config.hold_s,
                least_off_s=config.hold_s,
                change_s=config.change_s,
                rests=True,
                may_block=config.may_block and config.model is None,
                raise_w=RAISE_W,
                lower_w=LOWER_W,
                phases=_phases(config.power_w, config.phases),
                wired_to=_wired(config.wired_to),
            )


def _phases(power_w: float, told: int | None) -> int:
    """A load of more than 4.6 kVA is wired to three phases, by VDE-AR-N 4100 (unverified); a smaller one may be on any."""
    if told is not None:
        return told
    return 3 if power_w > ONE_PHASE_W else 1


def _wired(phase: Wire | None) -> int | None:
    return None if phase is None else WIRES.index(phase)


def _pump(config: HeatPumpConfig, bus_of: BusOf, lines: Lines) -> Thermostat:
    if config.model is not None:
        bus = bus_of(config.url or "", config.timeout_s)
        return PUMPS[config.model].build(bus, config.unit, config.power_w)
    pairs = zip(config.channels or (None, None), config.lines or (None, None), strict=True)
    first, second = (_relay(config, channel, line, bus_of, lines) for channel, line in pairs)
    return SgReadyPump(first, second)


def _relay(
    config: RelayConfig | HeatPumpConfig, channel: int | None, line: str | None, bus_of: BusOf, lines: Lines
) -> Relay:
    if line is not None:
        return GpioRelay(lines, line_name(line), LineOptions(active_low=config.active_low))
    return CoilRelay(_bits(bus_of, config.url or "", config.timeout_s), config.unit, channel or 0, CHANNELS)


def _bits(bus_of: BusOf, url: str, timeout_s: float) -> BitBus:
    bus = bus_of(url, timeout_s)
    if not isinstance(bus, BitBus):
        raise Unsupported(f"{url}: its bus has no coils and contacts")
    return bus
