"""Hardware in the loop: a foreign simulator drives the node step by step, or runs beside it while the node is measured."""
