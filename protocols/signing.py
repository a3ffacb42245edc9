"""Signed messages: JWS compact serialisation (RFC 7515) with Ed25519 (RFC 8037, algorithm name of RFC 9864).

The bytes that were signed are kept and parsed; nothing is ever serialised again. A key is named by its JWK thumbprint
(RFC 7638), so a trust list needs no names that two issuers could share.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from protocols.faults import Refused

_ALGORITHM: Final = "Ed25519"
# What a message is stands in its header, so that one kind can never be passed off as another.
CONTRACT: Final = "busbar-contract+jws"
APPROVAL: Final = "busbar-approval+jws"
LIMIT: Final = "busbar-limit+jws"
OUTLOOK: Final = "busbar-outlook+jws"
DEED: Final = "busbar-deed+jws"
RECORD: Final = "busbar-record+jws"
MANIFEST: Final = "busbar-manifest+jws"
TREE_HEAD: Final = "busbar-tree-head+jws"
DEVICE_LOG: Final = "busbar-device-log+jws"
METER_COMMAND: Final = "busbar-meter-command+jws"
# Nothing else: joserfc trusts the shape of what it knows ('crit': [null] is a TypeError).
_HEADER: Final = ("alg", "kid", "typ")
# A contract has a dozen fields; 16 KiB leaves room and keeps a flood of large messages cheap to refuse.
MAX_SIGNED_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class SignedText:
    """A message whose signature holds: the payload as it was signed, the signing key's thumbprint, the whole token."""

    payload: bytes
    key_id: str
    token: bytes
    kind: str = CONTRACT


def new_private_key() -> str:
    """A fresh Ed25519 private key as JWK text (keep it secret)."""
    return json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))


def public_part(key_text: str) -> str:
    """The public JWK text of a private or public one."""
    return json.dumps(_key(key_text).as_dict(private=False))


def key_id(key_text: str) -> str:
    """The RFC 7638 thumbprint that names a key."""
    return _key(key_text).thumbprint()


def sign(payload: bytes, private_key: str, kind: str = CONTRACT) -> bytes:
    """The payload as a compact JWS of this kind; ValueError where the key is not a private Ed25519 JWK."""
    key = _key(private_key)
    if not key.is_private:
        raise ValueError("signing key: has no private part ('d'); allowed is a private Ed25519 JWK")
    header = {"alg": _ALGORITHM, "kid": key.thumbprint(), "typ": kind}
    return jws.serialize_compact(header, payload, key, algorithms=[_ALGORITHM]).encode()


def open_signed(
    token: bytes, trusted: Mapping[str, str], kind: str | tuple[str, ...] = CONTRACT, most: int = MAX_SIGNED_BYTES
) -> SignedText:
    """Check a compact JWS of a kind (or one of several) against public keys by thumbprint.

    Refused: `too_large`, `malformed`, `unknown_key`, `signature`.
    """
    if len(token) > most:
        raise Refused("too_large", f"message of {len(token)} bytes: at most {most} are allowed")
    header = _header(token)
    named = _named_key(header, kind)
    key_text = trusted.get(named)
    if key_text is None:
        raise Refused("unknown_key", f"key {named[:64]!r} is not on the trust list of {len(trusted)} keys")
    if (unknown := header.keys() - _HEADER) or header.get("alg") != _ALGORITHM:
        what = f"has {sorted(unknown)}" if unknown else f"names algorithm {header.get('alg')!r}"
        raise Refused("signature", f"JWS header {what[:200]}: {_ALGORITHM} with {', '.join(_HEADER)} is allowed")
    try:
        opened = jws.deserialize_compact(token, _key(key_text), algorithms=[_ALGORITHM])
    except (JoseError, ValueError) as error:
        raise Refused("signature", f"signature of key {named} does not hold: {error}") from error
    return SignedText(opened.payload, named, token, str(header["typ"]))


def peek(token: bytes) -> bytes:
    """The payload without looking at the signature, for showing only; Refused `malformed`."""
    try:
        return jws.extract_compact(token).payload
    except (JoseError, ValueError, RecursionError) as error:
        raise Refused("malformed", f"not a compact JWS: {str(error)[:200]}") from error


def signer(token: bytes) -> str:
    """The key that a token says it is signed with, without looking at the signature; Refused `malformed`."""
    return str(_header(token).get("kid"))


def kind_of(token: bytes) -> str:
    """What a token says it is, without looking at the signature; Refused `malformed`."""
    return str(_header(token).get("typ"))


def _header(token: bytes) -> dict[str, Any]:
    try:
        return jws.extract_compact(token).headers()
    except (JoseError, ValueError, RecursionError) as error:
        raise Refused("malformed", f"not a compact JWS: {str(error)[:200]}") from error


def _named_key(header: Mapping[str, Any], kind: str | tuple[str, ...]) -> str:
    kinds = (kind,) if isinstance(kind, str) else kind
    if header.get("typ") not in kinds:
        allowed = " or ".join(repr(each) for each in kinds)
        raise Refused("malformed", f"JWS type {str(header.get('typ'))[:64]!r}: {allowed} is allowed")
    named = header.get("kid")
    if not isinstance(named, str):
        raise Refused("malformed", "JWS header names no key: 'kid' must be the thumbprint of the signing key")
    return named


def _key(text: str) -> OKPKey:
    try:
        key = OKPKey.import_key(json.loads(text))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"key is not a JWK: {error}") from error
    if key.curve_name != "Ed25519":
        raise ValueError(f"key has curve {key.curve_name!r}: Ed25519 is allowed")
    return key
