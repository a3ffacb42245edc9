"""What is switched: relays and inputs, a heat pump's SG-Ready contacts, tap changers, capacitor banks."""
