"""`busbar keys`: the keys that contracts are signed with."""

import os
from pathlib import Path
from typing import Annotated

import typer

from firmware_py.cli.options import BAD_INPUT, stop
from protocols.signing import key_id, new_private_key, public_part

app = typer.Typer(
    help="Make the keys that contracts are signed with.",
    epilog="Example: busbar keys new dso.example",
    no_args_is_help=True,
)


@app.callback()
def _keys() -> None:
    """Make the keys that contracts are signed with."""


@app.command("new", epilog="Example: busbar keys new dso.example")
def new(
    name: Annotated[str, typer.Argument(help="Name of the two files: NAME.key (secret) and NAME.pub.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where to write them.")] = Path(),
) -> None:
    """Make an Ed25519 key pair as JWK files; never overwrites one."""
    private = new_private_key()
    secret, public = directory / f"{name}.key", directory / f"{name}.pub"
    if public.exists():
        stop(f"{public} exists already: choose another name", BAD_INPUT)
    try:
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(private + "\n")
        public.write_text(public_part(private) + "\n", encoding="utf-8")
    except OSError as error:
        stop(f"{secret}: {error.strerror}; an existing key is never overwritten", BAD_INPUT)
    print(f"{secret} (keep it secret)\n{public} (give it to the nodes)\nkey id {key_id(private)}")
