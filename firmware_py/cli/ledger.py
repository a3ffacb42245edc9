"""`busbar ledger`: an append-only log of a zone's contracts and statements, and what its witnesses do."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from firmware_py.ledger import Ledger
from protocols.faults import Refused, StoreFailed
from protocols.ledger import Consistency, CosignedHead, Inclusion, TreeHead, checked_head, cosigned, insist_included
from protocols.ledger import signed_head as sign_head
from protocols.signing import key_id, public_part

app = typer.Typer(
    help="An append-only log (RFC 9162) of a zone's contracts and settlements, with witnesses.",
    epilog="Example: busbar ledger append zone.ledger contract.jws --zone lv-7",
    no_args_is_help=True,
)
T = TypeVar("T")
File = Annotated[Path, typer.Argument(help="The ledger's file.", metavar="LEDGER")]
Head = Annotated[Path, typer.Argument(help="A head, as `ledger head` prints it.", metavar="HEAD.json")]
LogKey = Annotated[Path, typer.Option(help="The log's public key.")]


@app.command("append", epilog="Example: busbar ledger append zone.ledger contract.jws statement.json --zone lv-7")
def append(
    ledger: File,
    record: Annotated[list[Path], typer.Argument(help="Files to add, byte for byte.")],
    zone: Annotated[str | None, typer.Option(help="The zone, to begin a new ledger.")] = None,
) -> None:
    """Add records; prints the number of each."""
    contents = [(path, _bytes(path)) for path in record]
    try:
        log = Ledger(ledger, zone)
        for path, content in contents:
            print(f"{log.append(content)} {path}", flush=True)
    except (Refused, StoreFailed) as fault:
        stop(str(fault), FAULT)


@app.command("head", epilog="Example: busbar ledger head zone.ledger --key zone.key > head.json")
def head(ledger: File, key: Annotated[Path, typer.Option(help="The log's private key.")]) -> None:
    """Print a head of the ledger as it is now, signed by the log."""
    try:
        _print(sign_head(Ledger(ledger).head(datetime.now(UTC)), _bytes(key).decode()))
    except (Refused, StoreFailed) as fault:
        stop(str(fault), FAULT)
    except ValueError as error:
        stop(f"--key {str(key)!r}: {error}", BAD_INPUT)


@app.command("prove", epilog="Example: busbar ledger prove zone.ledger --index 3 > proof.json")
def prove(
    ledger: File,
    index: Annotated[int | None, typer.Option(help="Prove that this entry is in it.")] = None,
    old_size: Annotated[int | None, typer.Option(help="Prove that it has only grown since this size.")] = None,
    size: Annotated[int | None, typer.Option(help="The size of the head it is for; absent: as it is now.")] = None,
) -> None:
    """Print a proof: of inclusion (--index) or of consistency (--old-size)."""
    if (index is None) == (old_size is None):
        stop("one of --index and --old-size is needed", BAD_INPUT)
    try:
        log = Ledger(ledger)
        _print(log.inclusion(index, size) if index is not None else log.consistency(old_size or 0, size))
    except (Refused, StoreFailed) as fault:
        stop(str(fault), FAULT)
    except ValueError as error:
        stop(str(error), BAD_INPUT)


@app.command(
    "witness", epilog="Example: busbar ledger witness head.json --log-key zone.pub --key w1.key --state w1.json"
)
def witness(
    head: Head,
    log_key: LogKey,
    key: Annotated[Path, typer.Option(help="The witness's private key.")],
    state: Annotated[Path, typer.Option(help="Where the witness keeps the head it saw last.")],
    proof: Annotated[Path | None, typer.Option(help="Proof of consistency with that head.")] = None,
) -> None:
    """Print the head with a signature of this witness, if the ledger has only grown since the last one; 1 otherwise."""
    seen = _read(state, TreeHead) if state.exists() else None
    grown = None if proof is None else _read(proof, Consistency)
    try:
        signed, now = cosigned(_read(head, CosignedHead), _public(log_key), _bytes(key).decode(), seen, grown)
    except Refused as refused:
        stop(str(refused), FAULT)
    except ValueError as error:
        stop(f"--key {str(key)!r}: {error}", BAD_INPUT)
    # First what it has seen, then its signature: the other way round it could be made to sign two histories.
    _keep(state, msgspec.json.encode(now))
    _print(signed)


@app.command(
    "verify",
    epilog="Example: busbar ledger verify head.json --log-key zone.pub --witness w1.pub --witness w2.pub --need 2",
)
def verify(
    head: Head,
    log_key: LogKey,
    witness: Annotated[list[Path] | None, typer.Option(help="The public key of a witness you trust.")] = None,
    need: Annotated[int | None, typer.Option(min=0, help="How many must have signed; absent: all of them.")] = None,
    record: Annotated[Path | None, typer.Option(help="A record that should be in the ledger.")] = None,
    proof: Annotated[Path | None, typer.Option(help="The proof that it is.")] = None,
) -> None:
    """Check a head, its witnesses, and a record's proof of inclusion, offline; 0 only if all of it is right."""
    if (record is None) != (proof is None):
        stop("--record and --proof go together", BAD_INPUT)
    witnesses = {named: text for path in witness or [] for named, text in _public(path).items()}
    needed = len(witnesses) if need is None else need
    try:
        found, signed_by = checked_head(_read(head, CosignedHead), _public(log_key), witnesses, needed)
        if record is not None and proof is not None:
            insist_included(_bytes(record), _read(proof, Inclusion), found)
    except Refused as refused:
        print(f"BAD {refused}")
        raise typer.Exit(FAULT) from None
    said = f", {record} is in it" if record is not None else ""
    print(
        f"GOOD zone {found.zone}: {found.size} entries at {found.at}, {len(signed_by)} witnesses of {needed} needed{said}"
    )


def _keep(path: Path, content: bytes) -> None:
    """On disk, whole, before it returns."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        stop(f"--state {str(path)!r}: {error.strerror}", FAULT)


def _public(path: Path) -> dict[str, str]:
    try:
        text = public_part(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        stop(f"{path}: a public key (JWK) is needed: {error}", BAD_INPUT)
    return {key_id(text): text}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        stop(f"{path}: {error.strerror}", BAD_INPUT)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(_bytes(path), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        stop(f"{path}: {error}", BAD_INPUT)


def _print(message: msgspec.Struct) -> None:
    print(msgspec.json.encode(message).decode())
