"""What slaves in scripts hold and answer; decoded and encoded with pymodbus. A register holds 1000 * unit + address."""

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

from protocols.modbus import Function, Request
from tests.protocols import modbus_peer as peer


def content(unit: int, address: int, count: int) -> tuple[int, ...]:
    return tuple((1000 * unit + place) % 0x10000 for place in range(address, address + count))


def on_rtu(frame: bytes) -> Request:
    used, pdu = FramerRTU(DecodePDU(True)).handleFrame(frame, 0, 0)
    assert pdu is not None
    assert used == len(frame), f"not one whole request: {frame.hex(' ')}"
    return _request(pdu)


def on_tcp(frame: bytes) -> tuple[Request, int]:
    used, pdu = FramerSocket(DecodePDU(True)).handleFrame(frame, 0, 0)
    assert pdu is not None
    assert used == len(frame), f"not one whole request: {frame.hex(' ')}"
    return _request(pdu), pdu.transaction_id


def rtu(request: Request, *, shift: int = 0, more: int = 0) -> bytes:
    """The reply; `shift` and `more` make one from another address or with more registers."""
    return peer.rtu(peer.reply_pdu(request, content(request.unit, request.address + shift, request.count + more)))


def tcp(request: Request, transaction: int, *, more: int = 0) -> bytes:
    words = content(request.unit, request.address, request.count + more)
    return peer.tcp(peer.reply_pdu(request, words, transaction))


def _request(pdu: ModbusPDU) -> Request:
    return Request(pdu.dev_id, Function(pdu.function_code), pdu.address, pdu.count or 1, tuple(pdu.registers))
