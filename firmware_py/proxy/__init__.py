"""A Modbus TCP server for other programs, in front of a bus that belongs to somebody else. docs/proxy.md."""
