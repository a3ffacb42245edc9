"""What is installed on a device: configuration, the one composition root, supervision, journal, daemons and the CLI."""
