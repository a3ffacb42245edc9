"""Modbus buses: TCP, RTU on a serial port, RTU over TCP. One owner per line, one transaction in flight."""
