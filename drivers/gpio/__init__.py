"""Relays and contacts on the node's own GPIO lines."""
