"""Faces: how a register image is reached, over TCP, over a serial line, or in memory on virtual time."""
