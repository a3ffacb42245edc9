"""OCMF records of our own: readings of a meter as `OCMF|{payload}|{signature}`, paginated and signed. Pure.

Source: "Open Charge Metering Format" 1.4.1 of S.A.F.E. e.V. (OCMF-en.md, 2025-01-15): tables 1 to 3 (who), 2 (pagination), 7
        (readings), 10 (status), 19 (time status), 20 (units), 22 (signature), 25 (OBIS). CC BY-ND: nothing of its text is here.
Choice: fiscal readings (pages F1, F2, ...): no transaction, so neither TX nor user assignment; `says_nobody` adds IS false and
        IT NONE for readers that insist on them (pyocmf's strict mode). Each reading says all of its fields, also those that
        the one before it had. No bar may stand in a section: it is written as an escape.
Sign:   import and export are two readings, neither ever negative; RV is written as given, with all of its decimal places.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from protocols.ocmf import MARK

VERSION: Final = "1.4"
ALGORITHM: Final = "ECDSA-secp256r1-SHA256"
# Table 25, in hexadecimal: energy at the connection to the mains, over all time.
IMPORT_OBIS: Final = "01-00:B0.08.00*FF"
EXPORT_OBIS: Final = "01-00:C0.08.00*FF"
UNITS: Final = ("kWh", "Wh")


class TimeStatus(StrEnum):
    """How far a time can be believed (table 19)."""

    UNKNOWN = "U"
    INFORMATIVE = "I"
    SYNCHRONISED = "S"
    RELATIVE = "R"  # a duration that is right, from a moment that was informative only


class MeterStatus(StrEnum):
    """How the meter was at a reading (table 10), as far as we ever say it."""

    GOOD = "G"
    MANIPULATED = "M"
    SUBSTITUTE = "S"
    OTHER_ERROR = "E"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who measures and signs: `serial` is mandatory, what is empty is left out."""

    serial: str
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    gateway: str = ""
    gateway_serial: str = ""
    gateway_version: str = ""
    says_nobody: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One register at one moment. `time_error`, `energy_error`: that time or energy must not be used for billing."""

    at: datetime
    clock: TimeStatus
    value: Decimal
    obis: str
    unit: str = "Wh"
    status: MeterStatus = MeterStatus.GOOD
    time_error: bool = False
    energy_error: bool = False

    def __post_init__(self) -> None:
        """ValueError for what no reader could take."""
        if self.at.tzinfo is None:
            raise ValueError(f"reading at {self.at}: a time with a zone is needed")
        if self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r}: allowed are {', '.join(UNITS)}")
        if not self.value.is_finite() or self.value < 0:
            raise ValueError(f"reading of {self.value} {self.unit}: 0 or more is allowed")


def payload(identity: Identity, page: int, readings: Sequence[Reading]) -> bytes:
    """The bytes to be signed, of the fiscal page of this number (1 and up, without gaps); ValueError."""
    if page < 1 or not readings:
        raise ValueError(f"page {page} with {len(readings)} readings: page 1 and up, one reading and more are allowed")
    who = {
        "GI": identity.gateway,
        "GS": identity.gateway_serial,
        "GV": identity.gateway_version,
        "PG": f"F{page}",
        "MV": identity.vendor,
        "MM": identity.model,
        "MS": identity.serial,
        "MF": identity.firmware,
    }
    parts = [_text("FV", VERSION), *(_text(key, value) for key, value in who.items() if value)]
    if identity.says_nobody:
        parts.append('"IS":false,"IT":"NONE"')
    parts.append(f'"RD":[{",".join(map(_reading, readings))}]')
    return f"{{{','.join(parts)}}}".encode()


def signed(payload_bytes: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The whole record; ValueError where the key is not on secp256r1."""
    if key.curve.name != "secp256r1":
        raise ValueError(f"key on {key.curve.name}: secp256r1 is allowed")
    data = key.sign(payload_bytes, ec.ECDSA(SHA256()))
    return b'%b%b|{"SA":"%b","SD":"%b"}' % (MARK, payload_bytes, ALGORITHM.encode(), data.hex().upper().encode())


def new_key() -> tuple[bytes, bytes]:
    """A fresh key pair on secp256r1 as PEM: the private one (keep it secret) and the public one."""
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """A meter's private key; ValueError, which never says what the key is."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise ValueError("a private key as PEM without a password is needed") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("a private key on the curve secp256r1 is needed")
    return key


def time_text(at: datetime, clock: TimeStatus) -> str:
    """A moment as table 7 has it: milliseconds behind a comma, a zone without a colon, then the status."""
    text = at.isoformat(timespec="milliseconds").replace(".", ",")
    return f"{text[:-3]}{text[-2:]} {clock}"


def _reading(reading: Reading) -> str:
    flags = "E" * reading.energy_error + "t" * reading.time_error
    fields = (
        _text("TM", time_text(reading.at, reading.clock)),
        f'"RV":{reading.value:f}',
        _text("RI", reading.obis),
        _text("RU", reading.unit),
        _text("RT", "AC"),
        _text("EF", flags),
        _text("ST", reading.status),
    )
    return f"{{{','.join(fields)}}}"


def _text(key: str, value: Any) -> str:  # noqa: ANN401 - text of any kind
    return f'"{key}":{json.dumps(str(value)).replace("|", chr(92) + "u007c")}'
