"""Recordings by the ending of their file."""

from collections.abc import Sequence
from pathlib import Path

from firmware_py.meter.inputs.npz_file import open_npz
from firmware_py.meter.inputs.recording import BadRecording, Recording, Scale
from firmware_py.meter.inputs.wav_file import open_wav


def open_recording(path: Path, scale: Scale | None = None, channels: Sequence[str] | None = None) -> Recording:
    """A recording by the ending of its file; `scale` is for WAV, `channels` says which ones to take in which order."""
    ending = path.suffix.lower()
    try:
        if ending == ".npz":
            return open_npz(path)
        if ending == ".wav":
            return open_wav(path, scale or Scale(), channels)
        if ending in (".cfg", ".cff"):
            # Its library brings pandas with it where that is installed: 45 MB that no other file needs.
            from firmware_py.meter.inputs.comtrade_file import open_comtrade  # noqa: PLC0415

            return open_comtrade(path, channels)
    except OSError as error:
        raise BadRecording(f"{path}: {error.strerror or error}") from error
    hint = "; give the .cfg beside it" if ending == ".dat" else ""
    raise BadRecording(f"{path}: ending {ending!r}: allowed are .npz, .wav, .cff and .cfg{hint}")
