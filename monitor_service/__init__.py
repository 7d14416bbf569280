"""The RDP resource monitor: what the image holds under ``/app``.

The packages beside this file are imported by their own names (``resource_monitor``, ``recorder``, ``common``,
``integration``), as the folder that holds them is on ``PYTHONPATH``.
"""
