"""How much of an image is read before it is refused, so that a hostile one costs bounded memory, disk and time.

Each value lies well above what real images need; the comments say where the room comes from.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

#: An index, manifest or configuration. Registries refuse manifests above 4 MiB.
JSON_BYTES: Final = 4 * MIB
#: An attestation; a software bill of materials is larger than a manifest.
ATTESTATION_BYTES: Final = 16 * MIB
#: How deep indexes may be nested in indexes; tools write one level.
INDEX_DEPTH: Final = 4
#: Descriptors in one index, and all indexes below it.
DESCRIPTORS: Final = 1000
#: Layers of one image. Overlay file systems stop at 127 or 500, depending on the kernel and the engine.
LAYERS: Final = 500
#: Members of an archive that holds an image (blobs, not files of the image).
ARCHIVE_MEMBERS: Final = 50_000

#: Uncompressed bytes of all layers together.
IMAGE_BYTES: Final = 32 * GIB
#: A layer may expand so many times its compressed size. Program code and text stay below 20.
EXPANSION: Final = 200
#: Below this many uncompressed bytes a layer may expand as it likes: a few zero-filled files are harmless.
EXPANSION_FREE: Final = 16 * MIB

#: Entries of all layers together; the largest common images (scientific Python, desktop systems) have about 300,000.
ENTRIES: Final = 500_000
#: Bytes of names, link targets, extended headers and sparse maps of all entries together.
METADATA_BYTES: Final = 128 * MIB
#: A header's extension: a PAX record set or a GNU long name. Linux limits extended attributes to 64 KiB.
HEADER_BYTES: Final = 256 * KIB
#: Parts of one sparse file, and what one of them costs in memory.
SPARSE_SEGMENTS: Final = 1000
SEGMENT_BYTES: Final = 128
#: Linux: PATH_MAX and NAME_MAX, in bytes, and the number of symbolic links followed for one path.
PATH_BYTES: Final = 4096
NAME_BYTES: Final = 255
SYMLINKS: Final = 40
#: Directories above an entry, and directories walked through for one path, its symbolic links included.
DEPTH: Final = 256
WALK: Final = 512

#: One file's content, asked for as a whole.
CONTENT_BYTES: Final = 256 * MIB
#: The window of a zstd frame, which its reader must hold in memory: what the zstd program itself accepts by default.
ZSTD_WINDOW: Final = 128 * MIB
