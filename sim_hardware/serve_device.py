"""One simulated device alone on a real wire, in a simulated home of its own where it needs one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from sim_hardware.devices.capacitor_bank import CapacitorBank
from sim_hardware.devices.dlms import Dlms
from sim_hardware.devices.iec62056 import Iec62056
from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.push_reading import PushMeter
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.smart_plug import SmartPlug
from sim_hardware.devices.sml import Sml
from sim_hardware.devices.tap_changer import TapChanger
from sim_hardware.faces.mode_c import ModeCFace
from sim_hardware.faces.mqtt import MqttFace
from sim_hardware.faces.mqtt_links import AiomqttLink
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from sim_hardware.home import SimHome
from sim_hardware.household import Comfort
from sim_hardware.physics.ev import EvParams
from sim_hardware.serve import UNIT, Timed, ticking
from sim_hardware.world.faces import PUSHES, push_face, running

# Models that are a part of a home, those that push what its meter sees, and those of a station.
HOME_MODELS: Final = {
    "sdm630": "grid",
    "sunspec-inverter": "pv",
    "sunspec-battery": "battery",
    "sunspec-der": "pv",
    "go-e": "charger",
    "r4dcb08": "thermometers",
}
PUSH_MODELS: Final = {"p1": P1, "sml": Sml, "dlms-push": Dlms}
MODE_C: Final = "iec62056-21"
STATION_MODELS: Final = ("tap-changer", "capacitor-bank", "relay-board")
PLUG: Final = "smart-plug"
SIM_MODELS: Final = (*HOME_MODELS, *PUSH_MODELS, MODE_C, *STATION_MODELS, PLUG)
PLUG_TOPIC: Final = "busbar-plug"


class _At:
    """A device, and the home at whose connection point it stands."""

    def __init__(self, home: SimHome, device: Timed) -> None:
        self._home, self._device = home, device

    def after(self, dt_s: float) -> None:
        """Let both move on."""
        self._home.after(dt_s)
        volts = sum(self._home.terminals["grid"].voltage_v) / 3.0
        if isinstance(self._device, TapChanger):
            self._device.voltage_v = volts * self._device.ratio
        elif isinstance(self._device, CapacitorBank):
            self._device.voltage_v = volts
        self._device.after(dt_s)


@asynccontextmanager
async def serve_device(
    model: str, listen: str, unit: int = UNIT, *, seed: int = 1, broker: tuple[str, int] | None = None
) -> AsyncIterator[str]:
    """One device alone; yields its url.

    `listen` is `tcp://host:port` (port 0: a free one) or `pty`; a plug is on its broker instead. ValueError names what is
    allowed.
    """
    if model not in SIM_MODELS:
        raise ValueError(f"device {model!r}: not one of {', '.join(SIM_MODELS)}")
    car = EvParams() if model == "go-e" else None
    comfort = Comfort() if model == "r4dcb08" else None
    home = SimHome(seed, inverter="7xx" if model == "sunspec-der" else "1xx", car=car, comfort=comfort)
    if model == PLUG:
        face = _plug(home, seed, broker)
    elif model in PUSH_MODELS:
        face = _push(home, model, listen, seed)
    elif model == MODE_C:
        face = _asked(home, listen, seed)
    else:
        face = _modbus(home, model, listen, unit, seed)
    async with face as url:
        yield url


@asynccontextmanager
async def _modbus(home: SimHome, model: str, listen: str, unit: int, seed: int) -> AsyncIterator[str]:
    moving: Timed = home
    image: RegisterImage
    if model in HOME_MODELS:
        image, faults = home.images[HOME_MODELS[model]], home.faults[HOME_MODELS[model]]
    else:
        image, faults = _station(model), Faults(seed=seed)
        moving = _At(home, image)
    at = _host_port(listen)
    face = RtuFace({unit: image}, {unit: faults}) if at is None else TcpFace({unit: image}, {unit: faults}, *at)
    async with face, ticking(moving):
        yield face.url


def _station(model: str) -> RegisterImage:
    now_s = datetime.now(UTC).timestamp()
    if model == "tap-changer":
        return TapChanger(clock_s=now_s)
    return CapacitorBank(clock_s=now_s) if model == "capacitor-bank" else RelayBoard()


@asynccontextmanager
async def _push(home: SimHome, model: str, listen: str, seed: int) -> AsyncIterator[str]:
    meter = PushMeter(home.terminals["grid"], PUSH_MODELS[model](), lambda: datetime.now(UTC))
    period_s, baud = PUSHES[model]
    face = push_face(meter, Faults(seed=seed), period_s, baud, _host_port(listen))
    async with face, ticking(_At(home, meter)):
        yield face.url


@asynccontextmanager
async def _asked(home: SimHome, listen: str, seed: int) -> AsyncIterator[str]:
    if listen != "pty":
        raise ValueError(f"{MODE_C}: only a pty has the baud rate that it changes")
    device = Iec62056()
    meter = PushMeter(home.terminals["grid"], device, lambda: datetime.now(UTC))
    async with ModeCFace(device, meter, Faults(seed=seed)) as face, ticking(_At(home, meter)):
        yield face.url


@asynccontextmanager
async def _plug(home: SimHome, seed: int, broker: tuple[str, int] | None) -> AsyncIterator[str]:
    if broker is None:
        raise ValueError(f"{PLUG} needs a broker: mqtt://HOST:PORT")
    plug = SmartPlug(PLUG_TOPIC, lambda: datetime.now(UTC))
    face = MqttFace(plug, Faults(seed=seed), AiomqttLink(*broker, plug))
    async with running(face), ticking(_At(home, plug)):
        yield f"mqtt://{broker[0]}:{broker[1]}/tele/{PLUG_TOPIC}/#"


def _host_port(listen: str) -> tuple[str, int] | None:
    """None for a pseudo terminal."""
    if listen == "pty":
        return None
    parts = urlsplit(listen)
    try:
        port = parts.port
    except ValueError:  # out of range or not a number
        port = None
    if parts.scheme != "tcp" or not parts.hostname or port is None:
        raise ValueError(f"listen {listen!r}: neither tcp://HOST:PORT nor pty")
    return parts.hostname, port
