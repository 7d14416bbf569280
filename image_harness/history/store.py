"""The store of runs: the same tables in an SQLite file or in a PostgreSQL database, through SQLAlchemy Core.

A run is one row. Its verdicts are one string in it (`image_harness.history.codes`) beside a reference to the list of
requirements that the string is about, which many runs share. Why a requirement failed stands in a table of its own,
which grows with what goes wrong, not with what is looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from image_harness.errors import HarnessError
from image_harness.history import codes
from image_harness.history.model import Catalogue, Run
from image_harness.types import Digest, Status

SCHEMA_VERSION: Final = 1

_METADATA: Final = sa.MetaData()
_SCHEMA: Final = sa.Table("history_schema", _METADATA, sa.Column("version", sa.Integer, primary_key=True))
_CATALOGUE: Final = sa.Table(
    "history_catalogue",
    _METADATA,
    sa.Column("digest", sa.String(71), primary_key=True),
    sa.Column("ids", sa.Text, nullable=False),
)
_RUN: Final = sa.Table(
    "history_run",
    _METADATA,
    sa.Column("report", sa.String(71), primary_key=True),
    sa.Column("cell", sa.Text, primary_key=True),
    sa.Column("night", sa.Date, nullable=False, index=True),
    sa.Column("started", sa.DateTime, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("manifest", sa.String(71)),
    sa.Column("config", sa.String(71)),
    sa.Column("design", sa.Text, nullable=False),
    sa.Column("design_digest", sa.String(71)),
    sa.Column("harness", sa.Text, nullable=False),
    sa.Column("engine", sa.Text),
    sa.Column("emulated", sa.Boolean),
    sa.Column("bases", sa.Text, nullable=False),
    sa.Column("retries", sa.BigInteger, nullable=False),
    sa.Column("catalogue", sa.String(71), sa.ForeignKey(_CATALOGUE.c.digest), nullable=False),
    sa.Column("statuses", sa.Text, nullable=False),
    sa.Column("suite_seconds", sa.Float),
    sa.Column("boot_seconds", sa.Float),
    sa.Column("size", sa.BigInteger),
    sa.Column("packages", sa.BigInteger),
    sa.Column("absence", sa.Text, nullable=False),
)
_FINDING: Final = sa.Table(
    "history_finding",
    _METADATA,
    sa.Column("report", sa.String(71), primary_key=True),
    sa.Column("cell", sa.Text, primary_key=True),
    sa.Column("requirement", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["report", "cell"], [_RUN.c.report, _RUN.c.cell]),
)
# Any number will do that others do not use.
_MAKING: Final = int.from_bytes(b"history")
_FORMS: Final = "write a file's path, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
# Both databases know how to leave what is there alone, each by its own statement.
_INSERT: Final[dict[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class Store:
    """The runs of all nights; a context manager.

    Args:
        where: The path of an SQLite file, or a URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/DATABASE``.
        create: Make the tables, and the file, where they are missing.

    Raises:
        HarnessError: It cannot be opened, is no store, or one of another version.
    """

    def __init__(self, where: str, *, create: bool = False) -> None:
        self._url = _parse(where)
        self._name = self._url.render_as_string(hide_password=True)
        if not create:
            self._must_exist()
        self._engine = _connect(self._url)
        try:
            with self._told():
                self._prepare(create=create)
        except HarnessError:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def is_file(self, path: Path) -> bool:
        """Whether a path leads to the file that this history is kept in."""
        database = self._url.database or ""
        return self._url.get_backend_name() == "sqlite" and path.exists() and path.samefile(database)

    def add(self, runs: Iterable[Run]) -> int:
        """Append runs with all that belongs to them: all of them, or after a failure none.

        Returns:
            How many of them were new: the same report of the same cell is kept once.

        Raises:
            HarnessError: The store cannot be written to.
        """
        with self._told(), self._engine.begin() as connection:
            return sum(self._add(connection, run) for run in runs)

    def runs(self) -> list[Run]:
        """Return every run, without its findings, by night, cell and start.

        Raises:
            HarnessError: The store cannot be read, or holds what no harness wrote.
        """
        query = sa.select(_RUN).order_by(_RUN.c.night, _RUN.c.cell, _RUN.c.started)
        with self._told(), self._engine.connect() as connection:
            catalogues = {
                row.digest: Catalogue(tuple(row.ids.split("\n")) if row.ids else ())
                for row in connection.execute(sa.select(_CATALOGUE))
            }
            return [_undamaged(row, catalogues) for row in connection.execute(query)]

    def findings(self, run: Run) -> dict[str, str]:
        """Return why requirements were not met or unproven in a run, by their ids.

        Raises:
            HarnessError: The store cannot be read.
        """
        query = sa.select(_FINDING.c.requirement, _FINDING.c.text).where(
            _FINDING.c.report == str(run.report), _FINDING.c.cell == run.cell
        )
        with self._told(), self._engine.connect() as connection:
            return {row.requirement: row.text for row in connection.execute(query)}

    def _add(self, connection: sa.Connection, run: Run) -> bool:
        ids = "\n".join(run.catalogue.ids)
        self._insert(connection, _CATALOGUE, {"digest": str(run.catalogue.digest), "ids": ids})
        if not self._insert(connection, _RUN, _to_row(run)):
            return False
        for id_, text in run.findings.items():
            key = {"report": str(run.report), "cell": run.cell}
            self._insert(connection, _FINDING, {**key, "requirement": id_, "text": text})
        return True

    def _insert(self, connection: sa.Connection, table: sa.Table, row: dict[str, object]) -> bool:
        """Insert what is not there yet: jobs that end together may write the same catalogue at once."""
        insert = _INSERT[connection.dialect.name](table).on_conflict_do_nothing()
        # A count of rows is not to be had of every driver; what was inserted is.
        return connection.execute(insert.returning(*table.primary_key), row).first() is not None

    def _prepare(self, *, create: bool) -> None:
        with self._engine.begin() as connection:
            if create:
                _make_tables(connection)
                if connection.execute(sa.select(sa.func.count()).select_from(_SCHEMA)).scalar() == 0:
                    self._insert(connection, _SCHEMA, {"version": SCHEMA_VERSION})
            elif not sa.inspect(connection).has_table(_SCHEMA.name):
                raise HarnessError("this is no history of runs", where=self._name, fix="name the store with --store")
            version = connection.execute(sa.select(_SCHEMA.c.version)).scalar()
        if version != SCHEMA_VERSION:
            raise HarnessError(
                f"the history has schema {version}, this version knows schema {SCHEMA_VERSION}",
                where=self._name,
                fix="use the version of image-harness that wrote it",
            )

    def _must_exist(self) -> None:
        """SQLite would make an empty file of a mistyped name."""
        if self._url.get_backend_name() == "sqlite" and not Path(self._url.database or "").is_file():
            fix = "add a report first: image-harness history add --store FILE --cell NAME report.json"
            raise HarnessError("no such history", where=self._name, fix=fix)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell a database's complaint in one line."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            raise HarnessError(f"the history cannot be used: {lines[0]}", where=self._name) from error
        except (ValueError, TypeError) as error:  # of a column that holds what no harness wrote there
            raise HarnessError(f"the history is damaged: {error}", where=self._name) from error


def _make_tables(connection: sa.Connection) -> None:
    """Make what is missing; several jobs may be the first ones at once."""
    if connection.dialect.name == "postgresql":
        # There, "if not exists" fails when another transaction makes the same table just then.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
    for table in _METADATA.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


def _parse(where: str) -> sa.URL:
    url = _url(where)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise HarnessError("no file to keep the history in", where="--store", fix=_FORMS)
    return url


def _url(where: str) -> sa.URL:
    if "://" not in where:
        return sa.URL.create("sqlite", database=where)
    try:
        url = sa.make_url(where)
    except (sa.exc.ArgumentError, ValueError):
        raise HarnessError("not a database's URL", where="--store", fix=_FORMS) from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in _INSERT:
        raise HarnessError(f"no history can be kept in {url.get_backend_name()}", where="--store", fix=_FORMS)
    return url


def _connect(url: sa.URL) -> sa.Engine:
    # Jobs of a matrix end together: each waits for the others rather than fail.
    waiting = {"timeout": 60} if url.get_backend_name() == "sqlite" else {"connect_timeout": 10}
    try:
        return sa.create_engine(url, connect_args=waiting)
    except (ImportError, sa.exc.NoSuchModuleError) as error:
        fix = "pip install 'image-harness[postgresql]'"
        raise HarnessError(f"the database's driver is missing: {error}", where="--store", fix=fix) from error


def _to_row(run: Run) -> dict[str, object]:
    return {
        "report": str(run.report),
        "cell": run.cell,
        "night": run.night,
        "started": run.started.astimezone(UTC).replace(tzinfo=None),
        "verdict": run.verdict.value,
        "reference": run.reference,
        "manifest": _text(run.manifest),
        "config": _text(run.config),
        "design": run.design,
        "design_digest": _text(run.design_digest),
        "harness": run.harness,
        "engine": run.engine,
        "emulated": run.emulated,
        "bases": run.bases,
        "retries": run.retries,
        "catalogue": str(run.catalogue.digest),
        "statuses": run.statuses,
        "suite_seconds": _seconds(run.suite),
        "boot_seconds": _seconds(run.boot),
        "size": run.size,
        "packages": run.packages,
        "absence": run.absence,
    }


def _undamaged(row: sa.Row[Any], catalogues: Mapping[str, Catalogue]) -> Run:
    try:
        return _from_row(row, catalogues)
    except (HarnessError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        what = error.what if isinstance(error, HarnessError) else str(error)
        what += " is unknown" if isinstance(error, LookupError) else ""
        raise HarnessError(f"the history is damaged: {what}", where=f"{row.cell}, {row.night}") from error


def _from_row(row: sa.Row[Any], catalogues: Mapping[str, Catalogue]) -> Run:
    catalogue = catalogues[row.catalogue]
    if len(catalogue.ids) != len(row.statuses):
        raise ValueError(f"{len(row.statuses)} verdicts on {len(catalogue.ids)} requirements")
    for code in set(row.statuses):
        codes.status_of(code)
    return Run(
        night=row.night,
        cell=row.cell,
        started=row.started.replace(tzinfo=UTC),
        verdict=Status(row.verdict),
        report=Digest(row.report),
        reference=row.reference,
        manifest=_digest(row.manifest),
        config=_digest(row.config),
        design=row.design,
        design_digest=_digest(row.design_digest),
        harness=row.harness,
        engine=row.engine,
        emulated=row.emulated,
        bases=row.bases,
        retries=_count(row.retries),
        catalogue=catalogue,
        statuses=row.statuses,
        suite=_duration(row.suite_seconds),
        boot=_duration(row.boot_seconds),
        size=None if row.size is None else _count(row.size),
        packages=None if row.packages is None else _count(row.packages),
        absence=row.absence,
    )


def _count(value: object) -> int:
    """SQLite keeps a text in a column of numbers, too."""
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!a} is no number of things")
    return value


def _text(digest: Digest | None) -> str | None:
    return None if digest is None else str(digest)


def _digest(text: str | None) -> Digest | None:
    return None if text is None else Digest(text)


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
