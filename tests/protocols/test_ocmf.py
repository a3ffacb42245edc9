"""OCMF: records signed here with `cryptography` on the raw text, as a foreign meter would; and what is done to them."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.faults import Refused
from protocols.ocmf import meter_key, open_ocmf

# Odd spacing, a number that no serialiser writes so, and a bar inside a text: all of it is signed.
PAYLOAD = (
    b'{"FV" : "1.0","GI":"a|b","PG":"T1","RD":[{"TM":"2026-06-21T10:00:00,000+0000 S","RV":1.50,"RU":"kWh","ST":"G"}]}'
)
KEYS = {
    "ECDSA-secp256r1-SHA256": ec.generate_private_key(ec.SECP256R1()),
    "ECDSA-secp384r1-SHA256": ec.generate_private_key(ec.SECP384R1()),
    "ECDSA-secp256k1-SHA256": ec.generate_private_key(ec.SECP256K1()),
    "ECDSA-brainpool256r1-SHA256": ec.generate_private_key(ec.BrainpoolP256R1()),
    "ECDSA-brainpool384r1-SHA256": ec.generate_private_key(ec.BrainpoolP384R1()),
}
FIRST = "ECDSA-secp256r1-SHA256"


def record(algorithm: str = FIRST, payload: bytes = PAYLOAD, **signature: str) -> bytes:
    data = KEYS[algorithm].sign(payload, ec.ECDSA(SHA256()))
    return b"OCMF|%b|%b" % (payload, json.dumps({"SA": algorithm, "SD": data.hex(), **signature}).encode())


def refusal(raw: bytes, algorithm: str = FIRST) -> str:
    with pytest.raises(Refused) as caught:
        open_ocmf(raw, KEYS[algorithm].public_key())
    return caught.value.reason


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_record_on_each_curve_is_verified_and_kept_byte_for_byte(algorithm: str) -> None:
    raw = record(algorithm) + b"\n"
    opened = open_ocmf(raw, KEYS[algorithm].public_key())
    assert (opened.raw, opened.payload, opened.algorithm) == (raw, PAYLOAD, algorithm)
    assert opened.says["GI"] == "a|b"


def test_the_algorithm_may_be_absent_and_the_signature_in_base64() -> None:
    data = KEYS[FIRST].sign(PAYLOAD, ec.ECDSA(SHA256()))
    tail = json.dumps({"SE": "base64", "SD": base64.b64encode(data).decode()}).encode()
    assert open_ocmf(b"OCMF|%b|%b" % (PAYLOAD, tail), KEYS[FIRST].public_key()).algorithm == FIRST


def test_any_byte_of_the_payload_changed_is_found() -> None:
    raw = record()
    for place in range(5, 5 + len(PAYLOAD)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert refusal(changed) in ("signature", "malformed"), place


def test_a_payload_written_anew_does_not_hold() -> None:
    anew = json.dumps(json.loads(PAYLOAD)).encode()
    assert refusal(record().replace(PAYLOAD, anew)) == "signature"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "malformed"),
        (b"OCMF|", "malformed"),
        (b"OCMF|{}|{}", "malformed"),
        (b"OCMF|[]|" + record().rpartition(b"|")[2], "malformed"),
        (record(SA="ECDSA-secp192k1-SHA256"), "algorithm"),
        (record(SA="ECDSA-secp384r1-SHA256"), "algorithm"),
        (record(SM="text/plain"), "algorithm"),
        (record(SE="rot13"), "algorithm"),
        (record(SD="xyz"), "malformed"),
        (record(SD="3003020101"), "signature"),
        (b"OCMF|" + b"x" * 2_000_000, "too_large"),
    ],
)
def test_what_is_refused(raw: bytes, reason: str) -> None:
    assert refusal(raw) == reason


def test_a_key_in_every_spelling() -> None:
    public = KEYS["ECDSA-brainpool256r1-SHA256"].public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (der, pem, der.hex().encode() + b"\n", der.hex().upper().encode(), base64.b64encode(der)):
        assert meter_key(text) == public
    for wrong in (b"", b"hello", b"00ff"):
        with pytest.raises(ValueError, match="a public key is needed"):
            meter_key(wrong)
    other = rsa.generate_private_key(65537, 2048).public_key()
    with pytest.raises(ValueError, match="elliptic curve"):
        meter_key(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
