"""DLMS pushes from bytes to telegrams: HDLC frames, general ciphering, data notification.

Source: DLMS UA Green Book, general-glo-ciphering [219]: system title, security control, invocation counter, text, tag;
        security suite 0 and 1 (AES-128-GCM; nonce = title and counter, associated data = security control and
        authentication key). Read through dlms-cosem 25.1 (MIT) and the ciphered capture in tests/vectors/.
Doubt:  one meter on one line: the first system title that opens is the one. A counter that does not rise is a replay and
        refused; what was seen is forgotten when the process ends. With an
        authentication key, a push without a tag is refused; with any key, one in the clear. Without an authentication
        key a tag can not be checked and is not: then the push is as trustworthy as one in the clear.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.cosem import length, notification
from protocols.hdlc import HdlcReader
from protocols.telegrams import Event, Malformed, Rejected, Telegram

_CIPHERED: Final = 0xDB
_TITLE_BYTES: Final = 8
_TAG_BYTES: Final = 12
_SUITE, _AUTHENTICATED, _ENCRYPTED, _COMPRESSED = 0x0F, 0x10, 0x20, 0x80
_HEAD_BYTES: Final = 5  # security control, counter


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one meter, 16 bytes each; `system_title` (8 bytes) where it must be a certain one, or the push has none.

    ValueError for a wrong length, without showing the key.
    """

    encryption: bytes = field(repr=False)
    authentication: bytes | None = field(default=None, repr=False)
    system_title: bytes | None = None

    def __post_init__(self) -> None:
        """Check the lengths."""
        named = (("encryption_key", self.encryption, 16), ("authentication_key", self.authentication, 16))
        for name, value, size in (*named, ("system_title", self.system_title, _TITLE_BYTES)):
            if value is not None and len(value) != size:
                raise ValueError(f"{name}: {len(value)} bytes, {size} are needed")


class DlmsReader:
    """Implements `protocols.telegrams.TelegramReader`; `keys` where the meter ciphers."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._hdlc = HdlcReader()
        self._keys = keys
        self._title: bytes | None = None
        self._counter = -1

    def feed(self, data: bytes) -> list[Event]:
        """Take what arrived; what has become whole by it, in order."""
        return [self._judged(found) for found in self._hdlc.feed(data)]

    def _judged(self, found: bytes | Malformed) -> Event:
        try:
            if isinstance(found, Malformed):
                raise found
            return self._opened(found) if found[:1] == bytes((_CIPHERED,)) else self._clear(found)
        except Malformed as error:
            return Rejected(str(error))

    def _clear(self, apdu: bytes) -> Telegram:
        if self._keys is not None:
            raise Malformed("not ciphered, though there is a key")
        return notification(apdu)

    def _opened(self, apdu: bytes) -> Telegram:
        if self._keys is None:
            raise Malformed("ciphered, and there is no key")
        title, content = _split(apdu, self._keys.system_title)
        counter = int.from_bytes(content[1:_HEAD_BYTES], "big")
        if self._title not in (None, title):
            raise Malformed(f"system title {title.hex()}, another meter's")
        if counter <= self._counter:
            raise Malformed(f"frame counter {counter} after {self._counter}: a replay")
        telegram = notification(_decrypted(title, content, self._keys))
        self._title, self._counter = title, counter
        return telegram


def _split(apdu: bytes, expected: bytes | None) -> tuple[bytes, bytes]:
    """System title, and security header with text and tag."""
    size, at = length(apdu, 1)
    title = apdu[at : at + size] if size else expected or b""
    if len(title) != _TITLE_BYTES:
        raise Malformed(f"a system title of {len(title)} bytes: name it in the key file")
    if expected not in (None, title):
        raise Malformed(f"system title {title.hex()}, the key file is for another")
    told, at = length(apdu, at + size)
    if told != len(apdu) - at or told <= _HEAD_BYTES:
        raise Malformed(f"ciphered content of {len(apdu) - at} bytes where {told} are told")
    return title, apdu[at:]


def _decrypted(title: bytes, content: bytes, keys: Keys) -> bytes:
    control, nonce, text = content[0], title + content[1:_HEAD_BYTES], content[_HEAD_BYTES:]
    if not control & _ENCRYPTED or control & _COMPRESSED or control & _SUITE > 1:
        raise Malformed(f"security control {control:02x} is not supported")
    if not control & _AUTHENTICATED:
        if keys.authentication is not None:
            raise Malformed("no authentication tag, though there is a key for it")
        return _stream(keys.encryption, nonce, text)
    if len(text) <= _TAG_BYTES:
        raise Malformed("ciphered content without a tag")
    text, tag = text[:-_TAG_BYTES], text[-_TAG_BYTES:]
    if keys.authentication is None:
        return _stream(keys.encryption, nonce, text)
    gcm = Cipher(algorithms.AES(keys.encryption), modes.GCM(nonce, tag, min_tag_length=_TAG_BYTES)).decryptor()
    gcm.authenticate_additional_data(content[:1] + keys.authentication)
    try:
        return gcm.update(text) + gcm.finalize()
    except InvalidTag:
        raise Malformed("the authentication tag is wrong: key, or message") from None


def _stream(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """The text of GCM without its tag: its counter stands at 2 where the text begins (NIST SP 800-38D, 7.1)."""
    counter = modes.CTR(nonce + b"\x00\x00\x00\x02")
    cipher = Cipher(algorithms.AES(key), counter).decryptor()
    return cipher.update(text) + cipher.finalize()
