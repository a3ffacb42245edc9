"""Settlement: interval readings against a contract, in whole milliwatt-hours and exact decimals. Pure."""
