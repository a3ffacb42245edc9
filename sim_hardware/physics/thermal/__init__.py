"""Heat: houses, tanks and the machines that warm and cool them. SI units; temperatures in degrees Celsius.

Heat flows are positive into the house or tank, electrical powers positive when drawn. `vector.py`, one level up, holds
the same equations for thousands of homes at once.
"""
