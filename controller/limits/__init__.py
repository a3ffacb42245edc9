"""Limits from outside: what the grid operator allows at the connection point, and what holds when nobody says. Pure."""
