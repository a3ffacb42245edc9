"""Test signals: sampled voltages and currents of which every quantity is known beforehand. Pure; time comes in as an index."""
