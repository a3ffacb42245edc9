"""`busbar meter`: the meter itself, a recording played to it, its calibration."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from firmware_py.cli.options import BAD_INPUT, FAULT, Json, stop

_RUN: Final = "run"
# Longer recordings are not held in memory as a whole: a calibration needs no more.
_CALIBRATED_S: Final = 60.0

FullScaleV = Annotated[float, typer.Option("--full-scale-v", min=1e-3, help="What 1.0 stands for in a WAV file, V.")]
FullScaleA = Annotated[float, typer.Option("--full-scale-a", min=1e-3, help="What 1.0 stands for in a WAV file, A.")]
Channels = Annotated[
    str | None, typer.Option(help="Which channels of a WAV or COMTRADE file are u1,u2,u3,i1,i2,i3 and perhaps in.")
]


class _RunOr(TyperGroup):
    """A group whose command need not be named: what is no command is an argument of `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer brings its own click
        """As the base class, with `run` in front where no command stands there."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_RUN, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(
    cls=_RunOr,
    help="Run a meter (CONFIG.toml), play a recording to it (--play FILE), or calibrate it.",
    epilog="Example: busbar meter --play dip.npz --json",
    no_args_is_help=True,
)


@app.command(
    "calibrate",
    epilog="Example: busbar meter calibrate lab.wav --store calibration.json --voltage-v 230 --current-a 5 --lag-deg 60",
)
def calibrate(
    file: Annotated[Path, typer.Argument(help="A recording of the reference's signal, .npz, .wav, .cfg or .cff.")],
    store: Annotated[Path, typer.Option(help="The file with the constants and their history.")],
    voltage_v: Annotated[
        float | None, typer.Option("--voltage-v", min=1e-3, help="The reference's voltages, RMS; absent: as they were.")
    ] = None,
    current_a: Annotated[
        float | None, typer.Option("--current-a", min=1e-6, help="The reference's currents, RMS; absent: as they were.")
    ] = None,
    neutral_a: Annotated[float | None, typer.Option("--neutral-a", min=1e-6, help="The neutral's.")] = None,
    lag_deg: Annotated[float, typer.Option("--lag-deg", help="How far each current lags its voltage.")] = 0.0,
    frequency_hz: Annotated[
        float | None, typer.Option("--frequency-hz", min=10, max=100, help="Absent: found, near 50 or 60.")
    ] = None,
    one_phase: Annotated[
        bool, typer.Option("--one-phase", help="All voltages are in parallel, and all currents in series.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who calibrates; stands in the history.")] = "",
    full_scale_v: FullScaleV = 500.0,
    full_scale_a: FullScaleA = 100.0,
    channels: Channels = None,
    as_json: Json = False,
) -> None:
    """Find gain, offset and delay of each channel against a reference and store them; the older ones stay in the history."""
    from firmware_py.meter.calibration import NotCalibrated, Reference, calibrated
    from firmware_py.meter.calibration_file import in_force, load_calibration, new_set, store_calibration
    from protocols.faults import StoreFailed
    from protocols.samples import CURRENTS, VOLTAGES

    rms = {name: voltage_v for name in VOLTAGES if voltage_v is not None}
    rms |= {name: current_a for name in CURRENTS[:3] if current_a is not None}
    rms |= {"in": neutral_a} if neutral_a is not None else {}
    if not rms:
        stop("nothing to calibrate against: --voltage-v, --current-a or --neutral-a is needed", BAD_INPUT)
    angles = dict.fromkeys(VOLTAGES, 0.0) if one_phase else {"u1": 0.0, "u2": -120.0, "u3": 120.0}
    reference = Reference(rms, angles, {name: lag_deg for name in rms if name in CURRENTS}, frequency_hz)
    samples, fs_hz = _samples(file, (full_scale_v, full_scale_a), channels)
    try:
        sets = load_calibration(store)
        found = calibrated(samples, fs_hz, reference, in_force(sets))
        store_calibration(store, [*sets, new_set(datetime.now(UTC), by, reference, found)])
    except NotCalibrated as error:
        stop(f"{file}: {error}; nothing was stored", FAULT)
    except StoreFailed as error:
        stop(str(error), FAULT)
    rows = {name: {"gain": c.gain, "offset": c.offset, "delay_us": c.delay_us} for name, c in found.items()}
    if as_json:
        print(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("channel", "gain", "offset", "delay us", title=f"{store}: set {len(sets) + 1}", title_justify="left")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.7g}" for value in row.values()))
    Console().print(table)


@app.command("run", epilog="Example: busbar meter run --play dip.npz --json; the word run may be left out")
def run(
    config: Annotated[Path | None, typer.Argument(help="The meter's TOML file.", metavar="[CONFIG.toml]")] = None,
    play: Annotated[Path | None, typer.Option(help="A recording instead: .npz, .wav, .cfg or .cff.")] = None,
    nominal_v: Annotated[float, typer.Option("--nominal-v", min=1, help="With --play: the nominal voltage.")] = 230.0,
    nominal_hz: Annotated[
        int | None, typer.Option("--nominal-hz", help="With --play: 50 or 60; absent: what the file says, or 50.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="With --play: a file with constants.")] = None,
    full_scale_v: FullScaleV = 500.0,
    full_scale_a: FullScaleA = 100.0,
    channels: Channels = None,
    spectrum: Annotated[
        bool, typer.Option("--spectrum", help="With --json: harmonics 0 to 50 in each window.")
    ] = False,
    summaries: Annotated[
        bool,
        typer.Option("--summaries", help="With --json: 3 s, 10 min, 2 h, flicker and 10 s frequency, with a kind."),
    ] = False,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Samples that are not a number are missing, told as faults of their window.")
    ] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Measure for some seconds, say what the self-test found, and end.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a meter from its configuration until it is told to stop, or play a recording to it."""
    if (config is None) == (play is None):
        stop("either a CONFIG.toml or --play FILE is needed", BAD_INPUT)
    if nominal_hz not in (None, 50, 60):
        stop(f"--nominal-hz {nominal_hz}: 50 or 60 is allowed", BAD_INPUT)
    if config is not None:
        from firmware_py.cli.meter_daemon import run_meter, self_tested

        if self_test:
            raise typer.Exit(self_tested(config, as_json))
        run_meter(config)
    elif play is not None:
        from firmware_py.cli.meter_play import Played, play_recording

        named = None if channels is None else channels.split(",")
        scale = (full_scale_v, full_scale_a)
        told = Played(play, nominal_v, nominal_hz, calibration, scale, named, spectrum, summaries, gaps)
        play_recording(told, as_json)


@app.command("log", epilog="Example: busbar meter log /etc/busbar/meter.toml --key meter-1.pub")
def log(
    config: Annotated[Path, typer.Argument(help="The meter's TOML file.", metavar="CONFIG.toml")],
    key: Annotated[
        list[Path] | None, typer.Option(help="A public key (JWK) that you trust; absent: the meter's own.")
    ] = None,
    since: Annotated[int, typer.Option(min=1, help="Print the entries from this number on; all are checked.")] = 1,
    as_json: Json = False,
) -> None:
    """Print a meter's log, while it runs or not, and check its chain; exit code 1 where an entry is not right."""
    from firmware_py.cli.meter_daemon import loaded_or_stop
    from firmware_py.cli.meter_log import show_log

    raise typer.Exit(show_log(loaded_or_stop(config), key or [], since, as_json))


@app.command(
    "command",
    epilog="Example: busbar meter command limit_load --set import_max_w=4000 --set over_s=60 --issuer dso.example "
    "--meter meter-1 --key dso.example.key --broker mqtt://127.0.0.1:1883",
)
def command(
    do: Annotated[
        str,
        typer.Argument(
            help="disconnect, reconnect, limit_load, lift_limit, set_tariff, follow_calendar, replace_calendar, self_test"
        ),
    ],
    issuer: Annotated[str, typer.Option(help="Who signs it; on the meter's trust list.")],
    meter: Annotated[str, typer.Option(help="The meter it is for.")],
    key: Annotated[Path, typer.Option(help="The issuer's private key file.")],
    fields: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the command, name=value; may stand often.")
    ] = None,
    good_for: Annotated[str, typer.Option(help="How long it may be on its way.")] = "5m",
    broker: Annotated[
        str | None, typer.Option(help="mqtt://host:port or mqtts://host:port; absent: print the signed command.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="Name for the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password for the broker.")] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for the end of it.")] = "30s",
) -> None:
    """Sign a command to a meter, send it, and print each state; exit code 1 if it is refused, fails, or nobody answers."""
    import asyncio

    from firmware_py.cli.meter_command import sent, signed_command
    from firmware_py.cli.options import parse_duration
    from firmware_py.config import broker_address
    from protocols.topics import Topics

    try:
        secret, topics = key.read_text(encoding="utf-8"), Topics(meter)
        address = None if broker is None else broker_address(broker)
        password = None if password_file is None else password_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    name, token = signed_command(do, issuer, meter, parse_duration(good_for), fields or [], secret)
    if address is None:
        print(token.decode())
        return
    raise typer.Exit(asyncio.run(sent(token, name, topics, address, (username, password), parse_duration(wait))))


def _samples(file: Path, scale: tuple[float, float], channels: str | None) -> Any:  # noqa: ANN401 - imported late
    """The first minute of a recording, and its sample rate."""
    import numpy as np

    from firmware_py.meter.inputs.files import open_recording
    from firmware_py.meter.inputs.recording import BadRecording, Scale

    try:
        recording = open_recording(file, Scale(*scale), None if channels is None else channels.split(","))
        most, blocks, taken = round(_CALIBRATED_S * recording.fs_hz), [], 0
        for block in recording.blocks(100_000):
            blocks.append(block)
            taken += block.shape[1]
            if taken >= most:
                break
    except BadRecording as error:
        stop(str(error), BAD_INPUT)
    return np.concatenate(blocks, axis=1)[:, :most], recording.fs_hz
