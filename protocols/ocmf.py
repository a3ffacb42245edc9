"""OCMF records of foreign meters: `OCMF|{payload}|{signature}`, verified over the payload's own bytes.

Source: "Open Charge Metering Format" 1.4.1 of S.A.F.E. e.V., tables 8 and 22: ECDSA over SHA-256 of the text between the first
and the last bar, in DER, hexadecimal unless `SE` says Base64. Curves that `cryptography` has no code for (secp192k1) are
refused by name, which is not the same as a wrong signature. Records are written in ocmf_writing.py.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from protocols.faults import Refused

T = TypeVar("T")
MARK: Final = b"OCMF|"
# OCMF's names of the curves; the brainpool ones lack the P that RFC 5639 gives them.
_CURVES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ECDSA-secp192r1-SHA256": "secp192r1",
        "ECDSA-secp256k1-SHA256": "secp256k1",
        "ECDSA-secp256r1-SHA256": "secp256r1",
        "ECDSA-secp384r1-SHA256": "secp384r1",
        "ECDSA-brainpool256r1-SHA256": "brainpoolP256r1",
        "ECDSA-brainpool384r1-SHA256": "brainpoolP384r1",
    }
)
_DEFAULT: Final = "ECDSA-secp256r1-SHA256"
MOST_BYTES: Final = 1024 * 1024


class _Signature(msgspec.Struct, frozen=True):
    """The signature part: `SA` algorithm, `SE` encoding, `SM` mime type, `SD` data."""

    SD: str
    SA: str = _DEFAULT
    SE: str = "hex"
    SM: str = "application/x-der"


@dataclass(frozen=True, slots=True)
class OcmfRecord:
    """A record whose signature holds: the whole of it and the signed payload, byte for byte, and what the payload says."""

    raw: bytes
    payload: bytes
    algorithm: str
    says: dict[str, Any]


def open_ocmf(raw: bytes, key: ec.EllipticCurvePublicKey) -> OcmfRecord:
    """Check a record against a meter's public key; Refused (`too_large`, `malformed`, `algorithm`, `signature`)."""
    if len(raw) > MOST_BYTES:
        raise Refused("too_large", f"record of {len(raw)} bytes: at most {MOST_BYTES} are allowed")
    text = raw.strip()
    payload, bar, tail = text.removeprefix(MARK).rpartition(b"|")
    if not text.startswith(MARK) or not bar:
        raise Refused("malformed", "not an OCMF record: OCMF|{payload}|{signature} is needed")
    signature, says = _decoded(tail, _Signature), _decoded(payload, dict[str, Any])
    curve = _CURVES.get(signature.SA)
    if curve is None:
        raise Refused("algorithm", f"signature algorithm {signature.SA[:64]!r}: allowed are {', '.join(_CURVES)}")
    if key.curve.name != curve:
        raise Refused("algorithm", f"the record is signed on {curve}, the key is on {key.curve.name}")
    try:
        key.verify(_data(signature), payload, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise Refused("signature", "the signature does not hold: another key, or a changed byte") from error
    return OcmfRecord(raw, payload, signature.SA, says)


def meter_key(text: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a meter: PEM, or DER (SubjectPublicKeyInfo) as it is, in hexadecimal or in Base64; ValueError."""
    for read in (load_pem_public_key, _hex_key, _base64_key, load_der_public_key):
        try:
            key = read(text)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, ec.EllipticCurvePublicKey):
            return key
        raise ValueError("the key is not one of an elliptic curve")
    raise ValueError("a public key is needed: PEM, or DER, also in hexadecimal or Base64")


def _hex_key(text: bytes) -> object:
    return load_der_public_key(binascii.unhexlify(b"".join(text.split())))


def _base64_key(text: bytes) -> object:
    return load_der_public_key(base64.b64decode(b"".join(text.split()), validate=True))


def _data(signature: _Signature) -> bytes:
    if signature.SM != "application/x-der":
        raise Refused("algorithm", f"signature of type {signature.SM[:64]!r}: application/x-der is allowed")
    try:
        if signature.SE == "hex":
            return binascii.unhexlify(signature.SD)
        if signature.SE == "base64":
            return base64.b64decode(signature.SD, validate=True)
    except ValueError as error:
        raise Refused("malformed", f"signature data is no {signature.SE}: {error}") from error
    raise Refused("algorithm", f"signature encoding {signature.SE[:64]!r}: hex or base64 is allowed")


def _decoded(part: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(part, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"OCMF part {part[:40]!r}: {error}") from error
