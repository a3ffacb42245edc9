"""Decisions, pure: no I/O, no clock, no randomness. Time comes in as a value, everything goes out as a value."""
