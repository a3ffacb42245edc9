"""A recorded device, served again: what it said then is what it says now. docs/record-replay.md."""
