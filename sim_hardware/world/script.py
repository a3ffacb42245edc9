"""What goes wrong in a world: the faults of its file, and those drawn from its seed, for the devices that are here."""

from collections.abc import Iterator

from sim_hardware.fault_script import FaultEvent, FaultScript, RandomFaults
from sim_hardware.world.config import WorldConfig, expanded


def fault_script(config: WorldConfig, devices: list[str], horizon_s: float) -> FaultScript:
    """All faults of these devices up to `horizon_s`; a drawn one that would overlap a written one is left out."""
    written = FaultScript.from_data([row for row in expanded(config.fault, devices) if row["device"] in devices])
    return FaultScript(tuple(sorted([*written.events, *_drawn(config, devices, horizon_s, written)], key=_begin)))


def _begin(event: FaultEvent) -> float:
    return event.at_s


def _drawn(config: WorldConfig, devices: list[str], horizon_s: float, written: FaultScript) -> Iterator[FaultEvent]:
    if config.random_faults is None:
        return
    wanted = expanded(tuple({"device": each} for each in config.random_faults.get("devices", ["*"])), devices)
    here = tuple(row["device"] for row in wanted if row["device"] in devices)
    chance = RandomFaults.from_data({**config.random_faults, "devices": list(here)})
    for event in chance.draw(config.world.seed, horizon_s, here).events if here else ():
        if not any(_clash(event, other) for other in written.events):
            yield event


def _clash(one: FaultEvent, other: FaultEvent) -> bool:
    same = one.device == other.device and one.word is other.word
    return same and one.at_s < other.end_s and other.at_s < one.end_s
