"""What commands share that play a world: its file read, and its ends told in clear lines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from protocols.mistakes import Mistake
from sim_hardware.physics.grid import VoltageCollapse
from sim_hardware.physics.network import NoSolution
from sim_hardware.world.config import WorldConfig, WorldError, load_world
from sim_hardware.world.feeders import FeederError


def world_config(path: Path, seed: int | None) -> WorldConfig:
    """The file, with another seed where one is given; ends the command where it has mistakes."""
    with told(path):
        config = load_world(path)
    changed = config.world if seed is None else config.world.model_copy(update={"seed": seed})
    return config.model_copy(update={"world": changed})


@contextmanager
def told(path: Path) -> Iterator[None]:
    """End the command with what is wrong: mistakes of the file, a missing extra, more power than the network carries."""
    try:
        yield
    except (WorldError, FeederError) as error:
        stop(_lines(path, error.mistakes), BAD_INPUT)
    except (VoltageCollapse, NoSolution, ModuleNotFoundError) as error:
        stop(f"{path}: {error}", FAULT)


def _lines(path: Path, mistakes: Sequence[Mistake]) -> str:
    return "\n".join([f"{path}: {len(mistakes)} mistake(s)", *(f"  {mistake}" for mistake in mistakes)])
