"""Faults of service."""
