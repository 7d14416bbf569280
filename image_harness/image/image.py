"""One image, read completely: documents, layers, file system."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from image_harness.image.archive import ArchiveSource, open_archive
from image_harness.image.attestations import Attestation, read_attestations
from image_harness.image.blobs import BlobSource, DirectorySource
from image_harness.image.budget import Budget
from image_harness.image.config import HistoryEntry, ImageConfig
from image_harness.image.docker_archive import select_from_docker_archive
from image_harness.image.errors import ImageError, printable
from image_harness.image.filesystem import FileSystem
from image_harness.image.layers import Layer, LayerScan, LayerScanner, check_diff_id, check_digest
from image_harness.image.layout import select_from_layout
from image_harness.image.manifest import Index, Manifest
from image_harness.image.merge import Merger
from image_harness.image.reference import ImageReference, Transport
from image_harness.image.selection import Selection
from image_harness.types import Digest, HealthCheck, Platform


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An image as data. Use it as a context manager, or close it: contents are read while it is open.

    Two images are equal when they are the same build, whatever the transport: same configuration, layers and file
    system, and the same manifest where both transports have one.

    Attributes:
        reference: Where it was read from.
        platform: What its configuration says it runs on.
        ids: What an engine may call it, depending on how it keeps images.
        manifest_digest: The manifest's digest; None where the transport keeps no manifest.
        config_digest: The configuration's digest, which Docker calls the image ID.
        manifest: The manifest; None where the transport keeps none.
        index: The index that lists the manifest; None where there is none.
        index_platform: What that index says it runs on.
        config: The configuration.
        layers: The layers, lowest first.
        filesystem: The layers laid over one another.
        attestations: In-toto statements about it.
    """

    reference: ImageReference
    platform: Platform
    ids: frozenset[Digest]
    manifest_digest: Digest | None
    config_digest: Digest
    manifest: Manifest | None = field(repr=False)
    index: Index | None = field(repr=False)
    index_platform: Platform | None
    config: ImageConfig = field(repr=False)
    layers: tuple[Layer, ...] = field(repr=False)
    filesystem: FileSystem = field(repr=False)
    attestations: tuple[Attestation, ...] = field(repr=False)
    _files: ExitStack = field(repr=False)

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        """How it was built."""
        return self.config.history

    @property
    def size(self) -> int:
        """Uncompressed bytes of all layers."""
        return sum(layer.uncompressed_size for layer in self.layers)

    @property
    def compressed_size(self) -> int:
        """Bytes of all layers as the transport holds them."""
        return sum(layer.size for layer in self.layers)

    @property
    def manifest_absence(self) -> str | None:
        """Why there is no manifest digest; None when there is one."""
        if self.manifest_digest is not None:
            return None
        return f"{self.reference.transport} has no manifest: the engine that saved the image does not keep one"

    @property
    def required_manifest(self) -> Manifest:
        """The manifest.

        Raises:
            ImageError: The transport keeps none, so nothing can be told of it.
        """
        if self.manifest is None:
            raise ImageError(
                self.manifest_absence or "no manifest", where=str(self.reference), fix="check an OCI layout or archive"
            )
        return self.manifest

    @property
    def health_check(self) -> HealthCheck | None:
        """The HEALTHCHECK; None where the image was built without one.

        Raises:
            ImageError: It was built with one, which its format has no place for: what it was cannot be told.
        """
        lost = self.config.lost_health_check
        if lost is not None:
            raise ImageError(
                f"the image's format lost the health check that it was built with ({lost!r})",
                where=str(self.reference),
                fix="build in Docker's format, or load what docker save wrote",
            )
        return self.config.health_check

    def close(self) -> None:
        """Close the files that contents are read from."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        digests = {self.manifest_digest, other.manifest_digest} - {None}
        return (
            len(digests) < 2
            and self.config_digest == other.config_digest
            and self.config == other.config
            and [layer.diff_id for layer in self.layers] == [layer.diff_id for layer in other.layers]
            and self.filesystem == other.filesystem
        )

    def __hash__(self) -> int:
        return hash(self.config_digest)


def open_image(
    reference: ImageReference, *, platform: Platform = Platform.LINUX_ARM64, docker_host: str | None = None
) -> Image:
    """Read an image: every document and layer once, every digest and size compared.

    Args:
        reference: Where it is.
        platform: Which image to take where there are several; a place that holds one only is taken at its word.
        docker_host: For ``docker-daemon``, where the engine listens, as DOCKER_HOST takes it; None for the
            environment's choice.

    Raises:
        ImageError: There is no such image, or it is damaged, hostile or over a limit (``image_harness.image.limits``).
    """
    with ExitStack() as files:
        parts = read_parts(reference, files, platform=platform, docker_host=docker_host)
        kept = ExitStack()
        image = merge_parts(reference, parts, kept)
        kept.push(files.pop_all())
        return image


@dataclass(frozen=True, slots=True, eq=False)
class ImageParts:
    """An image's documents and layers, read and checked, not yet laid over one another.

    Attributes:
        source: Where they are.
        selection: The documents.
        scans: What is in each layer, lowest first.
        layers: The layers, lowest first.
        budget: What reading them has left of the limits.
        where: The image, for messages.
    """

    source: BlobSource
    selection: Selection
    scans: tuple[LayerScan, ...]
    layers: tuple[Layer, ...]
    budget: Budget
    where: str


def read_parts(
    reference: ImageReference,
    files: ExitStack,
    *,
    platform: Platform = Platform.LINUX_ARM64,
    docker_host: str | None = None,
) -> ImageParts:
    """Read an image's documents and layers, as `open_image` does, and leave the merging to the caller.

    Args:
        reference: Where it is.
        files: Gets what must stay open while content can be asked for.
        platform: As for `open_image`.
        docker_host: As for `open_image`.

    Raises:
        ImageError: As for `open_image`.
    """
    where = printable(str(reference))
    with LayerScanner(where, files) as scanner, ExitStack() as streams:
        source = _open_source(reference, docker_host, scanner, files, streams)
        selection = _select(source, reference, platform)
        if reference.transport is Transport.DOCKER_DAEMON:
            from image_harness.image.daemon import require_asked_for  # noqa: PLC0415 - as for the transfer

            require_asked_for(reference, selection.ids, docker_host)
        scans, budget = scanner.scan(selection.layers)
    return ImageParts(source, selection, tuple(scans), _layers(selection, scans), budget, where)


def merge_parts(reference: ImageReference, parts: ImageParts, files: ExitStack) -> Image:
    """Lay an image's layers over one another.

    Args:
        reference: Where it is.
        parts: Its documents and layers.
        files: What closing the image closes.

    Raises:
        ImageError: A layer holds what does not belong into one.
    """
    selection = parts.selection
    merger = Merger(parts.budget)
    for layer, scan in zip(parts.layers, parts.scans, strict=True):
        merger.apply(layer, scan)
    return Image(
        reference=reference,
        platform=selection.config.platform,
        ids=selection.ids,
        manifest_digest=selection.manifest_digest,
        config_digest=selection.config_digest,
        manifest=selection.manifest,
        index=selection.index,
        index_platform=selection.entry.platform if selection.entry else None,
        config=selection.config,
        layers=parts.layers,
        filesystem=FileSystem(merger.root, tuple(merger.deleted), tuple(merger.overwritten), parts.where),
        attestations=read_attestations(parts.source, selection.attestations),
        _files=files,
    )


def _open_source(
    reference: ImageReference, docker_host: str | None, scanner: LayerScanner, files: ExitStack, streams: ExitStack
) -> BlobSource:
    """Open a reference's place; ``files`` closes what contents are read from, ``streams`` ends what still arrives."""
    if reference.transport is Transport.DOCKER_DAEMON:
        # Importing an engine client takes longer than reading a small image: only this transport pays for it.
        from image_harness.image.daemon import Transfer  # noqa: PLC0415

        transfer = Transfer(reference, docker_host)
        files.callback(transfer.blob.handle.close)
        streams.callback(transfer.stop)
        source = ArchiveSource(transfer.blob, files, scanner.read_ahead)
        transfer.finish()
        return source
    if reference.transport is Transport.OCI:
        return DirectorySource(Path(reference.location), files)
    return ArchiveSource(open_archive(Path(reference.location), files), files)


def _select(source: BlobSource, reference: ImageReference, platform: Platform) -> Selection:
    if reference.transport is Transport.DOCKER_DAEMON:
        # The engine has found the image by its own rules for names; what it sends is the one.
        reference = ImageReference(reference.transport, reference.location)
    if isinstance(source, ArchiveSource) and reference.transport is not Transport.OCI_ARCHIVE:
        return select_from_docker_archive(source, reference, platform)
    return select_from_layout(source, reference, platform)


def _layers(selection: Selection, scans: list[LayerScan]) -> tuple[Layer, ...]:
    """Compare all digests and say what each layer is.

    Raises:
        ImageError: A digest differs.
    """
    described = selection.manifest.layers if selection.manifest else ()
    config = selection.config
    found = []
    for index, scan in enumerate(scans):
        if described:
            check_digest(scan, described[index].digest)
        check_diff_id(scan, config.diff_ids[index])
        found.append(
            Layer(
                index=index,
                digest=scan.digest,
                diff_id=scan.diff_id,
                media_type=described[index].media_type if described else "",
                size=scan.blob.size,
                uncompressed_size=scan.content.size,
                created_by=config.instructions[index],
            )
        )
    return tuple(found)
