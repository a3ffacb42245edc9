"""OCMF records written here, read by pyocmf (MIT; its signatures by the pure Python `ecdsa`) and by openssl's command line."""

import json
import shutil
import subprocess
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyocmf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.ocmf import meter_key, open_ocmf
from protocols.ocmf_writing import (
    EXPORT_OBIS,
    IMPORT_OBIS,
    Identity,
    MeterStatus,
    Reading,
    TimeStatus,
    new_key,
    payload,
    private_key,
    signed,
    time_text,
)

SECRET, PUBLIC = new_key()
KEY = private_key(SECRET)
WHO = Identity("BB-7", "Busbar", "meter", "1.2.3", gateway="a|b", gateway_serial="GW 1")
AT = datetime(2026, 11, 21, 12, 15, tzinfo=UTC)
S = TimeStatus.SYNCHRONISED


def record(page: int = 7, **reading: Any) -> bytes:
    told = {"value": Decimal("1234.560"), "obis": IMPORT_OBIS, "clock": S, **reading}
    later = Reading(AT + timedelta(minutes=15), S, Decimal("0.000"), EXPORT_OBIS)
    return signed(payload(WHO, page, [Reading(AT, **told), later]), KEY)


def read(raw: bytes) -> Any:  # noqa: ANN401 - the other library's
    """By pyocmf: it finds one deviation, which is none (table 4: no user assignment without a transaction)."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        opened = pyocmf.OCMF.from_string(raw.decode())
    assert [str(each.message) for each in found] == ["Identification Status (IS) is mandatory"]
    return opened


def cut(raw: bytes) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """The sections by counting bars, and nothing else."""
    mark, text, tail = raw.split(b"|")
    assert mark == b"OCMF"
    return text, json.loads(text, parse_float=str), json.loads(tail)


def test_every_field_is_where_the_specification_has_it() -> None:
    _, says, signature = cut(record())
    assert {key: value for key, value in says.items() if key != "RD"} == {
        "FV": "1.4",
        "GI": "a|b",
        "GS": "GW 1",
        "PG": "F7",
        "MV": "Busbar",
        "MM": "meter",
        "MS": "BB-7",
        "MF": "1.2.3",
    }
    assert says["RD"][0] == {
        "TM": "2026-11-21T12:15:00,000+0000 S",
        "RV": "1234.560",
        "RI": "01-00:B0.08.00*FF",
        "RU": "Wh",
        "RT": "AC",
        "EF": "",
        "ST": "G",
    }
    assert says["RD"][1]["RV"] == "0.000"
    assert signature["SA"] == "ECDSA-secp256r1-SHA256"
    assert set(signature) == {"SA", "SD"}


def test_another_implementation_reads_and_verifies_it() -> None:
    found = read(record())
    key = pyocmf.PublicKey.from_string(der_hex(PUBLIC))
    assert found.verify_signature(key)
    assert found.payload.PG == "F7"
    first = found.payload.RD[0]
    assert (first.RV, str(first.RI), first.RU, first.ST, first.time_status) == (
        Decimal("1234.560"),
        IMPORT_OBIS,
        "Wh",
        "G",
        "S",
    )
    assert first.timestamp == AT
    assert first.RI.is_billing_relevant


def test_a_reader_that_insists_on_a_user_is_told_that_there_is_none() -> None:
    text = payload(replace(WHO, says_nobody=True), 1, [Reading(AT, S, Decimal(1), IMPORT_OBIS)])
    found = pyocmf.OCMF.from_string(signed(text, KEY).decode(), strict=True)
    assert (found.payload.IS, found.payload.IT) == (False, "NONE")


def test_another_implementation_sees_a_changed_byte() -> None:
    raw = record().replace(b"1234.560", b"1234.561")
    assert not read(raw).verify_signature(pyocmf.PublicKey.from_string(der_hex(PUBLIC)))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_verifies_the_bytes_between_the_bars(tmp_path: Path) -> None:
    text, _, signature = cut(record())
    (tmp_path / "payload").write_bytes(text)
    (tmp_path / "signature").write_bytes(bytes.fromhex(signature["SD"]))
    (tmp_path / "key.pem").write_bytes(PUBLIC)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "payload"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"Verified OK\n"


def test_our_own_reader_takes_it() -> None:
    opened = open_ocmf(record(), meter_key(PUBLIC))
    assert opened.says["PG"] == "F7"


def test_a_time_in_another_zone_and_marked_errors() -> None:
    at = datetime(2018, 7, 24, 13, 22, 4, 999_999, timezone(timedelta(hours=2)))
    assert time_text(at, TimeStatus.RELATIVE) == "2018-07-24T13:22:04,999+0200 R"
    raw = record(time_error=True, energy_error=True, status=MeterStatus.MANIPULATED, clock=TimeStatus.UNKNOWN)
    first = read(raw).payload.RD[0]
    assert (first.EF, first.ST, first.time_status) == ("Et", "M", "U")


@given(
    st.builds(
        Identity,
        serial=st.text(min_size=1, max_size=20),
        vendor=st.text(max_size=20),
        gateway=st.text(alphabet='|"\\{}é\n', max_size=8),
    ),
    st.integers(1, 2**40),
    st.lists(
        st.builds(
            Reading,
            st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)),  # noqa: DTZ001 - the strategy's way
            st.sampled_from(TimeStatus),
            st.decimals(0, 10**12, places=3),
            st.sampled_from([IMPORT_OBIS, EXPORT_OBIS]),
        ),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_written_is_read_the_same(who: Identity, page: int, readings: list[Reading]) -> None:
    raw = signed(payload(who, page, readings), KEY)
    assert raw.count(b"|") == 2
    _, says, _ = cut(raw)
    assert (says["MS"], says.get("MV", ""), says.get("GI", "")) == (who.serial, who.vendor, who.gateway)
    found = read(raw).payload.RD
    assert [(r.RV, str(r.RI), r.time_status) for r in found] == [(r.value, r.obis, r.clock) for r in readings]
    assert [r.timestamp for r in found] == [r.at.replace(microsecond=r.at.microsecond // 1000 * 1000) for r in readings]


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (lambda: Reading(AT.replace(tzinfo=None), S, Decimal(1), IMPORT_OBIS), "zone"),
        (lambda: Reading(AT, S, Decimal(-1), IMPORT_OBIS), "0 or more"),
        (lambda: Reading(AT, S, Decimal("NaN"), IMPORT_OBIS), "0 or more"),
        (lambda: Reading(AT, S, Decimal(1), IMPORT_OBIS, unit="J"), "kWh, Wh"),
        (lambda: payload(WHO, 0, [Reading(AT, S, Decimal(1), IMPORT_OBIS)]), "page 0"),
        (lambda: payload(WHO, 1, []), "0 readings"),
        (lambda: signed(b"{}", ec.generate_private_key(ec.SECP384R1())), "secp384r1"),
        (lambda: private_key(PUBLIC), "private key"),
    ],
)
def test_what_no_reader_could_take_is_not_written(broken: Any, word: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=word):
        broken()


def der_hex(pem: bytes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
