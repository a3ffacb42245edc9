"""Whether a device does what its driver says of it: checks on what it shows and on what it obeys, and a certificate."""
