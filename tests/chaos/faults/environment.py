"""Faults of environment."""
