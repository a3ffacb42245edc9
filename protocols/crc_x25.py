"""CRC-16/X-25, the check sum of HDLC frames and of SML.

Source: RFC 1662, C.2 (16-bit FCS); both protocols send the low byte first.
"""

from typing import Final


def _of_byte(byte: int) -> int:
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


_TABLE: Final = tuple(_of_byte(byte) for byte in range(256))


def x25(data: bytes) -> bytes:
    """The check sum as it stands on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return (crc ^ 0xFFFF).to_bytes(2, "little")
