"""Whatever bytes an image is made of, reading it works or ends in one line, and nothing else.

What was found this way is kept as an example in the tests of the module concerned.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import posixpath
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from image_harness.image import FileSystem, ImageError, ImageReference, open_image
from image_harness.image.accounts import accounts
from image_harness.image.certificates import ca_certificates, damaged_certificates
from image_harness.image.debian import debian_packages, verify_md5sums
from image_harness.image.elf import elf_files
from image_harness.image.libraries import Libraries, glibc_version
from image_harness.image.python_distributions import python_distributions, verify_record
from image_harness.image.python_environment import PythonEnvironment, python_environment, unmet_requirements
from image_harness.image.tar import TarMember, TarParser
from image_harness.image.tar_fields import pax_records
from image_harness.types import Platform
from tests.image import builder
from tests.image.builder import ImageBuilder, Node, dump, hard_link, open_built, symlink, tar
from tests.image.elf_builder import ElfBuilder

#: How many examples per test; set it to some thousands for a search of an hour.
EXAMPLES = int(os.environ.get("IMAGE_FUZZ_EXAMPLES", "25"))
fuzz = settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])

STATEMENT = {"predicateType": "a", "subject": [{"digest": {"sha256": "ab" * 32}}]}


def _image(compression: str = "gzip") -> ImageBuilder:
    build = ImageBuilder(compression=compression, attestations=[STATEMENT])
    build.run = {
        "Env": ["A=1"],
        "Labels": {"a": "b"},
        "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1, "Retries": 3},
    }
    build.layer({"d/": builder.directory(), "d/f": b"content" * 100, "l": symlink("d/f"), "h": hard_link("d/f")})
    return build.layer({"d/.wh.f": b"", "new" * 60: Node(b"", pax={"SCHILY.xattr.a": "b"})})


def _expect_one_line(work: Callable[[], object]) -> None:
    """Do something that may fail in one way only."""
    line = ""
    try:
        work()
    except ImageError as error:
        line = str(error)
    assert line.isprintable()
    assert len(line) < 3500


def _open_everything(reference: str) -> None:
    with open_image(ImageReference.parse(reference)) as image:
        for entry in image.filesystem.walk():
            assert image.filesystem.entry(entry.path, follow=False) == entry
            if entry.is_file:
                assert len(image.filesystem.read_bytes(entry)) == entry.size


@st.composite
def _damage(draw: st.DrawFn, data: bytes) -> bytes:
    """Flip, cut, repeat or insert bytes at a few places."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(0, len(changed) - 1)))
        size = draw(st.sampled_from([1, 2, 12, 512, 1024, 4096]))
        match draw(st.sampled_from(["set", "flip", "cut", "truncate", "repeat", "insert"])):
            case "set":
                changed[position : position + 1] = draw(st.binary(min_size=1, max_size=12))
            case "flip" if changed:
                changed[position] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del changed[position : position + size]
            case "truncate":
                del changed[position:]
            case "repeat":
                changed[position:position] = changed[position : position + size]
            case _:
                changed[position:position] = bytes(size)
    return bytes(changed)


ARCHIVES = {
    "oci-archive": tar(_image("zstd").layout()),
    "oci-archive compressed": builder.compress(tar(_image("none").layout()), "gzip"),
    "docker-archive": tar(_image().docker_archive("a:1")),
    "docker-archive with layout": tar({**_image().layout(), **_image().docker_archive("a:1")}),
}


@pytest.mark.parametrize("name", ARCHIVES)
@fuzz
@given(data=st.data())
def test_a_damaged_archive_is_read_or_refused(name: str, data: st.DataObject) -> None:
    damaged = data.draw(_damage(ARCHIVES[name]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.tar"
        path.write_bytes(damaged)
        _expect_one_line(lambda: _open_everything(f"{name.partition(' ')[0]}:{path}"))


LAYER = tar(
    [
        ("d/", builder.directory(uid=2**31)),
        ("d/f" * 50, b"x" * 700),
        ("sparse", Node(b"x" * 512, pax={"GNU.sparse.map": "512,512", "GNU.sparse.size": "2048"})),
        ("map", Node(b"1\n0\n3\n".ljust(512, b"\0") + b"abc", pax={"GNU.sparse.major": "1", "GNU.sparse.size": "3"})),
        ("l", symlink("t" * 200)),
    ]
)  # fmt: skip


@fuzz
@given(data=st.data())
def test_a_damaged_layer_parses_the_same_however_it_is_cut_into_pieces(data: st.DataObject) -> None:
    damaged = data.draw(st.one_of(_damage(LAYER), st.binary(max_size=3000)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(damaged)), max_size=8)))

    def parse(pieces: list[bytes]) -> tuple[list[TarMember], str]:
        members: list[TarMember] = []
        parser = TarParser("layer", members.append, lambda _: None)
        try:
            for piece in pieces:
                parser.feed(piece)
            parser.close()
        except ImageError as error:
            return members, str(error)
        return members, ""

    pieces = [damaged[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(damaged)], strict=True)]
    assert parse(pieces) == parse([damaged])


@pytest.mark.timeout(20)
@settings(fuzz, max_examples=EXAMPLES * 20)
@given(body=st.text("0159 =\na", max_size=30).map(str.encode))
def test_the_records_of_an_extended_header_add_up_to_it_or_are_refused(body: bytes) -> None:
    try:
        records = pax_records(body)
    except ValueError:
        return
    # What surrounds a record is its length, a space, an equals sign and a line end.
    assert sum(len(key) + len(value) + 4 for key, value in records) <= len(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def _change(draw: st.DrawFn, document: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Replace, drop or double one value somewhere in a JSON document."""
    changed = copy.deepcopy(document)
    holder: Any = changed
    while True:
        key: Any = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or draw(st.booleans()):
            break
        holder = holder[key]
    if isinstance(holder, list):
        holder[key : key + 1] = draw(st.sampled_from([[], [holder[key]] * 2])) if draw(st.booleans()) else [draw(JSON)]
    elif draw(st.booleans()):
        holder[key] = draw(JSON)
    else:
        del holder[key]
    return changed


@pytest.mark.parametrize("name", ["index", "manifest", "config", "attestation", "docker manifest"])
@fuzz
@given(data=st.data())
def test_a_document_of_the_wrong_shape_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """The digests that lead to the document are made right, so that its content is reached."""
    build = _image()
    transport = "oci-archive"
    files: dict[str, bytes] = {}
    if name == "config":
        build.config_changes = data.draw(_change(json.loads(build.config)))
        assume(isinstance(build.config_changes, dict))
    elif name == "manifest":
        build.manifest_changes = data.draw(_change(json.loads(build.manifest)))
    elif name == "attestation":
        build.attestations = [data.draw(_change(STATEMENT))]
    files = build.layout(nested=False)
    if name == "index":
        files["index.json"] = dump(data.draw(_change(json.loads(files["index.json"]))))
    elif name == "docker manifest":
        transport = "docker-archive"
        files = build.docker_archive("a:1")
        files["manifest.json"] = dump(data.draw(_change(json.loads(files["manifest.json"]))))
    with tempfile.TemporaryDirectory() as folder:
        reference = builder.write_archive(files, Path(folder) / "archive.tar", transport)
        _expect_one_line(lambda: _open_everything(reference))


NAMES = st.lists(st.sampled_from(["a", "b", "c", "..", ".wh.a", ".wh.b", ".wh..wh..opq"]), min_size=1, max_size=3)
NODES = st.one_of(
    st.binary(max_size=4).map(Node),
    st.just(builder.directory()),
    NAMES.map(lambda parts: symlink("/".join(parts))),
    NAMES.map(lambda parts: symlink("/" + "/".join(parts))),
    NAMES.map(lambda parts: hard_link("/".join(parts))),
)
LAYERS = st.lists(st.lists(st.tuples(NAMES.map("/".join), NODES), max_size=6), min_size=1, max_size=4)


@settings(fuzz, max_examples=3 * EXAMPLES)
@given(layers=LAYERS)
def test_layers_of_any_entries_give_a_consistent_tree_or_are_refused(layers: list[list[tuple[str, Node]]]) -> None:
    build = ImageBuilder()
    for entries in layers:
        build.layer(entries)
    with tempfile.TemporaryDirectory() as folder:

        def check() -> None:
            with open_built(build, Path(folder)) as image:
                _check_tree(image.filesystem)

        _expect_one_line(check)


def _check_tree(fs: FileSystem) -> None:
    paths = [entry.path for entry in fs.walk()]
    assert len(set(paths)) == len(paths)
    for entry in fs.walk():
        assert entry == fs.entry(entry.path, follow=False)
        assert not any(part.startswith(".wh.") for part in entry.path.split("/"))
        parent = fs.entry(posixpath.dirname(entry.path), follow=False)
        assert parent is not None
        assert parent.is_directory
        _expect_one_line(lambda path=entry.path: fs.exists(path))  # type: ignore[misc]
    for item in fs.deleted:
        assert item.entry.layer < item.deleted_by
    for replaced in fs.overwritten:
        assert replaced.entry.layer <= replaced.overwritten_by


ELF = ElfBuilder(
    interpreter="/lib/ld.so",
    needed=("libc.so.6",),
    runpath="$ORIGIN:/opt",
    needed_versions={"libc.so.6": ("GLIBC_2.17", "GLIBC_2.34")},
    defined_versions=("a", "b"),
).build()


@settings(fuzz, max_examples=2 * EXAMPLES)
@given(data=st.data())
def test_a_damaged_elf_file_is_read_or_refused(data: st.DataObject) -> None:
    files = {"lib/libc.so.6": data.draw(_damage(ELF)), "opt/user": ELF}
    with tempfile.TemporaryDirectory() as folder, open_built(ImageBuilder().layer(files), Path(folder)) as image:
        fs = image.filesystem

        def check() -> None:
            for elf in elf_files(fs):
                Libraries(fs).missing(elf)
                Libraries(fs).missing_versions(elf)
                glibc_version(fs, elf)

        _expect_one_line(check)


SITE = "usr/lib/python3.11/site-packages"
INFO = f"{SITE}/a-1.dist-info"
TEXTS: dict[str, bytes] = {
    "var/lib/dpkg/status.d/a": b"Package: a\nVersion: 1\nArchitecture: all\nDescription: x\n y\n",
    "var/lib/dpkg/status.d/a.md5sums": b"d41d8cd98f00b204e9800998ecf8427e  empty\n",
    "etc/passwd": b"root:x:0:0:root:/root:/sbin/nologin\n",
    "etc/group": b"root:x:0:a,b\n",
    "etc/ssl/certs/ca-certificates.crt": b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "etc/ld.so.conf": b"include *.conf\n/opt\n",
    f"{INFO}/METADATA": b"Name: a\nVersion: 1\nRequires-Dist: b>=1; python_version < '3.12'\n\nbody\n",
    f"{INFO}/WHEEL": b"Tag: py3-none-any\n",
    f"{INFO}/RECORD": b"a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n../../../bin/a,,\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\na = a:b\n",
    "usr/bin/a": b"#!/usr/bin/python3 -E\n",
    "empty": b"",
    "lib/user": ELF,
}


@pytest.mark.parametrize("name", [name for name, content in TEXTS.items() if content])
@fuzz
@given(data=st.data())
def test_a_damaged_file_of_the_image_is_read_or_refused(name: str, data: st.DataObject) -> None:
    damaged = data.draw(st.one_of(_damage(TEXTS[name]), st.text().map(lambda text: text.encode("utf-8", "replace"))))
    _expect_one_line_each({**TEXTS, name: damaged})


#: What files are made of: put together at random, they get further than noise does.
WORDS: dict[str, Sequence[str]] = {
    "var/lib/dpkg/status.d/a": [
        "Package: ", "Version: ", "Architecture: all\n", "python3.11-minimal", "Architecture", "\n", "\n\n", " ",
        "1:", "3.11", "~rc1", "+b1", "-1", "x",
    ],
    "var/lib/dpkg/status.d/a.md5sums": [
        "d41d8cd98f00b204e9800998ecf8427e", "  ", "empty", "./", "/", "..", "\n", "\x85", "*",
    ],
    "etc/passwd": ["root", ":", "x", "0", "²", "\n", "9" * 11, "#"],
    "etc/group": ["root", ":", "x", "0", ",", "²", "\n"],
    "etc/ld.so.conf": ["include ", "/", "*", "[", "]", "..", "ld.so.conf", "lib", "\n", "#", " "],
    f"{INFO}/METADATA": [
        "Name: a\n", "Version: 1\n", "Requires-Dist: ", "Requires-Python: ", "b", "1", ">=", "~=", "===", "<", ";",
        "sys_platform", "python_version", "'x'", "'3.11'", "extra", "extras", "in", "(", ")", " and ", "\n", "@", "[",
        "]",
    ],
    f"{INFO}/WHEEL": ["Tag: ", "py3", "-", "none", "any", "cp311", "manylinux_2_17_aarch64", ".", "\n", " "],
    f"{INFO}/RECORD": [
        "a.py", ",", "sha256=", "shake_128=", "md5=", "aaaa", "=", "²", "0", "9" * 5000, "\n", '"', "\0", "../",
    ],
    f"{INFO}/entry_points.txt": [
        "[console_scripts]\n", "[", "]", "a", "=", ":", "%(b)s", "\n", " ", "#", ";", "[DEFAULT]\n",
    ],
    "usr/bin/a": ["#!", "/usr/bin/python3", " ", "\n", "../", "\0", "-E"],
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
@settings(fuzz, max_examples=2 * EXAMPLES)
@given(data=st.data())
def test_a_file_of_words_in_any_order_is_read_or_refused(name: str, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(WORDS[name]), max_size=20))
    # What has to be there comes first half of the time: what follows is looked at only then.
    before = TEXTS[name].partition(b"\n\n")[0] + b"\n" if data.draw(st.booleans()) else b""
    _expect_one_line_each({**TEXTS, name: before + "".join(words).encode()})


BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


def _certificate() -> bytes:
    key = derive_private_key(1, SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "name")])
    build = x509.CertificateBuilder(name, name, key.public_key(), 1, BEGIN, END)
    build = build.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    build = build.add_extension(x509.SubjectAlternativeName([x509.DNSName("a"), x509.DNSName("b")]), critical=False)
    build = build.add_extension(x509.IssuerAlternativeName([x509.RFC822Name("a@b")]), critical=False)
    return build.sign(key, SHA256()).public_bytes(Encoding.DER)


CERTIFICATE = _certificate()


@settings(fuzz, max_examples=4 * EXAMPLES)
@given(damage=st.lists(st.tuples(st.integers(0, len(CERTIFICATE) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_damaged_certificate_is_read_or_told(damage: list[tuple[int, int]]) -> None:
    changed = bytearray(CERTIFICATE)
    for position, value in damage:
        changed[position] = value
    bundle = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(changed) + b"-----END CERTIFICATE-----\n"
    build = ImageBuilder().layer({"etc/ssl/certs/ca-certificates.crt": bundle})
    with tempfile.TemporaryDirectory() as folder, open_built(build, Path(folder)) as image:
        told = damaged_certificates(image.filesystem)
        if told:
            with pytest.raises(ImageError, match="certificate"):
                ca_certificates(image.filesystem)
        else:
            assert len(ca_certificates(image.filesystem)) == 1


def _expect_one_line_each(files: Mapping[str, bytes]) -> None:
    """Have everything read that files of an image are read for."""
    with tempfile.TemporaryDirectory() as folder, open_built(ImageBuilder().layer(files), Path(folder)) as image:
        fs = image.filesystem
        for work in (
            _read_packages,
            _read_python,
            _read_environment,
            accounts,
            ca_certificates,
            damaged_certificates,
            _read_libraries,
        ):
            _expect_one_line(lambda work=work: work(fs))  # type: ignore[misc]


def _read_packages(fs: FileSystem) -> None:
    for package in debian_packages(fs):
        verify_md5sums(fs, package)


def _read_python(fs: FileSystem) -> None:
    found = python_distributions(fs, f"/{SITE}")
    environment = PythonEnvironment("3.11.2", "aarch64")
    unmet_requirements(found, environment)
    for distribution in found:
        verify_record(fs, distribution)
        assert all(isinstance(environment.wheel_fits(tag, glibc_minor=36), bool) for tag in distribution.wheel_tags)


def _read_environment(fs: FileSystem) -> None:
    environment = python_environment(fs, f"/{SITE}", Platform.LINUX_ARM64)
    unmet_requirements(python_distributions(fs, f"/{SITE}"), environment)


def _read_libraries(fs: FileSystem) -> None:
    for elf in elf_files(fs):
        Libraries(fs).missing(elf)
