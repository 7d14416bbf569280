"""Section 4 of the report: the runtime stage."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.dockerfile import Instruction, Stage
from image_harness.dockerfile.words import environment
from image_harness.engine import InterpreterFacts
from image_harness.image import FileSystem, Image
from image_harness.image.certificates import Certificate, ca_certificates, damaged_certificates


@pytest.fixture(scope="session")
def verifications(runtime: Stage) -> list[str]:
    """The programs that the runtime stage runs while it is built."""
    return [run.exec_form[-1] for run in runtime.all("RUN") if run.exec_form]


@pytest.fixture(scope="session")
def imported(verifications: list[str]) -> set[str]:
    """What these programs import by plain statements."""
    trees = [ast.parse(program) for program in verifications]
    return {name.name for tree in trees for node in tree.body if isinstance(node, ast.Import) for name in node.names}


@pytest.fixture(scope="session")
def copies(runtime: Stage) -> dict[tuple[str, ...], Instruction]:
    """Every COPY of the runtime stage, by its source and target."""
    return {tuple(copy.text.split()): copy for copy in runtime.all("COPY")}


@requirement("labels.{key}", for_each="image.labels")
def test_label(image: Image, item: Item) -> None:
    labels = image.config.labels
    assert item.key in labels
    found = labels[item.key]
    if item.value.value is not None:
        assert found == item.value.value
    else:
        assert re.fullmatch(item.value.pattern, found), f"{item.key} is {found!r}, not of the form {item.value.pattern}"


@requirement("labels.only-designed-lucid")
def test_no_stray_labels_of_the_family(image: Image, design: Design) -> None:
    found = {key for key in image.config.labels if key.lower().startswith("com.lucid")}
    assert found == {key for key in design.image.labels if key.startswith("com.lucid.")}


@requirement("labels.created-is-a-time")
def test_created_is_a_time_of_the_past(image: Image) -> None:
    created = image.config.labels.get("org.opencontainers.image.created", "")
    moment = point_in_time(created)
    assert moment is not None, f"{created!r} is no date and time with a time zone"
    assert moment <= datetime.now(UTC)


def point_in_time(text: str) -> datetime | None:
    """Return what a time in the form of RFC 3339 stands for; None for what is none, or leaves the zone open."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


@requirement("labels.instruction.{key}", for_each="image.labels")
def test_label_in_the_dockerfile(runtime: Stage, item: Item) -> None:
    set_here = dict(pair for instruction in runtime.all("LABEL") for pair in environment(instruction.text))
    assert item.key in set_here
    if item.value.value is not None:
        assert set_here[item.key] == item.value.value


@requirement("env.{key}", for_each="image.env")
def test_environment(image: Image, item: Item) -> None:
    found = image.config.env
    assert item.key in found
    assert found[item.key] == item.value


@requirement("env.unique")
def test_no_variable_is_set_twice(image: Image) -> None:
    names = [pair.partition("=")[0] for pair in image.config.env_list]
    assert names, "the image sets no environment at all"
    assert sorted(names) == sorted(set(names))


@requirement("env.instruction.{key}", for_each="image.env")
def test_environment_in_the_dockerfile(runtime: Stage, item: Item) -> None:
    set_here = dict(pair for instruction in runtime.all("ENV") for pair in environment(instruction.text))
    assert item.key in set_here
    assert set_here[item.key] == item.value


@requirement("copy.{key}", for_each="dockerfile.copies")
def test_copy_from_the_builder(copies: dict[tuple[str, ...], Instruction], item: Item) -> None:
    copy = copies.get((item.value.source, item.value.target))
    assert copy is not None, f"no COPY of {item.value.source} to {item.value.target}"
    assert (copy.flag("from"), copy.flag("chown")) == (item.value.from_stage, item.value.chown)


@requirement("markers.{key}.content", for_each="markers")
def test_marker_content(filesystem: FileSystem, item: Item) -> None:
    entry = filesystem.entry(item.value.path, follow=False)
    assert entry is not None, f"{item.value.path} is not in the image"
    assert entry.is_file
    content = filesystem.read_text(entry)
    form = re.escape(item.value.text) + (r"_\d{10}" if item.value.timestamped else "") + r"\n"
    assert re.fullmatch(form, content), f"{item.value.path} holds {content!r}, not {item.value.text}"


@requirement("markers.{key}.owner", for_each="markers")
def test_marker_owner(filesystem: FileSystem, design: Design, item: Item) -> None:
    entry = filesystem.entry(item.value.path, follow=False)
    assert entry is not None, f"{item.value.path} is not in the image"
    assert (entry.path, entry.uid, entry.gid) == (entry.path, design.image.uid, design.image.gid)


@requirement("certificates.present")
def test_ca_bundle(filesystem: FileSystem, design: Design) -> None:
    entry = filesystem.entry(design.certificates.path)
    assert entry is not None, f"{design.certificates.path} is not in the image"
    assert entry.is_file
    assert "-----BEGIN CERTIFICATE-----" in filesystem.read_text(entry)


@requirement("certificates.parse")
def test_ca_bundle_parses(filesystem: FileSystem, design: Design) -> None:
    entry = filesystem.entry(design.certificates.path)
    assert entry is not None, f"{design.certificates.path} is not in the image"
    assert entry.is_file
    damaged = damaged_certificates(filesystem, design.certificates.path)
    assert damaged == ()
    has_key = b"PRIVATE KEY-----" in filesystem.read_bytes(entry)
    assert not has_key, f"{entry} holds a private key"
    certificates = distinct(ca_certificates(filesystem, design.certificates.path))
    assert [certificate.subject for certificate in certificates if not certificate.is_ca] == [], (
        "they may sign no other"
    )
    assert len(certificates) >= design.certificates.at_least


def distinct(certificates: Iterable[Certificate]) -> list[Certificate]:
    """Return each certificate once, however often it is in a bundle."""
    return list({certificate.fingerprint: certificate for certificate in certificates}.values())


@requirement("certificates.not-expired")
def test_ca_bundle_has_not_expired(filesystem: FileSystem, design: Design) -> None:
    entry = filesystem.entry(design.certificates.path)
    assert entry is not None, f"{design.certificates.path} is not in the image"
    assert entry.is_file
    certificates = distinct(ca_certificates(filesystem, design.certificates.path))
    now = datetime.now(UTC)
    expired = [certificate.subject for certificate in certificates if certificate.not_after < now]
    assert certificates, "the bundle holds no certificate"
    assert len(expired) * 20 <= len(certificates), f"expired: {expired}"


@requirement("certificates.owner")
def test_ca_bundle_owner(filesystem: FileSystem, design: Design) -> None:
    entry = filesystem.entry(design.certificates.path)
    assert entry is not None, f"{design.certificates.path} is not in the image"
    assert (entry.uid, entry.gid, entry.mode & 0o022) == (0, 0, 0)
    above = [filesystem.entry(str(folder)) for folder in PurePosixPath(entry.path).parents]
    # The service's user is neither root nor of its group.
    assert entry.mode & 0o004, f"{entry} cannot be read by the service"
    assert [folder for folder in above if folder and not folder.mode & 0o001] == [], "closed to the service"


@requirement("site-packages.present.{key}", for_each="site_packages.packages")
def test_package_is_present(filesystem: FileSystem, design: Design, item: Item) -> None:
    entry = filesystem.entry(f"{design.site_packages.path}/{item.key}")
    assert entry is not None, f"{item.key} is not in {design.site_packages.path}"
    assert entry.is_directory
    module = filesystem.entry(f"{entry.path}/__init__.py")
    assert module is not None, f"{entry.path} is no package: it has no __init__.py"
    assert module.is_file


@requirement("site-packages.import.{key}", for_each="site_packages.packages")
def test_package_imports_from_site_packages(interpreter: InterpreterFacts, design: Design, item: Item) -> None:
    imported = interpreter.imports[item.key]
    assert imported.error is None, f"import {item.key} fails: {imported.error}"
    assert (imported.file or "").startswith(f"{design.site_packages.path}/{item.key}/")


@requirement("runtime-verify.present.{key}", for_each="site_packages.packages")
def test_verification_asserts_that_the_package_is_there(verifications: list[str], item: Item) -> None:
    form = re.compile(rf"assert os\.path\.exists\(os\.path\.join\(site_packages, '{re.escape(item.key)}'\)\)")
    assert [program for program in verifications if form.search(program)], f"no RUN asserts that {item.key} exists"


@requirement("runtime-verify.import.{key}", for_each="site_packages.packages")
def test_verification_imports_the_package(imported: set[str], item: Item) -> None:
    assert imported, "no RUN imports anything"
    assert item.key in imported


@requirement("runtime-verify.marker")
def test_verification_asserts_the_marker(verifications: list[str]) -> None:
    marker = "os.path.join(site_packages, '.lucid-marker')"
    statements = (
        f"assert os.path.exists({marker}),",
        f"marker_path = {marker};",
        "assert os.path.getsize(marker_path) > 0,",
    )
    missing = [[statement for statement in statements if statement not in program] for program in verifications]
    assert [] in missing, f"no RUN has all of {statements}"


@requirement("runtime-verify.interpreter")
def test_every_run_names_the_interpreter(runtime: Stage, design: Design) -> None:
    runs = runtime.all("RUN")
    assert runs, "the runtime stage verifies nothing"
    assert [(run.exec_form or (run.text,))[0] for run in runs] == [design.image.interpreter] * len(runs)


@requirement("runtime-verify.application")
def test_application_is_verified_after_its_copies(runtime: Stage, design: Design) -> None:
    targets = [tree.path for tree in design.application.trees]
    copied = [copy.line for copy in runtime.all("COPY") if copy.text.split()[-1] in targets]
    root = f"'{design.application.root}'"
    verified = [
        run.line
        for run in runtime.all("RUN")
        if run.exec_form
        and root in run.exec_form[-1]
        and "assert" in run.exec_form[-1]
        and "'entrypoint'" in run.exec_form[-1]
    ]
    assert copied, "the runtime stage copies no application"
    assert verified, "no RUN verifies the application's files"
    assert max(copied) < min(verified)


@requirement("runtime-verify.configuration")
def test_configuration_is_verified(verifications: list[str]) -> None:
    assert [program for program in verifications if re.search(r"\w+\.config import", program) and "assert" in program]


@requirement("application.copy.{key}", for_each="application.trees")
def test_copy_of_the_application(copies: dict[tuple[str, ...], Instruction], design: Design, item: Item) -> None:
    copy = copies.get((item.value.source, item.value.path))
    assert copy is not None, f"no COPY of {item.value.source} to {item.value.path}"
    assert (copy.flag("from"), copy.flag("chown")) == (design.dockerfile.builder_name, design.image.user)


@requirement("workdir")
def test_working_directory(image: Image, design: Design) -> None:
    assert image.config.working_dir == design.image.working_dir


@requirement("expose")
def test_exposed_ports(image: Image, design: Design) -> None:
    assert sorted(map(str, image.config.exposed_ports)) == sorted(map(str, design.image.exposed_ports))
