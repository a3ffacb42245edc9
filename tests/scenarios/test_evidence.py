"""Evidence of a whole life: a contract kept by a real node, killed and started again meanwhile; and what it is worth."""

import json
import warnings
import zipfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyocmf
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from controller.settlement.statement import settled
from controller.settlement.tables import read_series
from firmware_py.config import ConfigError, load
from firmware_py.evidence.archive import unpacked
from firmware_py.evidence.bundle import export_bundle
from firmware_py.evidence.notary import EVIDENCE
from firmware_py.evidence.ocmf_export import as_ocmf
from firmware_py.evidence.verify import Found, as_csv, verify
from firmware_py.journal import stored
from protocols.actions import Amend, Cancel
from protocols.contracts import Dispatch, Outcome, State
from protocols.evidence import CONTRACT, GENESIS, INTERVAL, TOKEN, BadRecord, Link, Manifest, checked_chain, hash_of
from protocols.faults import Refused
from protocols.ocmf import meter_key, open_ocmf
from protocols.ocmf_writing import new_key
from protocols.settlement import SettlementTerms
from protocols.signing import key_id, public_part
from tests.scenarios import words
from tests.scenarios.film import Film, at
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH, NODE, Setup, Stage
from tests.scenarios.test_contract_life import does, with_terms, zone_answers
from tests.scenarios.words import hears, sends, sun

KEY = private_key(NODE)
PINNED = {key_id(KEY): public_part(KEY)}
SIGNING = Setup(node={"interval_s": 10.0, "key_file": "node.key"})


def whole_chain(stage: Stage) -> list[Link]:
    records = stored(stage.folder / "journal.sqlite", EVIDENCE)
    manifest = Manifest(1, NODE, "c", "grid", "", 1, len(records), GENESIS, hash_of(records[-1]), {})
    return list(checked_chain(records, PINNED, manifest, "journal"))


def exported(stage: Stage, contract: str) -> Path:
    out = stage.folder / f"{contract}-{len(list(stage.folder.glob('*.zip')))}.zip"
    export_bundle(load(stage.folder / "home.toml"), contract, out, EPOCH)
    return out


def found(stage: Stage, contract: str) -> Found:
    return verify(unpacked(exported(stage, contract)), PINNED)


@pytest.fixture(scope="module")
def delivered(films: Film) -> Stage:
    """Three contracts: the second is accepted and kept, the third of nobody who is trusted."""
    return films(
        at(0, words.load(500), sun(0)),
        at(5, sends(power_w=700, start_s=10, end_s=22)),
        at(25, sends(power_w=1500, start_s=30, end_s=90)),
        at(28, lambda stage: stage.send(b"rubbish")),
        at(110, lambda stage: None),
        setup=SIGNING,
    )


def test_everything_that_is_journalled_is_in_the_chain(delivered: Stage) -> None:
    links = whole_chain(delivered)
    assert sum(each.stream == TOKEN for each in links) == 2
    said = [bytes(each.body) for each in links if each.stream == CONTRACT]
    assert len(said) == len(delivered.head_end.contract_events)
    read = [each for each in links if each.stream == INTERVAL]
    assert len(read) == len(delivered.head_end.intervals)


def test_a_bundle_tells_the_life_of_its_contract_and_no_other(delivered: Stage) -> None:
    told = found(delivered, "dso-2")
    states = [event.state for event in told.events]
    assert states == [State.RECEIVED, State.ACCEPTED, State.WRITTEN, State.OBSERVED, State.EXPIRED]
    assert told.outcome is Outcome.DELIVERED
    assert isinstance(told.contract, Dispatch)
    assert told.contract.power_w == 1500
    readings = told.site_intervals()
    assert [each.start[17:19] for each in readings] == ["30", "40", "50", "00", "10", "20"]
    # The piece of the chain ends where the last interval of the contract is read and its outcome said.
    assert told.intervals[-1].end <= "2026-06-21T10:01:40"


def test_a_contract_is_settled_from_its_verified_readings(delivered: Stage) -> None:
    """500 W of load before and after; 1500 W were to be drawn for a minute: 16.7 Wh more, less the first seconds."""
    told = found(delivered, "dso-2")
    assert isinstance(told.contract, Dispatch)
    terms = SettlementTerms(method="nomination", price_per_kwh=Decimal(1), interval_s=10)
    nomination = read_series(
        f"start,end,energy_wh\n{told.contract.start.isoformat()},{told.contract.end.isoformat()},{500 / 60}\n", "n"
    )
    statement = settled(told.contract, terms, read_series(as_csv(told.site_intervals()), "r"), nomination)
    assert statement.totals.settled == 6
    assert float(statement.totals.ordered_wh) == pytest.approx(-1000 / 60, abs=0.01)
    assert 14.0 < float(statement.totals.delivered_wh) <= 16.7
    assert told.contract.end - told.contract.start == timedelta(minutes=1)


def test_a_contract_that_was_never_accepted_has_no_bundle(delivered: Stage) -> None:
    with pytest.raises(Refused, match="'dso-9' was never accepted"):
        exported(delivered, "dso-9")


def test_a_bundle_is_never_overwritten(delivered: Stage) -> None:
    there = exported(delivered, "dso-1")
    with pytest.raises(FileExistsError):
        export_bundle(load(delivered.folder / "home.toml"), "dso-1", there, EPOCH)


def test_one_chain_through_a_kill(film: Film) -> None:
    stage = film(
        at(0, words.load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=70)),
        at(25.2, words.node_is_killed),
        at(30.2, words.node_begins),
        at(90, lambda stage: None),
        setup=SIGNING,
    )
    assert len(whole_chain(stage)) > 10
    told = found(stage, "dso-1")
    assert [event.state for event in told.events].count(State.WRITTEN) == 2
    assert told.events[-1].state is State.EXPIRED


def test_a_node_without_a_key_signs_nothing_and_says_so(film: Film) -> None:
    stage = film(
        at(2, sends(power_w=500, start_s=5, end_s=20)),
        at(4, hears("received", "accepted")),
        setup=Setup(devices=("grid",)),
    )
    assert stored(stage.folder / "journal.sqlite", EVIDENCE) == []
    with pytest.raises(ValueError, match=r"no node\.key_file"):
        exported(stage, "dso-1")


def test_a_public_key_is_no_key_to_sign_with(delivered: Stage) -> None:
    path = delivered.folder / "wrong.toml"
    path.write_text((delivered.folder / "home.toml").read_text().replace('"node.key"', '"dso.pub"'))
    with pytest.raises(ConfigError, match=r"node\.key_file = .*private key is needed"):
        load(path)


def test_the_zip_file_holds_what_the_docs_say(delivered: Stage) -> None:
    with zipfile.ZipFile(exported(delivered, "dso-2")) as archive:
        names = archive.namelist()
    assert names[:3] == ["manifest.jws", "README.txt", "contract.jws"]
    assert names[-1] == "chain.jws"
    assert sum(name.startswith("keys/") for name in names) == 2


# Contracts of many hands


@pytest.fixture(scope="module")
def approved(films: Film) -> Stage:
    """Approved at 1200 W, amended, approved again in full; another one is cancelled; numbers are of the film."""
    zone = Setup(
        devices=("grid", "battery"),
        node={"interval_s": 10.0, "key_file": "node.key"},
        approver={"of": ["dispatch"], "within_s": 20.0},
    )
    return films(
        at(0, words.load(500), sun(0), zone_answers(1200)),
        at(5, sends(power_w=1500, start_s=10, end_s=40, settle_s=10)),
        at(15, with_terms(Amend, "dso-1", id="dso-1", power_w=900.0, end_s=40.0, settle_s=10.0)),
        at(42, sends(power_w=600, start_s=50, end_s=70)),
        at(55, does(Cancel, contract="dso-3", why="sold out")),
        at(80, lambda stage: None),
        setup=zone,
    )


def test_a_bundle_holds_what_everybody_signed(approved: Stage) -> None:
    told = found(approved, "dso-1")
    assert (told.approvals, told.messages) == (2, 1)
    assert isinstance(told.contract, Dispatch)
    assert isinstance(told.terms, Dispatch)
    assert (told.contract.power_w, told.terms.power_w) == (1500.0, 900.0)
    cancelled = found(approved, "dso-3")
    assert (cancelled.approvals, cancelled.messages, cancelled.outcome) == (1, 1, None)
    assert cancelled.events[-1].state is State.CANCELLED


def test_partial_approval_is_in_the_terms_at_last(approved: Stage) -> None:
    told = unpacked(exported(approved, "dso-1"))
    names = sorted(name for name in told if name.startswith(("approvals/", "messages/")))
    assert [name.partition("/")[0] for name in names] == ["approvals", "approvals", "messages"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("approval of another contract", "is not about contract dso-1"),
        ("approval with another key's signature", "signature"),
        ("message in the folder of approvals", "folders of their own"),
        ("without the amendment", "which is not in this bundle"),
    ],
)
def test_an_approval_that_does_not_belong_is_named(approved: Stage, change: str, said: str) -> None:
    files, other = unpacked(exported(approved, "dso-1")), unpacked(exported(approved, "dso-3"))
    first, second = sorted(name for name in files if name.startswith("approvals/"))
    (message,) = [name for name in files if name.startswith("messages/")]
    (foreign,) = [name for name in other if name.startswith("approvals/")]
    blamed = first
    if change.startswith("approval of"):
        files[first] = other[foreign]
    elif change.startswith("approval with"):
        head, _, signature = files[first].split(b".")
        files[first] = b".".join((head, files[second].split(b".")[1], signature))
    elif change.startswith("message"):
        files[first] = files[message]
    else:
        del files[message]
        blamed = second
    with pytest.raises(BadRecord, match=said) as caught:
        verify(files, PINNED)
    assert caught.value.file == blamed


def test_readings_go_out_as_ocmf(approved: Stage) -> None:
    """Read back by our reader and verified by pyocmf; values are those of the registers."""
    secret, public = new_key()
    told = found(approved, "dso-1")
    records = as_ocmf(told.site_intervals(), NODE, secret)
    assert len(records) == len(told.site_intervals()) > 2
    key = meter_key(public)
    for page, (record, interval) in enumerate(zip(records, told.site_intervals(), strict=True), 1):
        open_ocmf(record, key)
        said = json.loads(record.split(b"|")[1], parse_float=Decimal)
        assert said["PG"] == f"F{page}"
        counted = [Decimal(repr(each.end_wh)) for each in interval.counters]
        assert [reading["RV"] for reading in said["RD"][2:]] == counted
    der = load_pem_public_key(public).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_of_others = pyocmf.PublicKey.from_string(der.hex())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing assignment of a user, which only a transaction has
        foreign = [pyocmf.OCMF.from_string(record.decode()) for record in records]
    assert all(each.verify_signature(key_of_others) for each in foreign)
    with pytest.raises(ValueError, match="PEM"):
        as_ocmf(told.site_intervals(), NODE, b"no key")
