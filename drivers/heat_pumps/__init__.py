"""Heat pumps with registers, as far as they show what they take; none is told anything here."""
