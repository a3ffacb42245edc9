"""Planning: what the site's devices do in the hours to come, for the least money within comfort, contracts and limits."""
