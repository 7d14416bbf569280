"""Keeps what was measured in files, within a bounded amount of space."""
