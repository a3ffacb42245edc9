"""docs/fault-matrix.md is true: each word on each face is seen as it says, and what cannot strike does nothing."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sim_hardware.faults import Argument, Word
from tests.system.fault_matrix import SCENES, TRUTH, label, memory, rtu, tcp
from tests.system.fault_matrix_push import mqtt, p1

PAGE = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
ON_VIRTUAL_TIME = {"memory bus": memory, "P1 push": p1, "MQTT plug": mqtt}
ON_A_WIRE = {"Modbus TCP": tcp, "Modbus RTU, pty": rtu}
NAMES = [label(*scene) for scene in SCENES]

Scene = tuple[Word, Argument | None]


def page() -> dict[tuple[str, str], str]:
    """What the page says, by face and scene."""
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ")
    ]
    faces = rows[0][1:]
    return {(face, row[0].strip("`")): cell for row in rows[2:] for face, cell in zip(faces, row[1:], strict=True)}


def timeless(said: str) -> str:
    """A busy machine is late by a tenth of a second."""
    return re.sub(r"after [\d.]+ s", "later", said)


def test_the_page_has_every_word_and_every_face() -> None:
    assert {word for word, _ in SCENES} == set(Word)
    assert set(page()) == {(face, name) for face in (*ON_VIRTUAL_TIME, *ON_A_WIRE) for name in NAMES}


def test_every_word_strikes_somewhere() -> None:
    said = page()
    for name in NAMES:
        assert any(cell != "-" for (_, each), cell in said.items() if each == name), name


@pytest.mark.parametrize("scene", SCENES, ids=NAMES)
@pytest.mark.parametrize("face", ON_VIRTUAL_TIME)
def test_on_virtual_time(face: str, scene: Scene) -> None:
    run: Callable[..., tuple[str, list[str]]] = ON_VIRTUAL_TIME[face]
    seen, trace = run(*scene)
    assert ("-" if seen == TRUTH else seen) == page()[face, label(*scene)]
    assert run(*scene) == (seen, trace), "the same seed, the same trace"


@pytest.mark.system
@pytest.mark.parametrize("scene", SCENES, ids=NAMES)
@pytest.mark.parametrize("face", ON_A_WIRE)
def test_on_a_wire(face: str, scene: Scene) -> None:
    seen, trace = asyncio.run(ON_A_WIRE[face](*scene))
    assert timeless("-" if seen == TRUTH else seen) == timeless(page()[face, label(*scene)]), "\n".join(trace)
