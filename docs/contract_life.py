"""Writes docs/contract-life.md from the table of transitions. Run: PYTHONPATH=. .venv/bin/python docs/contract_life.py"""

from pathlib import Path

from controller.life import REPORTS, STAGES, TRANSITIONS, stage_of
from protocols.contracts import State

PAGE = Path(__file__).parent / "contract-life.md"
HEAD = """# The life of a contract

Made by `docs/contract_life.py` from the table in `controller/life.py`, which the book obeys. The words are those published on
`…/ack`; the boxes are the stages of a trade. [contracts.md](contracts.md) says what leads from one to the next.
"""


def drawing() -> str:
    """The table as a mermaid state diagram, its stages as boxes."""
    lines = ["stateDiagram-v2", "    [*] --> received"]
    for stage, states in STAGES.items():
        if len(states) > 1:
            inside = [f"        {here} --> {to}" for here in states for to in _to(here) if stage_of(to) == stage]
            names = [f"        {state}" for state in states]
            lines += [f'    state "{stage}" as stage_{stage} {{', *names, *inside, "    }"]
    lines += [f"    {here} --> {to}" for here in TRANSITIONS for to in _to(here) if stage_of(to) != stage_of(here)]
    return "\n".join([*lines, *(f"    {here} --> [*]" for here in TRANSITIONS if not TRANSITIONS[here])])


def _to(state: State) -> list[State]:
    """In the order of the table, so that the page is the same every time."""
    return [each for each in TRANSITIONS if each in TRANSITIONS[state]]


def page() -> str:
    """The whole page."""
    table = "".join(
        f"| `{here}` | {stage_of(here)} | {', '.join(f'`{to}`' for to in _to(here)) or '(the end)'} |\n"
        for here in TRANSITIONS
    )
    reports = ", ".join(f"`{each}`" for each in State if each in REPORTS)
    return (
        f"{HEAD}\n```mermaid\n{drawing()}\n```\n\n| state | stage | may be followed by |\n| --- | --- | --- |\n{table}\n"
        f"Said beside the states, changing none of them: {reports}.\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page())
