"""What a design file may say. Unknown keys are refused; see ``designs/`` for files of this shape."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from image_harness.types import Evidence, Origin, Platform, Port


class Model(BaseModel):
    """What all parts of a design have in common: they cannot be changed, and nothing unknown is let in."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _absolute(value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"not an absolute path: {value!r}")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


def _duration(value: object) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration; write it as 500ms, 30s, 5m or 1h")
    unit = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}[match[2]]
    return timedelta(**{unit: float(match[1])})


def _parsed(kind: type[Platform | Port]) -> BeforeValidator:
    return BeforeValidator(
        lambda value: kind.parse(value) if isinstance(value, str) else value, json_schema_input_type=str
    )


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Duration = Annotated[timedelta, BeforeValidator(_duration, json_schema_input_type=str)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PlatformText = Annotated[Platform, _parsed(Platform)]
PortText = Annotated[Port, _parsed(Port)]


class Service(Model):
    """Which service of the family it is."""

    id: str
    token: str
    title: str
    port: int = Field(ge=1, le=65535)
    cluster: str


class LabelSpec(Model):
    """What a label's value must be: a text, or of a form; the Dockerfile may have to set it to a build argument."""

    value: str | None = None
    pattern: Pattern | None = None
    argument: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.value is None) == (self.pattern is None):
            raise ValueError("give either value or pattern")
        return self


class ImageDesign(Model):
    """The image's configuration."""

    reference: str
    platform: PlatformText
    interpreter: AbsolutePath
    user: str
    uid: int
    gid: int
    working_dir: AbsolutePath
    env: dict[str, str]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    exposed_ports: tuple[PortText, ...]
    labels: dict[str, LabelSpec]
    manifest_media_types: tuple[str, ...]


class HealthCheckDesign(Model):
    """The HEALTHCHECK instruction."""

    test: tuple[str, ...]
    interval: Duration
    timeout: Duration
    start_period: Duration
    retries: int


class Marker(Model):
    """A file whose content says that a copy has arrived."""

    slug: str
    path: AbsolutePath
    text: str
    timestamped: bool


class Package(Model):
    """A Python package that the application needs."""

    slug: str
    distribution: str


class SitePackages(Model):
    """Where Python packages are."""

    path: AbsolutePath
    scripts: AbsolutePath
    packages: tuple[Package, ...]


class Tree(Model):
    """A part of the application that is copied as a whole."""

    slug: str
    source: str
    path: AbsolutePath


class Application(Model):
    """The application's files."""

    root: AbsolutePath
    sources: str
    entrypoint: AbsolutePath
    trees: tuple[Tree, ...]
    files: dict[str, str]


class Certificates(Model):
    """The CA bundle."""

    path: AbsolutePath
    at_least: int


class Copy(Model):
    """A COPY instruction of the runtime stage."""

    slug: str
    from_stage: str | None
    source: str
    target: str
    chown: str | None


class DockerfileDesign(Model):
    """What the Dockerfile says."""

    builder_base: str
    runtime_base: str
    platform_argument: str
    builder_name: str
    builder_working_dir: AbsolutePath
    build_args: dict[str, str | None]
    runtime_args: tuple[str, ...]
    builder_env: dict[str, str]
    apt_packages: tuple[str, ...]
    apt_cache_mounts: tuple[AbsolutePath, ...]
    pip_cache_mount: AbsolutePath
    pip_flags: tuple[str, ...]
    user_site: AbsolutePath
    user_scripts: AbsolutePath
    copies: tuple[Copy, ...]


class Account(Model):
    """A line of /etc/passwd."""

    uid: int
    gid: int
    home: str
    shell: str


class FileDesign(Model):
    """What must be at a path; what is not given may be anything.

    Attributes:
        type: What it is.
        mode: Its permission bits, as four octal digits.
        uid: Its owner.
        gid: Its group.
        empty: Whether a file has no content.
        links_to: Where a symbolic link leads in the end.
    """

    type: Literal["file", "directory", "symlink"]
    mode: str | None = Field(default=None, pattern=r"^[0-7]{4}$")
    uid: int | None = None
    gid: int | None = None
    empty: bool | None = None
    links_to: AbsolutePath | None = None

    @model_validator(mode="after")
    def _of_its_type(self) -> Self:
        if self.links_to is not None and self.type != "symlink":
            raise ValueError("only a symlink has links_to")
        if self.empty is not None and self.type != "file":
            raise ValueError("only a file can be empty")
        return self

    def __str__(self) -> str:
        """What it is, in words: the end of the sentence "the path is ..."."""
        emptiness = {None: "", True: "empty ", False: "non-empty "}[self.empty]
        facts = {"mode": self.mode, "uid": self.uid, "gid": self.gid}
        kind = f"{'an' if self.empty else 'a'} {emptiness}{self.type}{f' to {self.links_to}' if self.links_to else ''}"
        return ", ".join([kind, *(f"{name} {value}" for name, value in facts.items() if value is not None)])

    __repr__ = __str__


class BaseDesign(Model):
    """What the runtime base brings along."""

    debian_packages: tuple[str, ...]
    users: dict[str, Account]
    groups: dict[str, int]
    env: dict[str, str]
    os_release_name: str
    files: dict[AbsolutePath, FileDesign]
    replaced_files: tuple[AbsolutePath, ...]
    site_customization: Sha256
    not_in_standard_library: tuple[str, ...]


class Absent(Model):
    """What must not be in the image."""

    shells: tuple[str, ...]
    package_managers: tuple[str, ...]
    compilers: tuple[str, ...]
    download_tools: tuple[str, ...]


class Budgets(Model):
    """How large the image may be, in MiB, uncompressed."""

    image_mib: int
    layer_mib: int
    wasted_kib: int


class InvalidPort(Model):
    """A value that the port variable must not have."""

    slug: str
    value: str


class Route(Model):
    """A route of the service's HTTP interface, without a body to send."""

    slug: str
    method: Literal["GET", "POST"]
    path: str
    status: int
    content_type: str


class Deployment(Model):
    """How the image is run where it is deployed."""

    tmpfs: dict[str, str]
    volumes: tuple[AbsolutePath, ...]
    env: dict[str, str]
    memory_mib: int


class ConfigurationDesign(Model):
    """How the configuration is loaded, and one setting that shows which source wins.

    Attributes:
        module: The module that loads it.
        function: Its function that returns the settings.
        setting: A whole number among them, under the same name in the file and as attribute.
        variable: The setting's environment variable.
        default: The setting's default.
        file_variable: The variable that names the YAML file.
        invalid: A value of the variable that is not allowed.
    """

    module: str
    function: str
    setting: str
    variable: str
    default: int
    file_variable: str
    invalid: str


class Integration(Model):
    """Something that the service uses when it is there.

    Attributes:
        name: What the service calls it.
        variable: The environment variable that names it.
        url: Where it is when it runs beside the service.
        program: A program of the checking machine that is it.
        notices_within: How long the service may take to see that it comes or goes, on a native machine.
    """

    name: str
    variable: str
    url: str
    program: tuple[str, ...] = Field(min_length=1)
    notices_within: Duration


class RuntimeDesign(Model):
    """How a container of the image behaves."""

    port_variable: str
    port_fallback_variable: str
    host_variable: str
    health_path: str
    other_port: int
    fallback_port: int
    invalid_ports: tuple[InvalidPort, ...]
    post_path: str
    post_status: int
    clients: int = Field(ge=2)
    steady_requests: int = Field(ge=100)
    stop_within: Duration
    healthy_within: Duration
    answers_within: Duration
    routes: tuple[Route, ...]
    openapi_routes: tuple[str, ...]
    configuration: ConfigurationDesign
    integration: Integration
    deployment: Deployment


class Section(Model):
    """A heading that requirements are reported under."""

    id: str
    title: str


class Requirement(Model):
    """One line of the catalogue; with ``for_each`` it stands for one requirement per item of a collection."""

    id: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/{}+-]*$")
    section: str
    title: str
    text: str
    origin: Origin
    evidence: Evidence
    source: str
    release: bool = False
    for_each: str | None = None


class Line(Model):
    """A line of a document that the design was written from, and what decides it.

    Attributes:
        place: Where in which document.
        text: What it asks for, in short.
        requirements: Ids of requirements, or patterns of them as fnmatch has them.
    """

    place: str
    text: str
    requirements: tuple[str, ...] = Field(min_length=1)


class DesignFile(Model):
    """A whole design, after the file that it extends has been merged in."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str
    documents: tuple[str, ...]
    service: Service
    image: ImageDesign
    health_check: HealthCheckDesign
    markers: tuple[Marker, ...]
    site_packages: SitePackages
    application: Application
    certificates: Certificates
    dockerfile: DockerfileDesign
    requirements_file: str
    base: BaseDesign
    absent: Absent
    budgets: Budgets
    runtime: RuntimeDesign
    sections: tuple[Section, ...]
    lines: tuple[Line, ...] = ()
    requirements: tuple[Requirement, ...]
