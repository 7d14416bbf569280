"""What the service's packages share: log lines, service addresses, waiting and trying again."""
