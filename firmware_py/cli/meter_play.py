"""What `busbar meter --play` does: a recording in, JSON lines or a live table out."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from firmware_py.meter.analysing import Analysing
from firmware_py.meter.calibration import Calibration
from firmware_py.meter.inputs.files import open_recording
from firmware_py.meter.inputs.recording import BadRecording, Recording, Scale
from firmware_py.meter.measure import Said
from firmware_py.meter.play import Player, Told
from protocols.faults import StoreFailed

if TYPE_CHECKING:
    from rich.table import Table

# Of the many quantities those that a person looks at: rows by name, a column a phase.
_ROWS: Final = (
    ("voltage", "v"),
    ("current", "a"),
    ("power", "w"),
    ("reactive_power", "var"),
    ("apparent_power", "va"),
    ("power_factor", "ratio"),
)
_EVENTS_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Played:
    """What is to be played, and how."""

    file: Path
    nominal_v: float
    nominal_hz: int | None
    calibration: Path | None
    full_scale: tuple[float, float]
    channels: Sequence[str] | None
    spectrum: bool = False
    summaries: bool = False
    gaps: bool = False


def play_recording(played: Played, as_json: bool) -> None:
    """Play it to its end; ends the command where the file is no good."""
    try:
        constants = _constants(played.calibration)
        recording = open_recording(played.file, Scale(*played.full_scale), played.channels)
        for note in recording.notes:
            print(f"busbar: {played.file}: {note}", file=sys.stderr)
        measuring = Analysing(
            recording.fs_hz, recording.currents, played.nominal_v, _nominal_hz(played, recording), 0.0
        )
        player = Player(
            recording,
            measuring,
            constants,
            spectrum=played.spectrum,
            summaries=played.summaries,
            gaps=played.gaps,
        )
        if as_json:
            for told in player.told():
                print(json.dumps(told), flush=True)
        else:
            _table(player)
    except StoreFailed as error:
        stop(str(error), FAULT)
    except (BadRecording, ValueError) as error:
        stop(str(error), BAD_INPUT)
    if player.windows == 0:
        stop(
            f"{played.file}: {recording.samples / recording.fs_hz:g} s: too short for a window of measurement",
            BAD_INPUT,
        )


def _constants(stored: Path | None) -> Calibration:
    """Those in force; what reads them is loaded when there is a file."""
    if stored is None:
        return {}
    from firmware_py.meter.calibration_file import in_force, load_calibration

    return in_force(load_calibration(stored))


def _nominal_hz(played: Played, recording: Recording) -> float:
    """What was told, else the nearer of 50 and 60 to what the file says, else 50."""
    if played.nominal_hz is not None:
        return float(played.nominal_hz)
    return 60.0 if recording.nominal_hz is not None and abs(recording.nominal_hz - 60.0) < 5.0 else 50.0


def _table(player: Player) -> None:
    from rich.console import Console
    from rich.live import Live

    console, events, last = Console(), list[Told](), dict[str, Said]()
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            for told in player.told():
                _taken(told, events, last)
                live.update(_picture(last, events))
        return
    for told in player.told():
        _taken(told, events, last)
    if last:
        console.print(_picture(last, events))


def _taken(told: Told, events: list[Told], last: dict[str, Said]) -> None:
    if told.get("kind") == "rest":
        last.update({name: value for name, value in told.items() if name.startswith("energy_")})
    elif "kind" in told:
        events.append(told)
    else:
        last.clear()
        last.update(told)


def _picture(last: Told, events: Sequence[Told]) -> "Table":
    """The newest window, and the newest events below it."""
    from rich.table import Table

    table = Table("", "L1", "L2", "L3", "total", title=_title(last), title_justify="left")
    for stem, unit in _ROWS:
        cells = [_shown(last.get(f"{stem}_{phase}_{unit}")) for phase in ("l1", "l2", "l3")]
        table.add_row(
            f"{stem.replace('_', ' ')} {'' if unit == 'ratio' else unit}", *cells, _shown(last.get(f"{stem}_{unit}"))
        )
    thd = [_shown(last.get(f"thd_voltage_{phase}")) for phase in ("l1", "l2", "l3")]
    table.add_row("thd voltage", *thd, "")
    if "faults" in last:
        table.add_row("faults", _faults(last["faults"]))
    table.add_row("energy import Wh", "", "", "", _shown(last.get("energy_import_wh")), end_section=not events)
    table.add_row("energy export Wh", "", "", "", _shown(last.get("energy_export_wh")), end_section=bool(events))
    for event in events[-_EVENTS_SHOWN:]:
        rest = ", ".join(
            f"{name} {_shown(value)}"
            for name, value in event.items()
            if value is not None and name not in ("kind", "begin_s")
        )
        table.add_row(f"{_shown(event['begin_s'])} s {event['kind']}", rest)
    return table


def _faults(told: Said) -> str:
    found = told if isinstance(told, Sequence) else ()
    return ", ".join(f"{each['kind']} {each['channel'] or 'all'}" for each in found if isinstance(each, Mapping))


def _title(last: Told) -> str:
    return f"{_shown(last.get('begin_s'))} s  {_shown(last.get('frequency_hz'))} Hz"


def _shown(value: Said) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value))
    return "-" if value is None else value if isinstance(value, str) else f"{value:,.3f}".replace(",", " ")
