"""Options that several commands share, and how commands end: bad input is exit code 2, a fault of the world 1."""

import sys
from typing import Annotated, NoReturn

import typer

from firmware_py.durations import duration_s

BAD_INPUT = 2
FAULT = 1


def parse_duration(text: str) -> float:
    """A duration option in seconds."""
    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def stop(message: str, code: int) -> NoReturn:
    """Say one clear line on stderr and end."""
    print(f"busbar: {message}", file=sys.stderr)
    raise typer.Exit(code)


Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
