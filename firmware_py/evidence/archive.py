"""The zip file of a bundle: written the same every time, read with suspicion, never unpacked to disk."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

from protocols.evidence import BadRecord

MANIFEST_FILE: Final = "manifest.jws"
CONTRACT_FILE: Final = "contract.jws"
CHAIN_FILE: Final = "chain.jws"
README_FILE: Final = "README.txt"
STATEMENT_FILE: Final = "statement.json"
APPROVALS: Final = "approvals/"
MESSAGES: Final = "messages/"
# Nothing else may be in a bundle; no name that a path could be made of.
_NAMES: Final = re.compile(
    r"manifest\.jws|contract\.jws|chain\.jws|README\.txt|keys/[A-Za-z0-9_-]{43}\.jwk|(approvals|messages)/[A-Za-z0-9_-]{1,64}\.jws|statement\.json"
)
_NEEDED: Final = (MANIFEST_FILE, CONTRACT_FILE, CHAIN_FILE)
_MOST_FILES: Final = 1000
# A year of quarter hours of ten devices is some 350 MB; a dispatch is a week at most and announced for a month.
_MOST_BYTES: Final = 256 * 1024 * 1024
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
# Zip files have no zone and begin in 1980; no time at all is better than one that seems to say something.
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip file; the same files give the same bytes."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_TIME), content, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def unpacked(path: Path, most_bytes: int = _MOST_BYTES) -> dict[str, bytes]:
    """The files of a bundle; BadRecord for anything that a bundle does not have, before any of it is believed."""
    size = path.stat().st_size
    if size > most_bytes:
        raise BadRecord(path.name, f"has {size} bytes: at most {most_bytes} are allowed")
    try:
        with zipfile.ZipFile(BytesIO(path.read_bytes())) as archive:
            return _files(archive, path.name, most_bytes)
    # What the zip reader says of bytes that make no sense: places before the beginning, names that are no text.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise BadRecord(path.name, f"is no whole zip file: {error}") from error


def _files(archive: zipfile.ZipFile, whole: str, most_bytes: int) -> dict[str, bytes]:
    infos = archive.infolist()
    if len(infos) > _MOST_FILES:
        raise BadRecord(whole, f"has {len(infos)} files: at most {_MOST_FILES} are allowed")
    files: dict[str, bytes] = {}
    for info in infos:
        _insist_plain(info, files)
        files[info.filename] = _content(archive, info, most_bytes - sum(map(len, files.values())))
    for name in _NEEDED:
        if name not in files:
            raise BadRecord(name, "is missing")
    return files


def _insist_plain(info: zipfile.ZipInfo, files: Mapping[str, bytes]) -> None:
    name = info.filename
    # orig_filename: the zip reader cuts a name at a null byte.
    if not _NAMES.fullmatch(name) or info.orig_filename != name:
        raise BadRecord(ascii(info.orig_filename)[:100], "is not a name that a bundle has")
    if name in files:
        raise BadRecord(name, "stands twice in the zip file")
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise BadRecord(name, "is encrypted or packed in another way than deflate")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, room: int) -> bytes:
    """What is in a file, without believing the size that its header tells."""
    with archive.open(info) as packed_file:
        content = packed_file.read(max(room, 0) + 1)
        if len(content) > room:
            raise BadRecord(info.filename, "unpacks to more than is allowed in a bundle")
        return content
