"""Where the meter's samples come from: recordings in files, and converters."""
