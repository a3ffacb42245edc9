"""The meter: samples in, quantities, registers and events out."""
