"""A film for every scenario; the seed is printed when it fails."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.scenarios.film import Film

# The journal is synced at every commit: on a busy disk that took longer than everything else together. What a power
# cut leaves behind is not asked here.
IN_RAM = Path("/dev/shm")


@pytest.fixture(scope="session")
def films(seed: int) -> Iterator[Film]:
    """For tests that play many films in one, and fixtures that outlive a test."""
    with TemporaryDirectory(prefix="busbar-films-", dir=IN_RAM if IN_RAM.is_dir() else None) as folder:
        yield Film(seed, Path(folder))


@pytest.fixture
def film(films: Film) -> Film:
    """Plays rows (tests/scenarios/film.py) on a home of the run's seed."""
    return films
