"""Verification: what is right is told, and whatever is done to a bundle, the first bad record is named."""

import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from firmware_py.evidence.archive import CHAIN_FILE, CONTRACT_FILE, MANIFEST_FILE, README_FILE, packed, unpacked
from firmware_py.evidence.bundle import Origin
from firmware_py.evidence.verify import as_csv, signers, verify
from protocols.contracts import Outcome, State, encode_contract
from protocols.evidence import TOKEN, BadRecord, hash_of, opened_manifest, opened_record, sealed, sealed_manifest
from protocols.faults import Refused
from protocols.signing import APPROVAL, key_id, sign
from tests.firmware_py.evidence.cases import (
    FIRST,
    ISSUER_KEY,
    ISSUER_PUBLIC,
    LAST,
    NODE_KEY,
    NODE_PUBLIC,
    SIGNED,
    STORY,
    TERMS,
    chain,
    event,
    interval,
    with_file,
    zipped,
)
from tests.scenarios.keys import private_key

MOST = 1_000_000


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


FILES = files_of(zipped())
RECORDS = FILES[CHAIN_FILE].splitlines()


def bad(files: dict[str, bytes], pinned: dict[str, str] = NODE_PUBLIC) -> tuple[str, int | None]:
    with pytest.raises(BadRecord) as caught:
        verify(files, pinned)
    return caught.value.file, caught.value.seq


def rejoined(records: list[bytes]) -> dict[str, bytes]:
    return with_file(FILES, CHAIN_FILE, b"".join(record + b"\n" for record in records))


def test_what_is_right_is_told() -> None:
    found = verify(FILES, NODE_PUBLIC)
    assert (found.manifest.first, found.manifest.last) == (FIRST, LAST)
    assert found.contract == TERMS
    assert found.outcome is Outcome.DELIVERED
    assert [each.state for each in found.events] == [State.RECEIVED, State.ACCEPTED, State.EXPIRED]
    assert [(each.role, each.pinned) for each in signers(found, NODE_PUBLIC)] == [("node", True), ("issuer", False)]
    assert as_csv(found.site_intervals()).splitlines() == [
        "start,end,energy_import_wh,energy_export_wh,quality",
        "2026-06-21T10:00:00.000Z,2026-06-21T10:15:00.000Z,2.5,0.0,good",
        "2026-06-21T10:15:00.000Z,2026-06-21T10:30:00.000Z,3.25,0.0,good",
    ]


def test_without_a_key_it_is_checked_against_its_own_and_said_so() -> None:
    assert [each.pinned for each in signers(verify(FILES, {}), {})] == [False, False]


def flips_are_found(flip: int, step: int) -> None:
    content = FILES[CHAIN_FILE]
    for place in range(0, len(content), step):
        changed = content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
        record = FIRST + content[:place].count(b"\n")
        assert bad(with_file(FILES, CHAIN_FILE, changed)) == (CHAIN_FILE, record), place


def test_bytes_of_any_record_changed_are_found_in_that_record() -> None:
    """Every 31st: each part of each record, in a second."""
    flips_are_found(0x01, 31)


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_any_byte_of_any_record_changed_is_found_in_that_record(flip: int) -> None:
    flips_are_found(flip, 1)


@pytest.mark.parametrize("name", [name for name in FILES if name != CHAIN_FILE])
def test_bytes_of_any_other_file_changed_are_found(name: str) -> None:
    content = FILES[name]
    for place in range(0, len(content), 13):
        changed = content[:place] + bytes([content[place] ^ 0x01]) + content[place + 1 :]
        file, _ = bad(with_file(FILES, name, changed))
        # A bad key shows where it is first needed, or by its name.
        assert file == name or name.startswith("keys/"), (file, name, place)


@pytest.mark.parametrize("index", range(len(RECORDS)))
def test_a_record_left_out_doubled_or_swapped_is_named_at_its_place(index: int) -> None:
    seq = FIRST + index
    assert bad(rejoined(RECORDS[:index] + RECORDS[index + 1 :])) == (CHAIN_FILE, seq)
    assert bad(rejoined(RECORDS[: index + 1] + RECORDS[index:])) == (CHAIN_FILE, seq + 1)
    if index:
        swapped = [*RECORDS[: index - 1], RECORDS[index], RECORDS[index - 1], *RECORDS[index + 1 :]]
        assert bad(rejoined(swapped)) == (CHAIN_FILE, seq - 1)


@pytest.mark.parametrize("cut", [1, 3, len(RECORDS)])
def test_a_chain_cut_at_its_head_or_its_end_is_found(cut: int) -> None:
    assert bad(rejoined(RECORDS[cut:])) == (CHAIN_FILE, FIRST)
    assert bad(rejoined(RECORDS[:-cut])) == (CHAIN_FILE, FIRST + len(RECORDS) - cut)


def test_a_record_of_another_chain_of_the_same_node_does_not_fit() -> None:
    """As after the journal was lost: the same numbers, the same key, another story."""
    other = chain(interval(-15, 9.0), *STORY[1:])
    mixed = [*RECORDS[:2], *other[FIRST + 1 : LAST]]
    assert bad(rejoined(mixed)) == (CHAIN_FILE, FIRST + 2)
    manifest = files_of(zipped(records=other))[MANIFEST_FILE]
    assert bad(with_file(FILES, MANIFEST_FILE, manifest)) == (CHAIN_FILE, FIRST)


def test_a_forger_with_a_key_of_his_own_is_found_where_the_verifier_has_the_right_one() -> None:
    thief = private_key("thief")
    forged = files_of(zipped(Origin("home-1", thief, "grid", ISSUER_PUBLIC), chain(*STORY, key=thief)))
    assert verify(forged, {}).node_key == key_id(thief)  # without a key nobody can tell
    assert bad(forged) == (MANIFEST_FILE, None)
    mixed = rejoined([*RECORDS[:2], *chain(*STORY, key=thief)[FIRST + 1 : LAST]])
    mixed[f"keys/{key_id(thief)}.jwk"] = forged[f"keys/{key_id(thief)}.jwk"]
    assert bad(mixed) == (CHAIN_FILE, FIRST + 2)


def resealed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a manifest of their own, as a node that lies would sign it."""
    manifest, _ = opened_manifest(files[MANIFEST_FILE], NODE_PUBLIC)
    hashes = {name: hash_of(content) for name, content in files.items() if name != MANIFEST_FILE}
    chain_ends = hash_of(files[CHAIN_FILE].splitlines()[-1])
    lying = msgspec.structs.replace(manifest, files=hashes, head=chain_ends)
    return with_file(files, MANIFEST_FILE, sealed_manifest(lying, NODE_KEY))


@pytest.mark.parametrize("change", [{"power_w": 5000.0}, {"aud": "home-2"}, {"id": "c-2"}])
def test_another_contract_in_its_place_is_found(change: dict[str, object]) -> None:
    """Properly signed by its issuer; and even where the node itself puts it in and signs the manifest anew."""
    other = with_file(FILES, CONTRACT_FILE, sign(encode_contract(msgspec.structs.replace(TERMS, **change)), ISSUER_KEY))
    assert bad(other) == (CONTRACT_FILE, None)
    assert bad(resealed(other)) == (CONTRACT_FILE, None)


def test_a_contract_for_another_node_is_found_though_the_chain_has_it() -> None:
    foreign = sign(encode_contract(msgspec.structs.replace(TERMS, aud="home-2")), ISSUER_KEY)
    story = [*STORY[:3], (TOKEN, b'"' + foreign + b'"'), *STORY[4:]]
    assert bad(files_of(zipped(records=chain(*story)))) == (CONTRACT_FILE, None)


def test_a_record_of_another_node_with_the_same_key_is_found() -> None:
    last = RECORDS[-1]
    link = msgspec.structs.replace(opened_record(last, NODE_PUBLIC), node="home-2")
    files = resealed(rejoined([*RECORDS[:-1], sealed(link, NODE_KEY)]))
    assert bad(files) == (CHAIN_FILE, LAST)
    assert verify(resealed(rejoined(RECORDS)), NODE_PUBLIC).contract == TERMS  # the helper itself does no harm


def test_a_contract_that_was_never_accepted_has_no_bundle() -> None:
    with pytest.raises(Refused, match="never accepted"):
        zipped(records=chain(*STORY[:3], event(State.RECEIVED), *STORY[4:]))


def test_files_put_in_or_left_out_are_found() -> None:
    assert bad({name: content for name, content in FILES.items() if name != README_FILE}) == (README_FILE, None)
    name = f"keys/{key_id(private_key('x'))}.jwk"
    extra = files_of(zipped(Origin("home-1", NODE_KEY, "grid", {**ISSUER_PUBLIC})))
    extra[name] = b"{}"
    assert bad(extra) == (name, None)
    extra[name] = FILES[f"keys/{key_id(NODE_KEY)}.jwk"]
    assert bad(extra) == (name, None)


def test_an_approval_must_be_signed_as_one() -> None:
    name = "approvals/zone-1.jws"
    assert bad({**FILES, name: SIGNED}) == (name, None)  # a contract is not an approval
    good = sign(b"{}", ISSUER_KEY, APPROVAL)
    assert bad({**FILES, name: good}) == (name, None)  # nor is one that the manifest does not name
    with pytest.raises(BadRecord, match="missing required field"):
        verify({**FILES, name: good}, NODE_PUBLIC)


# The zip file


def written(folder: Path, content: bytes) -> Path:
    path = folder / "b.zip"
    path.write_bytes(content)
    return path


def test_the_same_bundle_has_the_same_bytes(tmp_path: Path) -> None:
    assert zipped() == zipped()
    assert unpacked(written(tmp_path, zipped())) == FILES


def test_whatever_byte_of_the_zip_file_is_changed_nothing_wrong_is_believed(tmp_path: Path) -> None:
    content = zipped()
    for place in range(0, len(content), 11):
        changed = content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]
        try:
            verify(unpacked(written(tmp_path, changed)), NODE_PUBLIC)
        except BadRecord:
            continue
        assert unpacked(written(tmp_path, changed)) == FILES, place


@pytest.mark.parametrize(
    "name",
    [
        "../chain.jws",
        "/etc/passwd",
        "keys/../../x.jwk",
        "keys\\x.jwk",
        "chain.jws\n",
        "x",
        "keys/",
        "approvals/.jws",
        "é",
    ],
)
def test_names_that_are_paths_are_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, packed({**FILES, name: b""}))
    with pytest.raises(BadRecord, match="not a name that a bundle has"):
        unpacked(path)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO(zipped())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(whole, "a") as archive:
        archive.writestr(CHAIN_FILE, b"")
    with pytest.raises(BadRecord, match="stands twice"):
        unpacked(written(tmp_path, whole.getvalue()))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """10 MB of nothing in 10 kB; the header may say what it likes."""
    bomb = packed({**FILES, CHAIN_FILE: bytes(10 * MOST)})
    assert len(bomb) < MOST / 20
    with pytest.raises(BadRecord, match=r"chain\.jws: unpacks to more"):
        unpacked(written(tmp_path, bomb), MOST)
    size = (10 * MOST).to_bytes(4, "little")
    lying = bomb.replace(size, (5).to_bytes(4, "little"))
    assert lying != bomb
    with pytest.raises(BadRecord):
        unpacked(written(tmp_path, lying), MOST)


def test_many_files_other_packings_and_what_is_no_zip_are_refused(tmp_path: Path) -> None:
    crowd = {f"approvals/{number}.jws": b"" for number in range(1000)}
    with pytest.raises(BadRecord, match="at most 100"):
        unpacked(written(tmp_path, packed({**FILES, **crowd})))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(CHAIN_FILE, b"x")
    for content, reason in ((whole.getvalue(), "another way"), (b"PK", "no whole zip"), (packed({}), "is missing")):
        with pytest.raises(BadRecord, match=reason):
            unpacked(written(tmp_path, content))


def test_a_manifest_names_its_files_by_their_hash() -> None:
    assert verify(FILES, {}).manifest.files == {n: hash_of(c) for n, c in FILES.items() if n != MANIFEST_FILE}
