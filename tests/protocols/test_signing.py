"""Signing: against `cryptography`'s own Ed25519 and the published vectors of RFC 8037, not against ourselves."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from protocols.faults import Refused
from protocols.signing import MAX_SIGNED_BYTES, RECORD, key_id, new_private_key, open_signed, public_part, sign

# RFC 8037, appendix A.1 (private key), A.3 (its thumbprint).
RFC_KEY = (
    '{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",'
    '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
)
RFC_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
KEY = new_private_key()
TRUSTED = {key_id(KEY): public_part(KEY)}
TOKEN = sign(b'{"power_w":-2000}', KEY)


def unpadded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def padded(data: bytes) -> bytes:
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))


def refusal(token: bytes) -> str:
    with pytest.raises(Refused) as caught:
        open_signed(token, TRUSTED)
    return caught.value.reason


def test_a_key_is_named_as_rfc_8037_says() -> None:
    assert key_id(RFC_KEY) == RFC_THUMBPRINT
    assert key_id(public_part(RFC_KEY)) == RFC_THUMBPRINT


def test_the_public_part_keeps_the_secret() -> None:
    assert json.loads(public_part(RFC_KEY)).keys() == {"kty", "crv", "x"}


def test_another_library_accepts_our_signature() -> None:
    head, body, signature = TOKEN.split(b".")
    raw = padded(json.loads(TRUSTED[key_id(KEY)])["x"].encode())
    Ed25519PublicKey.from_public_bytes(raw).verify(padded(signature), head + b"." + body)
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(raw).verify(padded(signature), head + b"." + body + b"A")


def test_we_accept_another_librarys_signature_and_keep_its_bytes() -> None:
    """Odd spacing and key order must come out as they were signed: nothing is serialised again."""
    payload = b'{ "b" :1,\n "a":2.50 }'
    key = Ed25519PrivateKey.generate()
    x = unpadded(key.public_key().public_bytes_raw()).decode()
    jwk = json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x})
    header = json.dumps({"typ": "busbar-contract+jws", "alg": "Ed25519", "kid": key_id(jwk)}).encode()
    signed = unpadded(header) + b"." + unpadded(payload)
    opened = open_signed(signed + b"." + unpadded(key.sign(signed)), {key_id(jwk): jwk})
    assert opened.payload == payload


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_through(place: int, flip: int) -> None:
    changed = TOKEN[:place] + bytes([TOKEN[place] ^ flip]) + TOKEN[place + 1 :]
    with pytest.raises(Refused):
        open_signed(changed, TRUSTED)


def test_a_signature_has_one_spelling() -> None:
    """86 characters carry 516 bits of which a signature has 512: the last one could be spelled in sixteen ways."""
    spellings = [
        TOKEN[:-1] + bytes([last]) for last in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    ]
    alike = [each for each in spellings if padded(each.split(b".")[2]) == padded(TOKEN.split(b".")[2])]
    assert len(alike) == 16
    for each in alike:
        if each != TOKEN:
            assert refusal(each) == "signature"


def test_characters_that_base64_readers_overlook_are_not() -> None:
    assert refusal(TOKEN + b"!!!!") == "signature"
    assert refusal(TOKEN[:-40] + b"\n\r*~" + TOKEN[-40:]) == "signature"


def test_one_kind_of_message_is_not_another() -> None:
    assert refusal(sign(b"{}", KEY, RECORD)) == "malformed"
    assert open_signed(sign(b"{}", KEY, RECORD), TRUSTED, RECORD).payload == b"{}"


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_escapes(garbage: bytes) -> None:
    assert refusal(garbage) == "malformed"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "malformed"),
        ({"alg": "Ed25519", "kid": key_id(KEY)}, "malformed"),
        ({"alg": "Ed25519", "typ": "busbar-contract+jws"}, "malformed"),
        ({"alg": "Ed25519", "typ": "busbar-contract+jws", "kid": 7}, "malformed"),
        ({"alg": "Ed25519", "typ": "busbar-contract+jws", "kid": "nobody"}, "unknown_key"),
        ({"alg": "none", "typ": "busbar-contract+jws", "kid": key_id(KEY)}, "signature"),
        ({"alg": "HS256", "typ": "busbar-contract+jws", "kid": key_id(KEY)}, "signature"),
        ({"alg": "Ed25519", "typ": "busbar-contract+jws", "kid": key_id(KEY), "crit": ["x"]}, "signature"),
    ],
)
def test_a_header_that_plays_tricks_is_refused(header: dict[str, object], reason: str) -> None:
    head, body = unpadded(json.dumps(header).encode()), unpadded(b"{}")
    signature = TOKEN.split(b".")[2]
    assert refusal(head + b"." + body + b"." + signature) == reason


def test_somebody_elses_signature_is_refused() -> None:
    other = new_private_key()
    forged = sign(b"{}", other).split(b".")
    mine = TOKEN.split(b".")
    assert refusal(b".".join([mine[0], forged[1], forged[2]])) == "signature"
    assert refusal(sign(b"{}", other)) == "unknown_key"


def test_a_huge_message_is_refused_unread() -> None:
    assert refusal(b"x" * (MAX_SIGNED_BYTES + 1)) == "too_large"


def test_signing_needs_a_private_key_and_says_so() -> None:
    with pytest.raises(ValueError, match="no private part"):
        sign(b"{}", public_part(KEY))
    with pytest.raises(ValueError, match="not a JWK"):
        sign(b"{}", "hello")
    with pytest.raises(ValueError, match="Ed25519 is allowed"):
        sign(b"{}", '{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}')
