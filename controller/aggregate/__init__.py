"""Many thermostatic loads at once: what they can do together, and how each may come back after an event."""
