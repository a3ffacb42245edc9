"""The home nodes of a fleet: each configured as from a file, on the devices of its home."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_py.compose import World as NodeWorld
from firmware_py.compose import home_node
from firmware_py.config import HomeConfig, Loaded
from firmware_py.home.node import HomeNode
from firmware_py.mistakes import LEASE_S
from protocols.ports import Clock, Journal, Uplink
from protocols.signing import key_id, public_part
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.faults import Faults
from sim_hardware.household import OUTSIDE, ROOM, TANK
from sim_hardware.world.devices import HomeDevices
from sim_hardware.world.parts import EvPart, HomePart, NodePart

ISSUER: Final = "fleet-operator"
MODELS: Final = {"grid": "sdm630", "load": "sdm630", "pv": "sunspec-inverter", "battery": "sunspec-battery"}
UNIT: Final = 1
PHASES, NOMINAL_V = 3, 230.0


def issuer_key(seed: int) -> str:
    """The operator's private key as JWK text, the same for the same seed: for simulated fleets only."""
    secret = hashlib.sha256(f"{seed} {ISSUER}".encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    d, x = (urlsafe_b64encode(raw).rstrip(b"=").decode() for raw in (secret, public))
    return f'{{"kty": "OKP", "crv": "Ed25519", "d": "{d}", "x": "{x}"}}'


@dataclass(frozen=True, slots=True)
class Login:
    """The broker as every node's configuration names it."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What the node of one home stands on."""

    clock: Clock
    journal: Journal
    uplink: Uplink
    finished_cycle: Callable[[], None] = lambda: None


def node_of(home: HomeDevices, loaded: Loaded, faults: Mapping[str, Faults], ground: Ground) -> HomeNode:
    """The node of a home, reading its devices in memory; their faults strike there too."""
    buses = {
        _url(home.name, device): MemoryBus(
            {UNIT: image}, {UNIT: faults[f"{home.name}/{device}"]}, name=_url(home.name, device), latency_s=0.0
        )
        for device, image in home.images.items()
    }
    world = NodeWorld(
        ground.clock, ground.journal, ground.uplink, lambda url, timeout_s: buses[url], ground.finished_cycle
    )
    return home_node(loaded, world)


def configured(home: HomeDevices, part: HomePart, node: NodePart, login: Login, public_key: str) -> Loaded:
    """The configuration of a home's node, as its file would say it."""
    most_w = PHASES * NOMINAL_V * part.fuse_a
    raw: dict[str, Any] = {
        "node": {
            "id": home.name,
            "state_dir": Path(),
            "cycle_s": node.cycle_s,
            "interval_s": node.interval_s,
            "why_days": 0,  # nobody asks a fleet for its diary, and a thousand of them are a load
        },
        "mqtt": {"url": login.url, "username": login.username},
        "site": {
            "meter": "grid",
            "import_limit_w": most_w,
            "export_limit_w": min(most_w, node.export_limit_w),
            "blind_after_s": max(5.0, 2.0 * node.cycle_s),
        },
        "issuer": [{"name": ISSUER, "key_file": "fleet.pub"}],
        "device": [
            {
                "name": device,
                "model": MODELS[device],
                "url": _url(home.name, device),
                "lease_s": max(LEASE_S if node.lease_s is None else node.lease_s, 4.0 * node.cycle_s),
                "deadband_w": node.deadband_w,
            }
            for device in home.images
            if device in MODELS
        ],
        "charger": [_charger(home, part.ev, node)] if part.ev is not None else [],
        "thermometer": _thermometers(home, part),
    }
    named = key_id(public_key)
    keys, issuers = {named: public_part(public_key)}, {named: ISSUER}
    return Loaded(HomeConfig.model_validate(raw), keys, issuers, login.password, login.ca_file)


def _charger(home: HomeDevices, car: EvPart, node: NodePart) -> dict[str, Any]:
    """At its most, as without a node, and less where a limit or a contract binds."""
    return {
        "name": "charger",
        "model": "go-e",
        "url": _url(home.name, "charger"),
        "lease_s": max(LEASE_S if node.lease_s is None else node.lease_s, 4.0 * node.cycle_s),
        "use": "always",
        "phases": car.phases,
        "current_max_a": car.most_a,
    }


def _thermometers(home: HomeDevices, part: HomePart) -> list[dict[str, Any]]:
    """Each probe that is there by its place."""
    if "thermometers" not in home.images:
        return []
    url = _url(home.name, "thermometers")
    places = {"outside": OUTSIDE}
    places |= {"room-probe": ROOM} if part.heat_pump is not None else {}
    places |= {"tank-probe": TANK} if part.water_heater is not None else {}
    return [{"name": name, "model": "r4dcb08", "url": url, "channel": channel} for name, channel in places.items()]


def _url(home: str, device: str) -> str:
    return f"tcp://{home}-{device}.sim:502"
