"""`busbar verify`: whether evidence is right, on a machine that never saw the node."""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, Json, stop
from firmware_py.evidence.archive import unpacked
from firmware_py.evidence.verify import Found, as_csv, signers, verify
from protocols.evidence import BadRecord
from protocols.faults import Refused
from protocols.ocmf import MARK, meter_key, open_ocmf
from protocols.signing import key_id, public_part

_PROVED: Final = (
    "proved: whoever holds the node's key recorded exactly this, in this order, and nothing in between was left out, "
    "put in, moved or changed; the contract is the one its issuer's key signed"
)
_NOT_PROVED: Final = (
    "not proved: that the meter measured right, that the node's clock was right, or that its key was not stolen: a "
    "thief can write another chain as good as this one; two chains of one key that differ are the sign of it"
)
_WHOSE: Final = "whose the keys are: {} from the bundle itself; give --key with a key that you have from its owner"


def verify_file(
    bundle: Annotated[Path, typer.Argument(help="An evidence bundle (.zip), or an OCMF record.", show_default=False)],
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="A public key (JWK) that you trust: the node's, and perhaps the issuer's.", show_default=False
        ),
    ] = None,
    readings: Annotated[
        Path | None,
        typer.Option(help="Write the site's verified readings here, as busbar settle takes them.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify an evidence bundle offline; the exit code is 0 only if all of it is right.

    Otherwise the first bad record is named: the file, its number in the chain, and why. Without --key it is checked against
    the keys in the bundle: whole it may be, but whose it is then rests on the bundle's own word.

    An OCMF record of a meter is checked over its own bytes; --key is then the meter's public key (PEM or DER, also as
    hexadecimal or Base64), and must be given.
    """
    if _is_ocmf(bundle):
        raise typer.Exit(_verify_ocmf(bundle, key or [], as_json))
    pinned = _pinned(key or [])
    try:
        found = verify(unpacked(bundle), pinned)
    except BadRecord as bad:
        if as_json:
            print(_json({"ok": False, "file": bad.file, "record": bad.seq, "reason": bad.reason}))
        else:
            print(f"BAD {bundle}: {bad}")
        raise typer.Exit(FAULT) from None
    except OSError as error:
        stop(f"{bundle}: {error.strerror}", BAD_INPUT)
    if readings is not None:
        _write(readings, as_csv(found.site_intervals()))
    print(_json({"ok": True, **_facts(found, pinned)}) if as_json else _told(bundle, found, pinned))


def _is_ocmf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MARK)) == MARK
    except OSError as error:
        stop(f"{path}: {error.strerror}", BAD_INPUT)


def _verify_ocmf(path: Path, keys: list[Path], as_json: bool) -> int:
    """Check a meter's record and say what it says; the exit code."""
    if len(keys) != 1:
        stop(f"{path}: an OCMF record needs --key with the meter's public key, once", BAD_INPUT)
    try:
        public = meter_key(keys[0].read_bytes())
    except (OSError, ValueError) as error:
        stop(f"--key {str(keys[0])!r}: {error}", BAD_INPUT)
    try:
        record = open_ocmf(path.read_bytes(), public)
    except Refused as refused:
        facts = {"ok": False, "file": path.name, "record": None, "reason": str(refused)}
        print(_json(facts) if as_json else f"BAD {path}: {refused}")
        return FAULT
    facts = {"ok": True, "algorithm": record.algorithm, "says": record.says}
    print(_json(facts) if as_json else f"GOOD {path}: {record.algorithm}\n{record.payload.decode()}")
    return 0


def _pinned(paths: list[Path]) -> dict[str, str]:
    pinned = {}
    for path in paths:
        try:
            text = public_part(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            stop(f"--key {str(path)!r}: a public key (JWK) is needed: {error}", BAD_INPUT)
        pinned[key_id(text)] = text
    return pinned


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        stop(f"--readings {str(path)!r}: {error.strerror}", BAD_INPUT)


def _facts(found: Found, pinned: dict[str, str]) -> dict[str, Any]:
    manifest, here = found.manifest, found.site_intervals()
    return {
        "node": manifest.node,
        "contract": manifest.contract,
        "terms": found.contract,
        "terms_at_last": found.terms,
        "outcome": found.outcome,
        "records": manifest.last - manifest.first + 1,
        "first": manifest.first,
        "last": manifest.last,
        "approvals": found.approvals,
        "messages": found.messages,
        "site_readings": len(here),
        "site_readings_good": sum(each.quality == "good" for each in here),
        "keys": signers(found, pinned),
        "history": found.events,
        "proved": _PROVED,
        "not_proved": _NOT_PROVED,
    }


def _told(path: Path, found: Found, pinned: dict[str, str]) -> str:
    facts, manifest = _facts(found, pinned), found.manifest
    lines = [
        f"GOOD {path}: contract {manifest.contract} of node {manifest.node}, outcome {found.outcome or 'not said yet'}",
        f"records {manifest.first} to {manifest.last}; {found.approvals} approvals, {found.messages} other messages",
        f"{facts['site_readings']} readings of {manifest.site_meter} in the window, {facts['site_readings_good']} good",
        *(f"  {event.at} {event.state} {event.reason} {event.why}".rstrip() for event in found.events),
        *(f"key of the {each.role}: {each.key_id}{'' if each.pinned else ' (not given)'}" for each in facts["keys"]),
        _PROVED,
        _NOT_PROVED,
    ]
    unpinned = [each.role for each in facts["keys"] if not each.pinned]
    return "\n".join([*lines, *([_WHOSE.format(" and ".join(unpinned))] if unpinned else [])])


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()
