"""A Modbus server of Debian's libmodbus, as a process: `libmodbus_server.py tcp`, `libmodbus_server.py rtu PATH`.

By ctypes: the library comes with mbpoll. Serves unit 1, 200 registers of each table, `1000 + address` in each. Prints its
port (0 for rtu) once it listens, and ends when it is killed.
"""

import ctypes
import socket
import sys
from ctypes.util import find_library

ADU_MOST = 260


class Mapping(ctypes.Structure):
    """modbus_mapping_t of libmodbus 3.1, modbus.h."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("bits", "start_bits", "input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("input_registers", "start_input", "registers", "start_registers")),
        *((name, ctypes.POINTER(ctypes.c_uint8)) for name in ("tab_bits", "tab_input_bits")),
        *((name, ctypes.POINTER(ctypes.c_uint16)) for name in ("tab_input_registers", "tab_registers")),
    )


def serve(arguments: list[str]) -> None:
    """Until killed."""
    lib = ctypes.CDLL(find_library("modbus") or "libmodbus.so.5")
    for name in ("modbus_new_tcp", "modbus_new_rtu"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    registers = lib.modbus_mapping_new(0, 0, 200, 200)
    for address in range(200):
        registers.contents.tab_registers[address] = registers.contents.tab_input_registers[address] = 1000 + address
    port, listening = 0, ctypes.c_int(-1)
    if arguments[0] == "tcp":
        context = ctypes.c_void_p(lib.modbus_new_tcp(b"127.0.0.1", 0))
        listening.value = lib.modbus_tcp_listen(context, 4)
        with socket.socket(fileno=listening.value) as known:
            port = known.getsockname()[1]
            known.detach()
        print(port, flush=True)
        lib.modbus_tcp_accept(context, ctypes.byref(listening))
    else:
        context = ctypes.c_void_p(lib.modbus_new_rtu(arguments[1].encode(), 9600, ctypes.c_char(b"N"), 8, 1))
        lib.modbus_set_slave(context, 1)
        if lib.modbus_connect(context) < 0:
            raise OSError(f"libmodbus can not open {arguments[1]}")
        print(port, flush=True)
    query = (ctypes.c_uint8 * ADU_MOST)()
    while True:
        size = lib.modbus_receive(context, query)
        if size > 0:
            lib.modbus_reply(context, query, size, registers)
        elif size < 0 <= listening.value:
            lib.modbus_tcp_accept(context, ctypes.byref(listening))


if __name__ == "__main__":
    serve(sys.argv[1:])
