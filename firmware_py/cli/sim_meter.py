"""The simulated hardware of `busbar sim meter`: a converter behind a relay, and contacts that move at given times."""

import asyncio

from firmware_py.cli.meter_daemon import Hardware
from firmware_py.cli.options import BAD_INPUT, parse_duration, stop
from firmware_py.meter.config import LoadedMeter
from firmware_py.meter.contacts import NAMES
from protocols.ports import Clock, Relay, WatchedContacts
from protocols.samples import SampleSource
from sim_hardware.devices.meter_terminals import SimContacts, SimRelay, SwitchedSource
from sim_hardware.waves.signal import Wave
from sim_hardware.waves.source import WaveSource
from sim_hardware.waves.spec import WaveSpec

# Cover closed, no magnet, supply good, nobody presses.
_USUAL = {"cover": True, "magnet": False, "supply": True, "button": False}


def simulated(spec: WaveSpec, toggles: list[str]) -> Hardware:
    """What the meter is wired to; contacts and relay are there where the configuration has a table for them."""
    relay, moves = SimRelay(), [_move(text) for text in toggles]

    def source(loaded: LoadedMeter, clock: Clock) -> SampleSource:
        return SwitchedSource(WaveSource(Wave(spec), clock), relay)

    def relay_of(loaded: LoadedMeter) -> Relay | None:
        return None if loaded.config.disconnect is None else relay

    def contacts_of(loaded: LoadedMeter) -> WatchedContacts | None:
        told = loaded.config.contacts
        if told is None:
            return None
        contacts = SimContacts([_USUAL[name] for name in told.names])
        for name, at_s in moves:
            if name in told.names:
                asyncio.get_running_loop().call_later(at_s, contacts.move, told.names.index(name))
        return contacts

    return Hardware(source, relay_of, contacts_of)


def _move(text: str) -> tuple[str, float]:
    name, sign, at = text.partition("@")
    if not sign or name not in NAMES:
        stop(f"--toggle {text!r}: {', '.join(NAMES)} with a time is allowed, such as cover@5s", BAD_INPUT)
    return name, parse_duration(at)
