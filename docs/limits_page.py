"""Writes the drawing and table in docs/limits.md from the transition table. Run: PYTHONPATH=. .venv/bin/python docs/limits_page.py"""

from pathlib import Path
from typing import Final

from controller.limits.guarded import FRESH_S, HEARTBEAT_S, TRANSITIONS, Event, State

PAGE: Final = Path(__file__).parent / "limits.md"
BEGIN, END = "<!-- made by docs/limits_page.py -->", "<!-- end -->"
HOLDS: Final = {
    State.INIT: "the failsafe",
    State.LIMITED: "the guard's limit",
    State.UNLIMITED_CONTROLLED: "nothing",
    State.FAILSAFE: "the failsafe",
    State.UNLIMITED_AUTONOMOUS: "nothing",
}


def name(state: State) -> str:
    """A state as the drawing may call it."""
    return state.name.lower()


def drawn() -> str:
    """The states and what takes them on, from the table that the node runs on."""
    lines = [f'    state "{state}" as {name(state)}' for state in State]
    lines += [f"    [*] --> {name(State.INIT)}: restart"]
    lines += [
        f"    {name(state)} --> {name(to)}: {event}"
        for state, moves in TRANSITIONS.items()
        for event, to in moves.items()
    ]
    rows = [f"| `{state}` | {HOLDS[state]} | {_events(state)} |" for state in State]
    table = ["| state | what holds | ends by |", "|---|---|---|", *rows]
    times = f"Silence is {HEARTBEAT_S:g} s without a heartbeat; a limit counts within {FRESH_S:g} s after one."
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", "", *table, "", times])


def _events(state: State) -> str:
    return ", ".join(event for event in Event if TRANSITIONS[state].get(event, state) is not state)


def page(text: str) -> str:
    """The page with the drawing as it must be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{drawn()}\n\n{END}{after}"


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
