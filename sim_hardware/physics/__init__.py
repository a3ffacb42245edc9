"""Physics: each part steps with `after(dt_s)`, takes no clock and draws only from the generator it was given."""
