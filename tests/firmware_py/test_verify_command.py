"""`busbar verify` and `contract export` as people call them."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware_py.evidence.archive import CHAIN_FILE, packed
from protocols.signing import public_part
from tests.firmware_py.evidence.cases import ISSUER_KEY, NODE_KEY, zipped
from tests.firmware_py.evidence.test_verify import FILES
from tests.scenarios.keys import private_key
from tests.system.busbar import told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.zip").write_bytes(zipped())
    for name, key in (("node", NODE_KEY), ("dso", ISSUER_KEY), ("thief", private_key("thief"))):
        (tmp_path / f"{name}.pub").write_text(public_part(key))
    return tmp_path


def test_a_good_bundle_is_0_and_says_what_is_proved_and_what_not(folder: Path) -> None:
    printed = told("verify", f"{folder}/b.zip", "--key", f"{folder}/node.pub").good
    assert printed.startswith("GOOD")
    for word in ("outcome delivered", "not proved", "stolen", "issuer from the bundle itself"):
        assert word in printed, word
    both = told("verify", f"{folder}/b.zip", "--key", f"{folder}/node.pub", "--key", f"{folder}/dso.pub").good
    assert "from the bundle itself" not in both
    none = told("verify", f"{folder}/b.zip").good
    assert "node and issuer from the bundle itself" in none


def test_for_programs(folder: Path) -> None:
    facts = json.loads(told("verify", f"{folder}/b.zip", "--key", f"{folder}/node.pub", "--json").good)
    assert facts["ok"] is True
    assert (facts["outcome"], facts["first"], facts["last"], facts["site_readings"]) == ("delivered", 3, 8, 2)
    assert [key["pinned"] for key in facts["keys"]] == [True, False]


def test_a_bad_one_is_1_and_names_the_record(folder: Path) -> None:
    records = FILES[CHAIN_FILE].splitlines(keepends=True)
    (folder / "bad.zip").write_bytes(packed({**FILES, CHAIN_FILE: b"".join(records[:1] + records[2:])}))
    ended = told("verify", f"{folder}/bad.zip")
    assert ended.code == 1
    assert "chain.jws record 4: has number 5 in the place of 4" in ended.out
    facts = json.loads(told("verify", f"{folder}/bad.zip", "--json").out)
    assert (facts["ok"], facts["file"], facts["record"]) == (False, "chain.jws", 4)


def test_the_wrong_key_is_1_and_what_cannot_be_read_is_2(folder: Path) -> None:
    assert told("verify", f"{folder}/b.zip", "--key", f"{folder}/thief.pub").code == 1
    assert told("verify", f"{folder}/node.pub").code == 1
    told("verify", f"{folder}/none.zip").says(2, "none.zip", "No such file")
    told("verify", f"{folder}/b.zip", "--key", f"{folder}/b.zip").says(2, "b.zip", "public key")


def test_readings_come_out_as_settle_takes_them(folder: Path) -> None:
    assert told("verify", f"{folder}/b.zip", "--readings", f"{folder}/r.csv").code == 0
    (folder / "n.csv").write_text("start,end,energy_wh\n2026-06-21T10:00:00Z,2026-06-21T10:30:00Z,10\n")
    (folder / "c.jws").write_bytes(FILES["contract.jws"])
    words = ("--contract", f"{folder}/c.jws", "--readings", f"{folder}/r.csv", "--baseline", f"{folder}/n.csv")
    printed = told("settle", *words, "--method", "nomination", "--term", "price_per_kwh=100").good
    # 10 Wh nominated, 0 W contracted, 5.75 Wh metered.
    assert "amount due 0.43 EUR (exactly 0.425)" in printed


def test_a_node_without_a_key_has_nothing_to_export(folder: Path) -> None:
    config = folder / "home.toml"
    config.write_text(
        f'[node]\nid = "n"\nstate_dir = "{folder}"\n[mqtt]\nurl = "mqtt://b"\n'
        '[site]\nmeter = "g"\nimport_limit_w = 1\nexport_limit_w = 1\n'
        '[[device]]\nname = "g"\nmodel = "sdm630"\nurl = "tcp://h:1"\n'
    )
    told("contract", "export", str(config), "c-1", "--out", f"{folder}/o.zip").says(2, "node n", "key_file")
    (folder / "node.key").write_text(NODE_KEY)
    config.write_text(config.read_text().replace('id = "n"', 'id = "n"\nkey_file = "node.key"'))
    told("contract", "export", str(config), "c-1", "--out", f"{folder}/o.zip").says(1, "journal")


def test_a_record_of_a_foreign_meter(folder: Path) -> None:
    meter = ec.generate_private_key(ec.BrainpoolP256R1())
    payload = b'{"PG":"T1","RD":[{"RV":1.50}]}'
    signature = meter.sign(payload, ec.ECDSA(SHA256())).hex()
    tail = b'{"SA":"ECDSA-brainpool256r1-SHA256","SD":"%b"}' % signature.encode()
    (folder / "m.ocmf").write_bytes(b"OCMF|%b|%b" % (payload, tail))
    (folder / "bad.ocmf").write_bytes(b"OCMF|%b|%b" % (payload.replace(b"1.50", b"1.51"), tail))
    public = meter.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "m.pem").write_bytes(public)
    key = ("--key", f"{folder}/m.pem")
    assert payload.decode() in told("verify", f"{folder}/m.ocmf", *key).good
    assert json.loads(told("verify", f"{folder}/m.ocmf", *key, "--json").good)["says"]["RD"] == [{"RV": 1.5}]
    bad = told("verify", f"{folder}/bad.ocmf", *key)
    assert bad.code == 1
    assert "signature does not hold" in bad.out
    told("verify", f"{folder}/m.ocmf").says(2, "--key", "meter's public key")
    told("verify", f"{folder}/m.ocmf", "--key", f"{folder}/node.pub").says(2, "node.pub", "public key is needed")
