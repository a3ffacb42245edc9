"""What two sides must agree on: quantities, readings, ports, faults, message types and codecs without I/O."""
