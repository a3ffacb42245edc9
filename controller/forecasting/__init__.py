"""Forecasting: what load, sun and weather will do in the hours to come, how sure that is, and how well it was told before."""
