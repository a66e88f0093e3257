"""The shape of `privet.toml`, by pydantic, and a sentence for every way in which it can be wrong.

Refuses unknown keys, a format newer than this Privet, and what is not TOML; every fault is reported at once.
"""

import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privet.config.catalogue.problems import unknown
from privet.config.settings.model import Engine
from privet.errors import InvalidInput, Unavailable

FILE = "privet.toml"
FORMAT = 1
DEFAULT_URL = "sqlite:///vault.db"
MOST_BYTES = 100_000


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_PathText = Annotated[str, Field(min_length=1, max_length=1_000)]


class _Database(_Shape):
    url: Annotated[str, Field(pattern=r"^(sqlite|postgresql\+psycopg)://", max_length=2_000)] = DEFAULT_URL


class _Keyring(_Shape):
    kind: Literal["file"] = "file"
    path: _PathText = "keyring.json"


class _Policy(_Shape):
    engine: Engine = "embedded"
    url: Annotated[str, Field(pattern=r"^https?://", max_length=2_000)] | None = None
    token_file: _PathText | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = 200


class _Log(_Shape):
    # A checkpoint's origin is one line without a plus sign (C2SP tlog-checkpoint, signed-note).
    origin: Annotated[str, Field(pattern=r"^[^\s+\x00-\x1f\x7f]{1,200}$")] | None = None


class _Anchors(_Shape):
    path: _PathText = "anchors"


class _Keypack(_Shape):
    path: _PathText = "keypack"


class _Journal(_Shape):
    path: _PathText = "journal"


class FileShape(_Shape):
    format: Annotated[int, Field(ge=1, le=FORMAT)]
    vault_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    database: _Database = Field(default_factory=_Database)
    keyring: _Keyring = Field(default_factory=_Keyring)
    policy: _Policy = Field(default_factory=_Policy)
    log: _Log = Field(default_factory=_Log)
    anchors: _Anchors = Field(default_factory=_Anchors)
    keypack: _Keypack = Field(default_factory=_Keypack)
    journal: _Journal = Field(default_factory=_Journal)


def parse_settings(data: bytes) -> FileShape:
    """The file's settings. Raises InvalidInput (file, line, key, fix) or, for a newer format, Unavailable."""
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"{FILE}:1: the file: is larger than 100 kB; it holds a few settings only")
    try:
        text = data.decode("utf-8")
        raw = tomllib.loads(text)
    except UnicodeDecodeError:
        raise InvalidInput(f"{FILE}:1: the file: is not UTF-8; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        # tomllib ends its message with "(at line 3, column 5)".
        said = str(error)
        line = said.rpartition("at line ")[2].partition(",")[0]
        shown = line if line.isdigit() else "1"
        raise InvalidInput(
            f"{FILE}:{shown}: the file: is not valid TOML; check the quotes and brackets there"
        ) from None
    number = raw.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise Unavailable(
            f"{FILE}: this vault was made by a newer Privet (format {number}, this one reads {FORMAT}); upgrade Privet"
        )
    try:
        return FileShape.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    lines = []
    for fault in faults:
        keys = [str(part) for part in fault["loc"]]
        key = ".".join(keys) or "the file"
        lines.append(f"{FILE}:{_line_of(text, keys)}: {key}: {_sentence(keys, fault['type'])}")
    raise InvalidInput("\n".join(lines))


RULES = {
    "format": "must be 1",
    "vault_id": "must be 32 hexadecimal digits in quotes, as `privet init` wrote it",
    "database.url": 'must start with sqlite:/// or postgresql+psycopg://, for instance url = "sqlite:///vault.db"',
    "keyring.kind": 'must be "file"',
    "policy.engine": 'must be "embedded", "opa" or "regopy"',
    "policy.url": 'must be the address of an OPA server, for instance url = "http://127.0.0.1:8181"',
    "policy.timeout_ms": "must be a whole number of milliseconds from 1 to 60000",
    "log.origin": 'must be a name without spaces or +, for instance origin = "privet.example.org/guests"',
}


def _sentence(keys: list[str], kind: str) -> str:
    if kind == "extra_forbidden":
        section = FileShape.model_fields.get(keys[0]) if len(keys) > 1 else None
        model = FileShape if section is None else section.annotation
        known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        return unknown("key", "keys here", keys[-1], known)
    rule = RULES.get(".".join(keys))
    if kind == "missing":
        return f"is missing; it {rule}"
    if rule is None:
        rule = "must be a section in [ ]" if len(keys) == 1 else "must be a text in quotes, a path"
    return rule


def _line_of(text: str, keys: list[str]) -> int:
    """The line of a key, found by its section and name; 1 where it is written in some other way."""
    section, best = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("["):
            section = bare.strip("[] ")
            if keys and section == keys[0]:
                best = number
        name = bare.partition("=")[0].strip().strip("\"'")
        if "=" in bare and ".".join(filter(None, [section, name])) == ".".join(keys):
            return number
    return best
