"""The resource monitor: measures RDP sessions and the host, and tells what it finds over HTTP."""

SERVICE = "rdp-monitor"
"""The name under which the service presents itself."""

__version__ = "1.0.0"
