"""What is asserted of the monitor image, as each tool says it best, and the mutants that break it."""

from __future__ import annotations

import re

from benchmarks.peers.model import Assertion, Expression, Tool
from image_harness.design import Design

_NEVER_STARTS = "it never starts the service: entrypoint and command are blanked"
_NO_IMAGE = "it looks from inside a container, where the image's configuration cannot be seen"
_ONE_FILE = "it looks at paths that are named, not through the whole file system"


def assertions(design: Design) -> tuple[Assertion, ...]:
    """Return the assertions, each with a mutant that breaks it."""
    return (*_configuration(design), *_files(design), *_running(design))


def structure(design: Design) -> tuple[Assertion, ...]:
    """Return 21 checks that container-structure-test can express: files, imports, one of the configuration."""
    names = [package.slug for package in design.site_packages.packages]
    user, cmd = design.image.user, list(design.image.cmd)
    return (
        *(_present(design, name) for name in names),
        *(_imports(design, name) for name in names),
        Assertion(
            "configuration",
            "the user and the command",
            "",
            _said(
                Expression("metadataTest", {"user": user, "cmd": cmd}),
                _NO_IMAGE,
                "not asked",
                "user.config",
                "entrypoint.cmd",
            ),
        ),
    )


def _said(
    structure_test: Expression | str, goss: Expression | str, testinfra: Expression | str, *requirements: str
) -> dict[Tool, Expression | str]:
    return {
        Tool.STRUCTURE_TEST: structure_test,
        Tool.GOSS: goss,
        Tool.TESTINFRA: testinfra,
        Tool.HARNESS: Expression("requirement", requirements),
    }


def _configuration(design: Design) -> tuple[Assertion, ...]:
    label, cluster = "com.lucid.cluster", design.image.labels["com.lucid.cluster"].value
    port, user, cmd = f"{design.service.port}/tcp", design.image.user, list(design.image.cmd)
    language = design.image.env["LANG"]
    pairs = [{"key": "LANG", "value": language}]
    return (
        Assertion(
            "label",
            f"the label `{label}` is `{cluster}`",
            f"label.{label}.case",
            _said(
                Expression("metadataTest", {"labels": [{"key": label, "value": cluster}]}),
                _NO_IMAGE,
                _config(f'["Labels"]["{label}"] == "{cluster}"'),
                f"labels.{label}",
            ),
        ),
        Assertion(
            "variable",
            f"the variable `LANG` is `{language}`",
            "env.LANG.case",
            _said(
                Expression("metadataTest", {"envVars": pairs}),
                _NO_IMAGE,
                _config(f'["Env"].count("LANG={language}") == 1'),
                "env.LANG",
            ),
        ),
        Assertion(
            "user",
            f"the user is `{user}`",
            "user.zero",
            _said(
                Expression("metadataTest", {"user": user}), _NO_IMAGE, _config(f'["User"] == "{user}"'), "user.config"
            ),
        ),
        Assertion(
            "command",
            "the command is the entrypoint's script",
            "cmd.main",
            _said(Expression("metadataTest", {"cmd": cmd}), _NO_IMAGE, _config(f'["Cmd"] == {cmd}'), "entrypoint.cmd"),
        ),
        Assertion(
            "ports",
            f"`{port}` is exposed, and nothing else",
            "expose.another-too",
            _said(
                Expression("metadataTest", {"exposedPorts": [str(design.service.port)]}),
                _NO_IMAGE,
                _config(f'["ExposedPorts"] == {{"{port}": {{}}}}'),
                "expose",
            ),
        ),
        Assertion(
            "health check",
            "the health check is the designed program",
            "health.test.always-healthy",
            _said(
                "it has no words for health checks",
                _NO_IMAGE,
                _config(f'["Healthcheck"]["Test"] == {list(design.health_check.test)}'),
                "health.test",
            ),
        ),
    )


def _config(rest: str) -> Expression:
    """What testinfra sees of a container from its host: the image's configuration, where nothing overrides it."""
    return Expression("docker", f'local.docker(NAME).inspect()["Config"]{rest}')


def _files(design: Design) -> tuple[Assertion, ...]:
    marker = next(item for item in design.markers if item.slug == "runtime-directory")
    owned = next(item for item in design.markers if item.slug == "binaries")
    uid, gid, interpreter = design.image.uid, design.image.gid, design.image.interpreter
    status, shell = "/var/lib/dpkg/status.d", "/usr/bin/sh"
    return (
        Assertion(
            "content",
            f"`{marker.path}` holds its marker and nothing else",
            "marker.runtime-directory.content.case",
            _said(
                Expression("fileContentTests", {"path": marker.path, "expectedContents": [f"^{marker.text}\n$"]}),
                Expression("file", {marker.path: {"exists": True, "contents": [f"/^{re.escape(marker.text)}$/"]}}),
                Expression("file", f'host.file("{marker.path}").content_string == "{marker.text}\\n"'),
                "markers.runtime-directory.content",
            ),
        ),
        Assertion(
            "owner",
            f"`{owned.path}` belongs to `{uid}:{gid}`",
            "marker.binaries.owner.root",
            _said(
                Expression("fileExistenceTests", {"path": owned.path, "shouldExist": True, "uid": uid, "gid": gid}),
                Expression("file", {owned.path: {"exists": True, "uid": uid, "gid": gid}}),
                Expression(
                    "file",
                    f'(host.file("{owned.path}").uid, host.file("{owned.path}").gid) == ({uid}, {gid})',
                ),
                "markers.binaries.owner",
            ),
        ),
        Assertion(
            "mode",
            f"`{interpreter}` is not setuid",
            "mode.setuid",
            _said(
                Expression(
                    "fileExistenceTests", {"path": interpreter, "shouldExist": True, "permissions": "-rwxr-xr-x"}
                ),
                Expression("file", {interpreter: {"exists": True, "mode": "0755"}}),
                Expression("file", f'host.file("{interpreter}").mode == 0o755'),
                "security.no-setuid",
            ),
        ),
        Assertion(
            "no shell",
            f"there is no `{shell}`",
            "no-shell.sh",
            _said(
                Expression("fileExistenceTests", {"path": shell, "shouldExist": False}),
                Expression("file", {shell: {"exists": False}}),
                Expression("file", f'not host.file("{shell}").exists'),
                "distroless.no-shell",
            ),
        ),
        Assertion(
            "no shell anywhere",
            "there is no shell in any folder",
            "no-shell.ash",
            _said(_ONE_FILE, _ONE_FILE, Expression("command", 'not host.exists("ash")'), "distroless.no-shell"),
        ),
        Assertion(
            "capabilities",
            "no file carries capabilities",
            "capability.script",
            _said(_ONE_FILE, _ONE_FILE, _ONE_FILE, "security.no-capabilities"),
        ),
        Assertion(
            "machine code",
            f"all machine code is for `{design.image.platform}`",
            "elf.amd64",
            _said(_ONE_FILE, _ONE_FILE, _ONE_FILE, "elf.architecture"),
        ),
        Assertion(
            "package",
            "the Debian package `libssl3` is installed",
            "debian.libssl3.absent",
            _said(
                Expression("fileExistenceTests", {"path": f"{status}/libssl3", "shouldExist": True}),
                Expression("package", {"libssl3": {"installed": True}}),
                Expression("package", 'host.package("libssl3").is_installed'),
                "base.package.libssl3",
            ),
        ),
        Assertion(
            "no package",
            "the Debian package `bash` is not installed",
            "debian.extra.bash",
            _said(
                Expression("fileExistenceTests", {"path": f"{status}/bash", "shouldExist": False}),
                Expression("package", {"bash": {"installed": False}}),
                Expression("package", 'not host.package("bash").is_installed'),
                "base.no-other-package",
            ),
        ),
        _present(design, "psutil", mutant="package.psutil.absent"),
    )


def _running(design: Design) -> tuple[Assertion, ...]:
    port, path = design.service.port, design.runtime.health_path
    name = design.image.interpreter.rpartition("/")[2]
    return (
        _imports(design, "psutil", mutant="runs.import.psutil"),
        Assertion(
            "process",
            f"the service runs as `{design.image.uid}`",
            "runs.root",
            _said(
                _NEVER_STARTS,
                "of a process it says only whether one of that name runs",
                Expression("process", f'host.process.get(comm="{name}").euid == {design.image.uid}'),
                "user.process-uid",
            ),
            of_service=True,
        ),
        Assertion(
            "socket",
            f"the service listens on port {port} of all interfaces, and on no other port",
            "runs.another-port",
            _said(
                _NEVER_STARTS,
                Expression("port", {f"tcp:{port}": {"listening": True, "ip": ["0.0.0.0"]}}),
                Expression("socket", f'host.socket.get_listening_sockets() == ["tcp://0.0.0.0:{port}"]'),
                "entrypoint.all-interfaces",
                "entrypoint.no-other-port",
            ),
            of_service=True,
        ),
        Assertion(
            "answer",
            f"`GET {path}` answers 200 with JSON",
            "runs.route.health",
            _said(
                _NEVER_STARTS,
                Expression(
                    "http",
                    {f"http://127.0.0.1:{port}{path}": {"status": 200, "headers": ["Content-Type: application/json"]}},
                ),
                "it has no words for HTTP",
                "interface.route.health",
            ),
            of_service=True,
        ),
    )


def _present(design: Design, name: str, *, mutant: str = "") -> Assertion:
    path = f"{design.site_packages.path}/{name}/__init__.py"
    return Assertion(
        f"{name} present",
        f"`{path}` is there",
        mutant,
        _said(
            Expression("fileExistenceTests", {"path": path, "shouldExist": True}),
            Expression("file", {path: {"exists": True}}),
            Expression("file", f'host.file("{path}").exists'),
            f"site-packages.present.{name}",
        ),
    )


def _imports(design: Design, name: str, *, mutant: str = "") -> Assertion:
    interpreter = design.image.interpreter
    line = f"{interpreter} -c 'import {name}'"
    return Assertion(
        f"{name} imports",
        f"the image's interpreter imports `{name}`",
        mutant,
        _said(
            Expression("commandTests", {"command": interpreter, "args": ["-c", f"import {name}"], "exitCode": 0}),
            Expression("command", {line: {"exec": line, "exit-status": 0}}),
            Expression("command", f'host.run("{line}").rc == 0'),
            f"site-packages.import.{name}",
        ),
    )
