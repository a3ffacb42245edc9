"""Planning on the node: facts become a site, a solver of its own process makes a plan, and the cycle gets its orders."""
