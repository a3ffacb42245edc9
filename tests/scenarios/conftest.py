"""A film for every scenario; the seed is printed when it fails."""

from pathlib import Path

import pytest

from tests.scenarios.film import Film


@pytest.fixture
def film(seed: int, tmp_path: Path) -> Film:
    """Plays rows (tests/scenarios/film.py) on a home of the run's seed."""
    return Film(seed, tmp_path)
