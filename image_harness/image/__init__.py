"""The image as data: read from an engine, an archive or a layout, without starting anything.

``open_image`` reads every layer once and checks every digest; what it returns answers questions about configuration,
layers and the merged file system. What files say is read by the modules beside this page: ``elf``, ``debian``,
``python_distributions``, ``accounts`` and ``certificates``.
"""

from image_harness.image.attestations import Attestation
from image_harness.image.config import HistoryEntry, ImageConfig
from image_harness.image.entries import DeletedEntry, Entry, EntryType, OverwrittenEntry
from image_harness.image.errors import ImageError
from image_harness.image.filesystem import FileSystem
from image_harness.image.image import Image, open_image
from image_harness.image.layers import Layer
from image_harness.image.manifest import Descriptor, Index, Manifest
from image_harness.image.reference import ImageReference, Transport

__all__ = [
    "Attestation",
    "DeletedEntry",
    "Descriptor",
    "Entry",
    "EntryType",
    "FileSystem",
    "HistoryEntry",
    "Image",
    "ImageConfig",
    "ImageError",
    "ImageReference",
    "Index",
    "Layer",
    "Manifest",
    "OverwrittenEntry",
    "Transport",
    "open_image",
]
