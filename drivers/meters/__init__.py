"""Meters with registers, one file for each model or family of models."""
