"""The composition root of what a meter is besides measuring."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final, Protocol

from drivers.gpio.contacts import GpioContacts
from drivers.gpio.lines import LineOptions, Lines
from drivers.gpio.relay import GpioRelay
from firmware_py.home.outbox import Outbox
from firmware_py.meter.calibration import Calibration
from firmware_py.meter.command_desk import CommandDesk
from firmware_py.meter.config import LoadedMeter
from firmware_py.meter.contacts import ContactWatch
from firmware_py.meter.device import Device, DeviceParts
from firmware_py.meter.discipline import Discipline
from firmware_py.meter.disconnector import Disconnector
from firmware_py.meter.keeper import Keeper
from firmware_py.meter.logbook import Logbook
from firmware_py.meter.orders import Orders
from firmware_py.meter.self_test import Check, InputSeen, SelfTest, fingerprint
from firmware_py.meter.signed_readings import SignedReadings
from protocols.ocmf_writing import Identity
from protocols.ports import Clock, Journal, Relay, WatchedContacts
from protocols.samples import SampleSource
from protocols.signing import key_id

MAKER, MODEL = "Busbar", "meter"
# What decides what a meter's registers mean; a change of any of them is logged.
_MATTERS: Final = ("input", "registers", "tariff", "clock", "disconnect", "contacts")


class DeviceWorld(Protocol):
    """What of the meter's world is needed here."""

    @property
    def clock(self) -> Clock: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def source(self) -> SampleSource: ...
    @property
    def calibration(self) -> Calibration: ...
    @property
    def relay(self) -> Relay | None: ...
    @property
    def contacts(self) -> WatchedContacts | None: ...
    @property
    def calibration_now(self) -> Callable[[], Calibration] | None: ...
    @property
    def free_bytes(self) -> Callable[[], int]: ...


def meter_device(loaded: LoadedMeter, world: DeviceWorld, keeper: Keeper, outbox: Outbox) -> Device:
    """The device of this configuration in this world; nothing runs yet."""
    config, clock, journal = loaded.config, world.clock, world.journal
    meter = config.meter.id
    discipline = Discipline(clock, config.clock.qualities())
    logbook = Logbook(meter, journal, clock, lambda: discipline.status, loaded.log_key, config.log.entries_most)
    mode = 0 if config.disconnect is None else config.disconnect.mode
    disconnector = Disconnector(world.relay, mode, clock, journal, logbook)
    devices: list[Device] = []

    async def self_test() -> Sequence[Check]:
        return await devices[0].test_itself()

    orders = Orders(disconnector, keeper, clock, journal, self_test)
    desk = CommandDesk(meter, loaded.trust, clock, journal, outbox, logbook, orders.carry_out)
    seen = InputSeen(world.source.fs_hz, config.meter.nominal_voltage_v)
    device = Device(
        DeviceParts(
            clock=clock,
            journal=journal,
            keeper=keeper,
            logbook=logbook,
            discipline=discipline,
            disconnector=disconnector,
            orders=orders,
            desk=desk,
            input=seen,
            self_test=_self_test(loaded, world, seen, discipline, logbook),
            configuration=configuration(loaded, world.calibration),
            firmware=version("busbar"),
            signed=_signed(loaded, world, outbox, discipline, lambda: devices[0].is_tampered),
        )
    )
    if config.contacts is not None and world.contacts is not None:
        device.contacts = ContactWatch(config.contacts.names, world.contacts, journal, logbook, device.acted)
    devices.append(device)
    return device


def configuration(loaded: LoadedMeter, calibration: Calibration) -> dict[str, str]:
    """The fingerprint of each part of a meter that matters to what it measures or obeys."""
    config = loaded.config
    parts = {name: fingerprint(config.model_dump(mode="json", include={name})) for name in _MATTERS}
    grid = config.meter.model_dump(mode="json", include={"serial", "nominal_voltage_v", "nominal_frequency_hz"})
    keys = {"issuers": loaded.trust.issuers, "log": None if loaded.log_key is None else key_id(loaded.log_key)}
    if loaded.ocmf_key is not None:
        point = loaded.ocmf_key.public_key().public_numbers()
        keys["ocmf"] = f"{point.x:x},{point.y:x}"
    return {**parts, "meter": fingerprint(grid), "calibration": fingerprint(calibration), "keys": fingerprint(keys)}


def relay_of(loaded: LoadedMeter, lines: Callable[[], Lines]) -> Relay | None:
    """The configured disconnect relay, or none; Unsupported without the package for GPIO."""
    told = loaded.config.disconnect
    name = None if told is None else told.name()
    if told is None or name is None:
        return None
    return GpioRelay(lines(), name, LineOptions(active_low=told.active_low), safe=True)


def contacts_of(loaded: LoadedMeter, lines: Callable[[], Lines]) -> WatchedContacts | None:
    """The configured contacts, or none; Unsupported without the package for GPIO."""
    told = loaded.config.contacts
    if told is None or not told.names:
        return None
    return GpioContacts(lines(), told.lines(), told.options())


def _signed(
    loaded: LoadedMeter,
    world: DeviceWorld,
    outbox: Outbox,
    discipline: Discipline,
    is_tampered: Callable[[], bool],
) -> SignedReadings | None:
    told, key = loaded.config.ocmf, loaded.ocmf_key
    if told is None or key is None:
        return None
    who = Identity(loaded.config.meter.serial, MAKER, MODEL, version("busbar"), says_nobody=told.user_assignment)
    digits = loaded.config.registers.digits
    status, was_set = lambda: discipline.status, discipline.was_set_within
    return SignedReadings(who, key, world.journal, outbox, digits, status, was_set, is_tampered)


def _self_test(
    loaded: LoadedMeter, world: DeviceWorld, seen: InputSeen, discipline: Discipline, logbook: Logbook
) -> SelfTest:
    return SelfTest(
        journal=world.journal,
        clock=world.clock,
        input=seen,
        status=lambda: discipline.status,
        log_trouble=lambda: logbook.trouble,
        calibration=world.calibration,
        calibration_now=world.calibration_now or (lambda: world.calibration),
        free_bytes=world.free_bytes,
        key=loaded.ocmf_key,
    )
