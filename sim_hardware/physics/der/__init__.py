"""What an inverter does by itself when voltage and frequency move: the grid functions of IEEE 1547-2018.

Source: EPRI's OpenDER 2.2 (BSD-3), whose files and parameter names are cited; the standard itself was not at hand. The
        films in tests/sim_hardware/test_der_films.py run both side by side.
Units:  per unit of `Ratings` (active power of `power_w`, reactive and apparent power of `apparent_va`, voltage of nominal).
Sign:   as the functions are written everywhere, injection is positive, active and reactive; `DerPlant` flips it.
At 50 Hz: OpenDER hard-codes 60 Hz; thresholds here keep its distance in hertz from nominal, droop its per-unit slope.
"""
