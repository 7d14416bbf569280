"""ELF files made in memory: headers, a dynamic section and symbol versions, and no code."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from image_harness.image.elf import ElfClass, Machine

_BASE = 0x10000


@dataclass
class ElfBuilder:
    """One file; everything that a loader reads."""

    machine: int = Machine.AARCH64
    elf_class: ElfClass = ElfClass.ELF64
    little_endian: bool = True
    interpreter: str | None = None
    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: str | None = None
    runpath: str | None = None
    needed_versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defined_versions: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()

    def build(self) -> bytes:
        order = "<" if self.little_endian else ">"
        wide = self.elf_class is ElfClass.ELF64
        header_size, segment_size = (64, 56) if wide else (52, 32)
        body = bytearray(header_size + 3 * segment_size)
        strings = bytearray(b"\0")

        def text(value: str) -> int:
            data = value.encode() + b"\0"
            strings.extend(data)
            return len(strings) - len(data)

        def place(data: bytes) -> int:
            body.extend(bytes(-len(body) % 8))
            body.extend(data)
            return len(body) - len(data)

        tags = [(1, text(name)) for name in self.needed]
        tags += [
            (tag, text(value)) for tag, value in ((14, self.soname), (15, self.rpath), (29, self.runpath)) if value
        ]
        if self.needed_versions:
            tags += [(0x6FFFFFFE, _BASE + place(self._needed(order, text))), (0x6FFFFFFF, len(self.needed_versions))]
        if self.defined_versions:
            tags += [(0x6FFFFFFC, _BASE + place(self._defined(order, text))), (0x6FFFFFFD, len(self.defined_versions))]
        interpreter = (self.interpreter or "").encode() + b"\0"
        interpreter_at = place(interpreter)
        tags += [(5, _BASE + place(bytes(strings))), (10, len(strings)), (0, 0)]
        dynamic = b"".join(struct.pack(order + ("qQ" if wide else "iI"), *tag) for tag in tags)
        dynamic_at = place(dynamic)

        def segment(kind: int, offset: int, size: int) -> bytes:
            address = _BASE + offset
            if wide:
                return struct.pack(order + "IIQQQQQQ", kind, 4, offset, address, address, size, size, 8)
            return struct.pack(order + "IIIIIIII", kind, offset, address, address, size, size, 4, 8)

        segments = [segment(1, 0, len(body)), segment(2, dynamic_at, len(dynamic))]
        if self.interpreter is not None:
            segments.append(segment(3, interpreter_at, len(interpreter)))
        ident = b"\x7fELF" + bytes((self.elf_class, 1 if self.little_endian else 2, 1)) + bytes(9)
        shape = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
        header = struct.pack(
            order + shape, 3, self.machine, 1, 0, header_size, 0, 0, header_size, segment_size, len(segments), 0, 0, 0
        )
        front = ident + header + b"".join(segments)
        body[: len(front)] = front
        return bytes(body)

    def _needed(self, order: str, text: Callable[[str], int]) -> bytes:
        data = b""
        for number, (library, versions) in enumerate(self.needed_versions.items(), start=1):
            last = number == len(self.needed_versions)
            size = 16 * (1 + len(versions))
            data += struct.pack(order + "HHIII", 1, len(versions), text(library), 16, 0 if last else size)
            for index, version in enumerate(versions, start=1):
                step = 0 if index == len(versions) else 16
                flags = 2 if version in self.weak else 0
                data += struct.pack(order + "IHHII", 0, flags, 2, text(version), step)
        return data

    def _defined(self, order: str, text: Callable[[str], int]) -> bytes:
        data = b""
        for number, version in enumerate(self.defined_versions, start=1):
            step = 0 if number == len(self.defined_versions) else 28
            data += struct.pack(order + "HHHHIII", 1, 0, number, 1, 0, 20, step)
            data += struct.pack(order + "II", text(version), 0)
        return data
