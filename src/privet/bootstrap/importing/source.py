"""Reads CSV and JSON Lines row by row, whatever is in them.

A bad row becomes a BadRow with its line and reason, and reading goes on. Refuses, before any row, a file without the
columns that the map names. Never holds more than one row; a line over 1 MB is skipped, not read.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from privet.config.catalogue.problems import unknown
from privet.errors import InvalidInput, Unavailable

MOST_LINE = 1 << 20
MOST_CELL = 200_000


class Row(NamedTuple):
    """One good row. `typed` when the values came with JSON types; else they are text."""

    line: int
    cells: Mapping[str, object]
    typed: bool

    def __repr__(self) -> str:
        return f"Row(line={self.line}, hidden)"


class BadRow(NamedTuple):
    """One row that cannot be read. `column` is "" when it is the whole row."""

    line: int
    column: str
    reason: str


class Position:
    """How many bytes of a file were read."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = 0


def read_rows(path: Path, columns: frozenset[str], at: Position | None = None) -> Iterator[Row | BadRow]:
    """Every row, in order. JSON Lines for .jsonl and .ndjson, else CSV with a header. `at` is kept up to date.

    Raises Unavailable when the file cannot be read, InvalidInput when a column is missing.
    """
    try:
        with path.open("rb") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson"):
                yield from _read_json_lines(file, at or Position())
            else:
                yield from _read_csv(file, path.name, columns, at or Position())
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror})") from None


def _lines(file: BinaryIO, at: Position) -> Iterator[bytes | None]:
    """Lines with their ends; None for one that is too long."""
    while line := file.readline(MOST_LINE + 1):
        at.done += len(line)
        if len(line) <= MOST_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MOST_LINE)
            at.done += len(line)
        yield None


def _read_json_lines(file: BinaryIO, at: Position) -> Iterator[Row | BadRow]:
    for number, line in enumerate(_lines(file, at), start=1):
        if line is None:
            yield BadRow(number, "", "the line is longer than 1 MB")
            continue
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield BadRow(number, "", "the line is not a JSON object")
            continue
        if isinstance(value, dict):
            yield Row(number, value, True)
        else:
            yield BadRow(number, "", "the line is not a JSON object")


class _TooLong(Exception):
    """A line over the limit, met while the CSV reader was asking for one."""


def _read_csv(file: BinaryIO, name: str, columns: frozenset[str], at: Position) -> Iterator[Row | BadRow]:
    def text() -> Iterator[str]:
        first = True
        for line in _lines(file, at):
            if line is None:
                raise _TooLong
            if first:
                line = line.removeprefix(b"\xef\xbb\xbf")
                first = False
            yield line.decode("utf-8", "surrogateescape")

    lines = text()
    csv.field_size_limit(MOST_CELL)
    done = 0
    header: list[str] | None = None
    reader = csv.reader(lines, strict=True)
    while True:
        start = done + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            yield BadRow(
                start,
                "",
                "the row is not valid CSV: a quote is not closed, or a cell is over 200,000 characters",
            )
            continue
        except _TooLong:
            yield BadRow(start, "", "the line is longer than 1 MB")
            done += reader.line_num + 1
            lines = text()
            reader = csv.reader(lines, strict=True)
            continue
        if header is None:
            header = _header(cells, name, columns)
        elif cells:
            yield _csv_row(start, header, cells)
    if header is None:
        raise InvalidInput(f"{name}:1: the file is empty; it needs a header line")


def _header(cells: list[str], name: str, columns: frozenset[str]) -> list[str]:
    for column in sorted(columns):
        if column not in cells:
            raise InvalidInput(f"{name}:1: {unknown('column', 'columns', column, cells)}")
        if cells.count(column) > 1:
            raise InvalidInput(f"{name}:1: the column {column} is there twice; rename one")
    return cells


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(line, "", f"the row has {len(cells)} cells, the header {len(header)}")
    for column, cell in zip(header, cells, strict=True):
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError:
                return BadRow(line, column, "is not valid UTF-8")
    return Row(line, dict(zip(header, cells, strict=True)), False)
