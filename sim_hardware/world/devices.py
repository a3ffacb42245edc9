"""The devices of one home, each with the registers of its data sheet, at its row of the world's arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sim_hardware.devices.dlms import Dlms
from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.push_reading import Encode, PushMeter
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.devices.smart_plug import SmartPlug
from sim_hardware.devices.sml import Sml
from sim_hardware.devices.sunspec_battery import SunSpecBattery
from sim_hardware.devices.sunspec_der import SunSpecDer
from sim_hardware.devices.sunspec_inverter import SunSpecInverter
from sim_hardware.physics.der.plant import DerPlant
from sim_hardware.physics.der.settings import Ratings, Settings
from sim_hardware.physics.terminal import Terminal
from sim_hardware.world.block import GRID, PLACES, Block
from sim_hardware.world.config import devices_of
from sim_hardware.world.contacts import Contacts
from sim_hardware.world.more_views import Wallbox, thermometers
from sim_hardware.world.plan import drawer
from sim_hardware.world.views import Meters, PlantRow, Shown, StoreRow


@dataclass(frozen=True, slots=True)
class Around:
    """What the devices of a block share: the state behind all terminals, the seed, the wall clock, the light."""

    meters: Meters
    seed: int
    utc: Callable[[], datetime]
    light_w_m2: Callable[[], float]
    outdoor_c: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Der:
    """An inverter of generation 7xx, which acts by itself: its plant, and where it stands."""

    plant: DerPlant
    terminal: Terminal
    home: int


class Light:
    """The light on a block's modules as its inverters see it; the world's weather lets it move on."""

    def __init__(self, light_w_m2: Callable[[], float]) -> None:
        self._light_w_m2 = light_w_m2

    def after(self, dt_s: float) -> None:
        """Nothing: see above."""

    @property
    def irradiance_w_m2(self) -> float:
        """The present irradiance in the plane of the modules."""
        return self._light_w_m2()


class Push:
    """A push meter at the connection point; `meter` is for its face."""

    def __init__(self, meter: PushMeter, meters: Meters, terminal: Terminal, home: int) -> None:
        self.meter = meter
        self._meters, self._terminal, self._home = meters, terminal, home

    def after(self, dt_s: float) -> None:
        """Measure, and count."""
        self._meters.show(self._terminal, GRID, self._home)
        self.meter.after(dt_s)


@dataclass(slots=True)
class HomeDevices:
    """What can be reached of a home. `timed` are the images whose own timers must run, `moving` what follows its registers."""

    name: str
    images: dict[str, RegisterImage] = field(default_factory=dict)
    timed: list[RegisterImage] = field(default_factory=list)
    moving: list[Wallbox] = field(default_factory=list)
    der: Der | None = None
    contacts: Contacts | None = None
    push: Push | None = None
    plug: SmartPlug | None = None


_ENCODERS: Final[Mapping[str, Callable[[int], Encode]]] = {
    "p1": lambda serial: P1(serial=f"E{serial:016d}"),
    "sml": lambda serial: Sml(number=serial),
    "dlms-push": lambda serial: Dlms(serial=f"1BSB{serial:010d}"),
}


class Builder:
    """Builds the devices of the home in `row` of its block; `home` is its row in the world."""

    def __init__(self, block: Block, row: int, home: int, around: Around) -> None:
        self._block, self._row, self._home, self._around = block, row, home, around
        self._name, self._size = block.names[row], float(block.sized(1.0)[row])
        random = drawer(around.seed, self._name, "serial")
        self._serials = {device: random.randrange(10_000_000, 100_000_000) for device in PLACES}

    def build(self) -> HomeDevices:
        """All that its `[[home]]` block states."""
        part, out = self._block.part, HomeDevices(self._name)
        for device in devices_of(part):
            if device in PLACES:
                self._put(device, out)
        if "relays" in devices_of(part):
            board = RelayBoard()
            out.images["relays"], out.contacts = board, Contacts(board, self._block, self._row)
        if part.ev is not None:
            box = Wallbox(self._block, self._row, self._home, self._around.meters, f"GOE{self._serials['load']:09d}")
            out.images["charger"] = box.image
            out.moving.append(box)
        if part.thermometers:
            out.images["thermometers"] = thermometers(self._block, self._row, self._around.outdoor_c)
        if part.meter.push is not None:
            out.push = self._push(part.meter.push)
        if part.plug_w is not None:
            out.plug = SmartPlug(f"{self._name}-plug", self._around.utc, load_w=part.plug_w)
        return out

    def _put(self, device: str, out: HomeDevices) -> None:
        terminal = Terminal()
        image: RegisterImage
        if device == "pv":
            image = self._inverter(terminal, out)
        elif device == "battery":
            image = SunSpecBattery(terminal, self._store(), serial=f"BAT-{self._serials[device]}")
        else:
            image = Sdm630(terminal, serial=self._serials[device])
        if device in ("pv", "battery"):
            out.timed.append(image)
        out.images[device] = self._shown(image, terminal, PLACES[device])

    def _shown(self, image: RegisterImage, terminal: Terminal, place: int) -> Shown:
        return Shown(image, self._around.meters, terminal, place, self._home)

    def _inverter(self, terminal: Terminal, out: HomeDevices) -> RegisterImage:
        serial = f"PV-{self._serials['pv']}"
        pv, plants = self._block.part.pv, self._block.plants
        assert pv is not None
        rating_w, peak_w = self._size * pv.rating_w, self._size * pv.peak_w
        if plants is not None:
            plant = PlantRow(plants, self._row, rating_w, peak_w, self._around.light_w_m2)
            return SunSpecInverter(terminal, plant, serial=serial)
        settings = Settings(ratings=Ratings(rating_w, rating_w, 0.44 * rating_w, 0.44 * rating_w))
        random = drawer(self._around.seed, self._name, "inverter")
        sun = Light(self._around.light_w_m2)
        der = DerPlant(sun, terminal, random, settings=settings, peak_w=peak_w, lag_s=pv.lag_s)
        out.der = Der(der, terminal, self._home)
        return SunSpecDer(terminal, der, serial=serial)

    def _store(self) -> StoreRow:
        batteries, it = self._block.batteries, self._block.part.battery
        assert batteries is not None
        assert it is not None
        return StoreRow(batteries, self._row, self._size * it.rating_w, self._size * it.capacity_wh)

    def _push(self, kind: str) -> Push:
        """The customer port of the meter at the connection point."""
        serial, encode = self._serials["grid"], _ENCODERS[kind]
        terminal = Terminal()
        return Push(PushMeter(terminal, encode(serial), self._around.utc), self._around.meters, terminal, self._home)
