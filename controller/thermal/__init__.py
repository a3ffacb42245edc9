"""Heat as decisions see it: small models of houses and tanks, how they are learnt, and what they need."""
