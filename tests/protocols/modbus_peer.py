"""Reply frames as pymodbus encodes them: a stranger's bytes, so that both sides cannot be wrong together."""

from collections.abc import Sequence

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsRequest,
    WriteMultipleCoilsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from protocols.modbus import Function, Request

_REQUESTS = {
    Function.READ_HOLDING: ReadHoldingRegistersRequest,
    Function.READ_INPUT: ReadInputRegistersRequest,
    Function.WRITE_SINGLE: WriteSingleRegisterRequest,
    Function.WRITE_MULTIPLE: WriteMultipleRegistersRequest,
}


def request_pdu(request: Request, transaction: int = 0) -> ModbusPDU:
    if request.function is Function.WRITE_COILS:
        bits = [bool(word) for word in request.words]
        return WriteMultipleCoilsRequest(
            address=request.address, bits=bits, dev_id=request.unit, transaction_id=transaction
        )
    if request.of_bits:
        read = ReadCoilsRequest if request.function is Function.READ_COILS else ReadDiscreteInputsRequest
        return read(dev_id=request.unit, transaction_id=transaction, address=request.address, count=request.count)
    kind = _REQUESTS[request.function]
    return kind(
        dev_id=request.unit,
        transaction_id=transaction,
        address=request.address,
        count=request.count,
        registers=list(request.words),
    )


def reply_pdu(request: Request, words: Sequence[int], transaction: int = 0) -> ModbusPDU:
    """What a device that does as asked answers; `words` are its registers."""
    unit, address, count = request.unit, request.address, request.count
    match request.function:
        case Function.READ_HOLDING:
            return ReadHoldingRegistersResponse(unit, transaction, registers=list(words))
        case Function.READ_INPUT:
            return ReadInputRegistersResponse(unit, transaction, registers=list(words))
        case Function.READ_COILS:
            return ReadCoilsResponse(unit, transaction, bits=[bool(word) for word in words])
        case Function.READ_CONTACTS:
            return ReadDiscreteInputsResponse(unit, transaction, bits=[bool(word) for word in words])
        case Function.WRITE_COILS:
            return WriteMultipleCoilsResponse(unit, transaction, address=address, count=count)
        case Function.WRITE_SINGLE:
            return WriteSingleRegisterResponse(unit, transaction, address=address, registers=list(request.words))
        case Function.WRITE_MULTIPLE:
            return WriteMultipleRegistersResponse(unit, transaction, address=address, count=count)


def exception_pdu(request: Request, code: int, transaction: int = 0) -> ModbusPDU:
    return ExceptionResponse(int(request.function), code, request.unit, transaction)


def tcp(pdu: ModbusPDU) -> bytes:
    return FramerSocket(DecodePDU(False)).buildFrame(pdu)


def rtu(pdu: ModbusPDU) -> bytes:
    return FramerRTU(DecodePDU(False)).buildFrame(pdu)
