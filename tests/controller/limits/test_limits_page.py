"""The drawing in docs/limits.md is the transition table that the node runs on."""

from controller.limits.guarded import TRANSITIONS
from docs.limits_page import PAGE, drawn, page


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run PYTHONPATH=. .venv/bin/python docs/limits_page.py"
    assert drawn() in text


def test_every_transition_is_drawn_once() -> None:
    arrows = [line for line in drawn().splitlines() if " --> " in line and "[*]" not in line]
    assert len(arrows) == len(set(arrows)) == sum(map(len, TRANSITIONS.values()))
