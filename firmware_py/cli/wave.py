"""`busbar wave`: make test signals of which every quantity is known."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from firmware_py.cli.options import BAD_INPUT, parse_duration, stop

_ENDINGS: Final = (".npz", ".wav", ".cfg", ".cff")
_PARTS: Final = (
    "Parts: harmonic (order ratio angle_deg of), interharmonic (frequency_hz ratio angle_deg of), flicker (depth_percent,"
    " frequency_hz or changes_per_min, shape, of), dip, swell and interruption (start_s duration_s ratio phase),"
    " frequency_step (start_s to_hz), frequency_ramp (start_s duration_s to_hz), noise (snr_db of), phasor (of ratio"
    " angle_deg), offset (of value), swap (of), reversed, dead and missing (of start_s duration_s), clip (of limit)."
    " `of` names channels: u1 u2 u3 i1 i2 i3 in, or u, i, all; a comma between several."
)
WavForm = Annotated[Literal["pcm16", "pcm24", "pcm32", "float32"], typer.Option(help="Numbers in a WAV file.")]
ComtradeForm = Annotated[
    Literal["ASCII", "BINARY", "BINARY32", "FLOAT32"], typer.Option(help="Numbers in a COMTRADE file.")
]


def wave(
    out: Annotated[Path, typer.Argument(help="The file to make: .npz, .wav, .cfg (with its .dat) or .cff.")],
    spec: Annotated[Path | None, typer.Option(help="A TOML file with the keys below, parts as [[add]] tables.")] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(help=f"A part, such as 'harmonic order=5 ratio=0.06 of=u1'; may stand often. {_PARTS}"),
    ] = None,
    duration: Annotated[str | None, typer.Option(help="How long; 10s unless it is said.")] = None,
    fs_hz: Annotated[float | None, typer.Option("--fs-hz", help="Samples a second; 10000.")] = None,
    frequency_hz: Annotated[float | None, typer.Option("--frequency-hz", help="50.")] = None,
    voltage_v: Annotated[float | None, typer.Option("--voltage-v", help="RMS, phase to neutral; 230.")] = None,
    current_a: Annotated[float | None, typer.Option("--current-a", help="RMS; 5.")] = None,
    angle_deg: Annotated[float | None, typer.Option("--angle-deg", help="How far the currents lag; 0.")] = None,
    neutral: Annotated[bool | None, typer.Option("--neutral/--no-neutral", help="A fourth current; none.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the noise; 0.")] = None,
    full_scale_v: Annotated[float, typer.Option("--full-scale-v", help="WAV, COMTRADE: the largest voltage.")] = 500.0,
    full_scale_a: Annotated[float, typer.Option("--full-scale-a", help="WAV, COMTRADE: the largest current.")] = 100.0,
    wav: WavForm = "float32",
    comtrade: ComtradeForm = "BINARY",
) -> None:
    """Make a test signal: sampled voltages and currents of which every quantity is known."""
    from sim_hardware.waves.files import FullScale, TooLarge, write_comtrade, write_npz, write_wav
    from sim_hardware.waves.signal import Wave

    given = {
        "duration_s": None if duration is None else parse_duration(duration),
        "fs_hz": fs_hz,
        "frequency_hz": frequency_hz,
        "voltage_v": voltage_v,
        "current_a": current_a,
        "angle_deg": angle_deg,
        "neutral": neutral,
        "seed": seed,
    }
    ending, scale = out.suffix.lower(), FullScale(full_scale_v, full_scale_a)
    if ending not in _ENDINGS:
        stop(f"{out}: allowed endings are {', '.join(_ENDINGS)}", BAD_INPUT)
    made = Wave(wave_or_stop(spec, add or [], {key: value for key, value in given.items() if value is not None}))
    try:
        if ending == ".npz":
            write_npz(out, made)
        elif ending == ".wav":
            write_wav(out, made, scale, wav)
        else:
            write_comtrade(out, made, scale, comtrade)
    except (OSError, ValueError, TooLarge) as error:
        stop(f"{out}: {error}", BAD_INPUT)
    print(f"{out}: {made.spec.samples} samples of {', '.join(made.spec.channels)} at {made.spec.fs_hz:g} Hz")


def wave_or_stop(file: Path | None, adds: list[str], given: dict[str, Any]) -> Any:  # noqa: ANN401 - imported late
    """The test signal of a file and of options, or the end of the command with all of its mistakes."""
    from sim_hardware.waves.spec import WaveError, load_wave, parse_part, wave_spec

    try:
        raw = load_wave(file) if file is not None else {}
        parts = raw.get("add", [])
        more = [parse_part(add) for add in adds]
        return wave_spec({**raw, **given, "add": [*parts, *more] if isinstance(parts, list) else parts})
    except ValueError as error:
        stop(f"--add: {error}", BAD_INPUT)
    except WaveError as error:
        lines = "\n".join(f"  {mistake}" for mistake in error.mistakes)
        stop(f"{file or 'test signal'}: {len(error.mistakes)} mistake(s)\n{lines}", BAD_INPUT)
