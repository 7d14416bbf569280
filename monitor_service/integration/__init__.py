"""Clients of the sibling services: server manager, XRDP and controller."""
