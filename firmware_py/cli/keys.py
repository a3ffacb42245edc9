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
    ocmf: Annotated[
        bool, typer.Option("--ocmf", help="A pair on secp256r1 as PEM, with which a meter signs its readings.")
    ] = False,
) -> None:
    """Make an Ed25519 key pair as JWK files; never overwrites one."""
    secret, public = directory / f"{name}.key", directory / f"{name}.pub"
    if ocmf:
        from protocols.ocmf_writing import new_key

        private_pem, public_pem = (part.decode() for part in new_key())
        _write(secret, public, private_pem, public_pem)
        print(f"{secret} (keep it secret)\n{public} (give it to whoever reads the meter)")
        return
    private = new_private_key()
    _write(secret, public, private + "\n", public_part(private) + "\n")
    print(f"{secret} (keep it secret)\n{public} (give it to the nodes)\nkey id {key_id(private)}")


def _write(secret: Path, public: Path, private_text: str, public_text: str) -> None:
    if public.exists():
        stop(f"{public} exists already: choose another name", BAD_INPUT)
    try:
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(private_text)
        public.write_text(public_text, encoding="utf-8")
    except OSError as error:
        stop(f"{secret}: {error.strerror}; an existing key is never overwritten", BAD_INPUT)
