"""The only I/O towards hardware: buses, and one file per device model."""
