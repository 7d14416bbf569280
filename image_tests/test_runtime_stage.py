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
from image_harness.dockerfile.parser import build_arguments
from image_harness.dockerfile.programs import asserts, certain, imports, proves
from image_harness.dockerfile.words import environment
from image_harness.engine import InterpreterFacts
from image_harness.image import FileSystem, Image
from image_harness.image.certificates import Certificate, ca_certificates, damaged_certificates

Program = tuple[ast.stmt, ...]
#: Where compiled modules are kept says nothing about what runs.
CACHE_PREFIX = re.compile(r"pycache_prefix=/\S+")


@pytest.fixture(scope="session")
def programs(runtime: Stage, design: Design) -> dict[Instruction, Program]:
    """What each RUN of the runtime stage has the interpreter run for certain, on what is in the image."""
    image = (design.application.root, design.site_packages.path, design.image.interpreter)
    runs = [run for run in runtime.all("RUN") if not any(map(run.mounts_over, image))]
    return {run: certain(source) for run in runs if (source := program(run, runtime, design)) is not None}


def program(run: Instruction, runtime: Stage, design: Design) -> str | None:
    """Return the program of a RUN whose assertions count: none where an option, or a variable, may turn them off."""
    words = run.exec_form or ()
    if words[1:2] == ("-X",) and CACHE_PREFIX.fullmatch("".join(words[2:3])):
        words = (words[0], *words[3:])
    if len(words) != 3 or words[:2] != (design.image.interpreter, "-c") or "PYTHONOPTIMIZE" in variables(runtime):
        return None
    return words[2]


def variables(runtime: Stage) -> set[str]:
    """Return the names of the variables that the runtime stage sets, or that whoever builds may set."""
    set_here = {name for instruction in runtime.all("ENV") for name, _ in environment(instruction.text)}
    return set_here | {argument.name for instruction in runtime.all("ARG") for argument in build_arguments(instruction)}


@pytest.fixture(scope="session")
def verifications(programs: dict[Instruction, Program]) -> list[Program]:
    """The programs that run on nothing but what is in the image: a mount may stand in for a folder of it."""
    return [program for run, program in programs.items() if not run.flag_values("mount")]


@pytest.fixture(scope="session")
def site_packages(design: Design) -> dict[str, str]:
    """What the names of the packages' verification stand for."""
    return {"os": "import os", "site_packages": repr(design.site_packages.path)}


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
    if item.value.argument is not None:
        assert set_here[item.key] in (f"${{{item.value.argument}}}", f"${item.value.argument}")


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


@requirement("env.only-designed")
def test_no_other_variable(image: Image, design: Design) -> None:
    assert image.config.env, "the image sets no environment at all"
    assert sorted(image.config.env.keys() - design.image.env.keys() - design.base.env.keys()) == []


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
    assert changing(copy) == []


def changing(copy: Instruction) -> list[str]:
    """Return the flags of a COPY that change what arrives, beside its owner: ``--exclude``, ``--chmod`` and so on."""
    return [name for name, _ in copy.flags if name not in ("from", "chown", "link")]


@requirement("copy.only-designed")
def test_nothing_else_is_copied(runtime: Stage, design: Design) -> None:
    copied = [tuple(copy.text.split()) for copy in runtime.all("COPY")]
    wanted = {(copy.source, copy.target) for copy in design.dockerfile.copies}
    wanted |= {(tree.source, tree.path) for tree in design.application.trees}
    assert copied, "the runtime stage copies nothing"
    assert [copy for copy in copied if copy not in wanted or copied.count(copy) > 1] == []
    assert runtime.all("ADD") == ()


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
    others = [folder for folder in above if folder and (folder.uid, folder.mode & 0o022) != (0, 0)]
    assert others == [], "others may put another bundle in its place"
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
def test_verification_asserts_that_the_package_is_there(
    verifications: list[Program], site_packages: dict[str, str], item: Item
) -> None:
    wanted = ("os.path.exists(site_packages)", f"os.path.exists(os.path.join(site_packages, {item.key!r}))")
    assert_asserted(verifications, dict.fromkeys(wanted, site_packages))


@requirement("runtime-verify.import.{key}", for_each="site_packages.packages")
def test_verification_imports_the_package(verifications: list[Program], item: Item) -> None:
    imported = {name for program in verifications for name in imports(program)}
    assert imported, "no RUN imports anything"
    assert item.key in imported


@requirement("runtime-verify.marker")
def test_verification_asserts_the_marker(verifications: list[Program], site_packages: dict[str, str]) -> None:
    marker = "os.path.join(site_packages, '.lucid-marker')"
    wanted = {
        f"os.path.exists({marker})": site_packages,
        "os.path.getsize(marker_path) > 0": site_packages | {"marker_path": marker},
    }
    assert_asserted(verifications, wanted)


def assert_asserted(programs: list[Program], wanted: dict[str, dict[str, str]]) -> None:
    """Assert that one program asserts each of some expressions, with what their names stand for."""
    missing = [[code for code, names in wanted.items() if not asserts(program, code, **names)] for program in programs]
    assert [] in missing, f"no RUN asserts all of {list(wanted)}, with {list(wanted.values())[-1]}"


@requirement("runtime-verify.interpreter")
def test_every_run_names_the_interpreter(runtime: Stage, design: Design) -> None:
    runs = runtime.all("RUN")
    assert runs, "the runtime stage verifies nothing"
    assert [(run.exec_form or (run.text,))[0] for run in runs] == [design.image.interpreter] * len(runs)


@requirement("runtime-verify.application")
def test_application_is_verified_after_its_copies(
    runtime: Stage, programs: dict[Instruction, Program], design: Design
) -> None:
    targets = [tree.path for tree in design.application.trees]
    copied = [copy.line for copy in runtime.all("COPY") if copy.text.split()[-1] in targets]
    verified = [
        run.line for run, program in programs.items() if proves(program, {design.application.root, "entrypoint"})
    ]
    assert copied, "the runtime stage copies no application"
    assert verified, "no RUN verifies the application's files"
    assert max(copied) < min(verified)


@requirement("runtime-verify.configuration")
def test_configuration_is_verified(programs: dict[Instruction, Program], design: Design) -> None:
    wanted = design.runtime.configuration
    load = f"from {wanted.module} import {wanted.function}"
    assert [
        program
        for program in programs.values()
        if load in map(ast.unparse, program) and proves(program, {wanted.function})
    ], f"no RUN has {load} and asserts what it loads"


@requirement("application.copy.{key}", for_each="application.trees")
def test_copy_of_the_application(copies: dict[tuple[str, ...], Instruction], design: Design, item: Item) -> None:
    copy = copies.get((item.value.source, item.value.path))
    assert copy is not None, f"no COPY of {item.value.source} to {item.value.path}"
    assert (copy.flag("from"), copy.flag("chown")) == (design.dockerfile.builder_name, design.image.user)
    assert changing(copy) == []


@requirement("workdir")
def test_working_directory(image: Image, design: Design) -> None:
    assert image.config.working_dir == design.image.working_dir


@requirement("expose")
def test_exposed_ports(image: Image, design: Design) -> None:
    assert sorted(map(str, image.config.exposed_ports)) == sorted(map(str, design.image.exposed_ports))


@requirement("volumes.none")
def test_no_volumes(image: Image) -> None:
    assert sorted(image.config.volumes) == []


@requirement("triggers.none")
def test_no_triggers(image: Image) -> None:
    assert image.config.triggers == ()
