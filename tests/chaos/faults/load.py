"""Faults of load."""
