"""The drawing of a contract's life is that of the table."""

from controller.life import TRANSITIONS
from docs.contract_life import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run PYTHONPATH=. .venv/bin/python docs/contract_life.py"


def test_every_transition_is_drawn_once() -> None:
    lines = [line.strip() for line in PAGE.read_text().splitlines()]
    for here, followers in TRANSITIONS.items():
        assert all(lines.count(f"{here} --> {to}") == 1 for to in followers)
