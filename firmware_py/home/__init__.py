"""The home node: the controller of a site, as a group of kept tasks round one pure decision."""
