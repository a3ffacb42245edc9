"""The demo: a simulated home on real wires, the real home node, a broker, a head-end and a scripted contract."""
