"""`busbar settle`: the example of the docs, and the ways in which it cannot be done."""

import json
from pathlib import Path

import pytest

from protocols.contracts import encode_contract, parse_contract
from protocols.signing import new_private_key, public_part, sign
from tests.system.busbar import Ended, told

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "settlement"
READINGS = ("--readings", str(EXAMPLE / "readings.csv"))
NOMINATION = ("--baseline", str(EXAMPLE / "nomination.csv"))
CONTRACT = EXAMPLE / "contract.json"


def settle(contract: Path, *words: str) -> Ended:
    return told("settle", "--contract", str(contract), *words)


def test_the_table_of_the_docs_is_the_one_that_is_printed() -> None:
    printed = settle(CONTRACT, *READINGS, *NOMINATION).good
    table = (ROOT / "docs" / "settlement.md").read_text().split("```")[3].strip("\n")
    assert table in "\n".join(line.rstrip() for line in printed.splitlines())
    assert "4 of 4 intervals settled; amount due 0.02 EUR" in printed


def test_the_statement_as_json_has_exact_decimals() -> None:
    statement = json.loads(settle(CONTRACT, *READINGS, *NOMINATION, "--json").good)
    assert [row["payment"] for row in statement["rows"]] == ["0.05", "0.025", "0.05", "-0.105"]
    assert statement["totals"]["amount_due"] == "0.02"
    assert statement["terms"]["price_per_kwh"] == "0.20"


def without_terms(folder: Path) -> Path:
    terms = json.loads(CONTRACT.read_text())
    del terms["settlement"]
    path = folder / "bare.json"
    path.write_text(json.dumps(terms))
    return path


def test_terms_that_the_contract_lacks_come_from_the_command_line(tmp_path: Path) -> None:
    bare = without_terms(tmp_path)
    settle(bare, *READINGS, *NOMINATION).says(2, "does not say how it is settled", "nomination")
    words = ("--method", "nomination", "--term", "price_per_kwh=0.20", "--term", "penalty_per_kwh=0.30")
    printed = settle(bare, *READINGS, *NOMINATION, *words).good
    assert "amount due 0.02 EUR" in printed
    wrong = ("--method", "x_of_y", "--term", "days_x=4", "--term", "day_y=5")
    settle(bare, *READINGS, *wrong).says(2, "day_y")
    settle(CONTRACT, *READINGS, *words).says(2, "says itself")


def test_a_missing_interval_is_named_and_is_exit_code_1(tmp_path: Path) -> None:
    lines = (EXAMPLE / "readings.csv").read_text().splitlines()
    short = tmp_path / "short.csv"
    short.write_text("\n".join([*lines[:2], *lines[3:]]))
    ended = settle(CONTRACT, "--readings", str(short), *NOMINATION)
    assert ended.code == 1
    assert "unsettled 2026-06-22T10:15:00.000Z: no reading 2026-06-22T10:15:00Z" in ended.out
    assert "3 of 4 intervals settled" in ended.out


def test_a_signed_contract_is_settled_and_its_signature_checked(tmp_path: Path) -> None:
    key = new_private_key()
    signed, issuer, other = (tmp_path / name for name in ("c.jws", "issuer.pub", "other.pub"))
    signed.write_bytes(sign(encode_contract(parse_contract(CONTRACT.read_bytes())), key) + b"\n")
    issuer.write_text(public_part(key))
    other.write_text(public_part(new_private_key()))
    assert "amount due 0.02" in settle(signed, *READINGS, *NOMINATION, "--key", str(issuer)).good
    assert "amount due 0.02" in settle(signed, *READINGS, *NOMINATION).good
    settle(signed, *READINGS, *NOMINATION, "--key", str(other)).says(2, "not on the trust list")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (READINGS, ("method nomination", "baseline file")),
        (("--readings", "none.csv", *NOMINATION), ("none.csv", "No such file")),
        (("--readings", str(CONTRACT), *NOMINATION), ("contract.json", "needed are start, end")),
    ],
)
def test_what_cannot_be_settled(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    settle(CONTRACT, *words).says(2, *said)


def test_the_help_says_how_it_is_done() -> None:
    shown = " ".join(told("settle", "--help").good.split())
    for word in ("energy_wh", "Wh, import positive", "RFC 3339", "per kWh", "--baseline", "docs/settlement.md"):
        assert word in shown, word
