"""A Modbus server of Debian's libmodbus, as a process: `libmodbus_server.py tcp [FILE]`, `libmodbus_server.py rtu PATH [FILE]`.

By ctypes: the library comes with mbpoll. Serves unit 1, 200 registers of each table, `1000 + address` in each; with a FILE
of lines `table address word` all 65,536, and 0 in those that it does not name. Prints its
port (0 for rtu) once it listens, and ends when it is killed.
"""

import ctypes
import socket
import sys
from ctypes.util import find_library
from pathlib import Path

ADU_MOST = 260


class Mapping(ctypes.Structure):
    """modbus_mapping_t of libmodbus 3.1, modbus.h."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("bits", "start_bits", "input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("input_registers", "start_input", "registers", "start_registers")),
        *((name, ctypes.POINTER(ctypes.c_uint8)) for name in ("tab_bits", "tab_input_bits")),
        *((name, ctypes.POINTER(ctypes.c_uint16)) for name in ("tab_input_registers", "tab_registers")),
    )


def filled(lib: ctypes.CDLL, files: list[str]) -> "ctypes._Pointer[Mapping]":
    """The registers."""
    size = 0x10000 if files else 200
    registers: ctypes._Pointer[Mapping] = lib.modbus_mapping_new(0, 0, size, size)
    tables = {3: registers.contents.tab_registers, 4: registers.contents.tab_input_registers}
    for file in files:
        for line in Path(file).read_text().splitlines():
            table, address, word = map(int, line.split())
            tables[table][address] = word
    if not files:
        for address in range(size):
            tables[3][address] = tables[4][address] = 1000 + address
    return registers


def serve(arguments: list[str]) -> None:
    """Until killed."""
    lib = ctypes.CDLL(find_library("modbus") or "libmodbus.so.5")
    for name in ("modbus_new_tcp", "modbus_new_rtu"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    registers = filled(lib, arguments[1 if arguments[0] == "tcp" else 2 :])
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
