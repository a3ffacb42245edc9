"""Keys that are the same in every run, so that two runs of one seed can be compared byte by byte."""

import base64
import functools
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@functools.cache
def private_key(name: str) -> str:
    """The Ed25519 JWK of this name; anybody can make it, which is the point."""
    secret = hashlib.sha256(name.encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "d": _text(secret), "x": _text(public)})
