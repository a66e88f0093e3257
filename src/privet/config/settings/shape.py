"""The shape of `privet.toml`, by pydantic, and a sentence for every way in which it can be wrong.

Refuses unknown keys, a format newer than this Privet, and what is not TOML; every fault is reported at once.
"""

import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from privet.config.catalogue.problems import unknown
from privet.config.settings.environment import find_overrides, overlay, variable
from privet.config.settings.model import Engine
from privet.config.settings.sections import (
    DatabaseShape,
    IssuerShape,
    PathText,
    PortalShape,
    ServeShape,
    Shape,
    SmtpShape,
    TelemetryShape,
    check_web_url,
)
from privet.errors import InvalidInput, Unavailable

FILE = "privet.toml"
FORMAT = 1
MOST_BYTES = 100_000


class _Keyring(Shape):
    kind: Literal["file"] = "file"
    path: PathText = "keyring.json"


class _Policy(Shape):
    engine: Engine = "embedded"
    url: (
        Annotated[str, Field(pattern=r"^https?://", max_length=2_000), AfterValidator(check_web_url)] | None
    ) = None
    token_file: PathText | None = None
    ca_file: PathText | None = None
    certificate_file: PathText | None = None
    key_file: PathText | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = 200


class _Log(Shape):
    # A checkpoint's origin is one line without a plus sign (C2SP tlog-checkpoint, signed-note).
    origin: Annotated[str, Field(pattern=r"^[^\s+\x00-\x1f\x7f]{1,200}$")] | None = None


class _Anchors(Shape):
    path: PathText = "anchors"


class _Keypack(Shape):
    path: PathText = "keypack"


class _Journal(Shape):
    path: PathText = "journal"


class FileShape(Shape):
    format: Annotated[int, Field(ge=1, le=FORMAT)]
    vault_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    database: DatabaseShape = Field(default_factory=DatabaseShape)
    keyring: _Keyring = Field(default_factory=_Keyring)
    policy: _Policy = Field(default_factory=_Policy)
    log: _Log = Field(default_factory=_Log)
    anchors: _Anchors = Field(default_factory=_Anchors)
    keypack: _Keypack = Field(default_factory=_Keypack)
    journal: _Journal = Field(default_factory=_Journal)
    serve: ServeShape = Field(default_factory=ServeShape)
    issuers: Annotated[list[IssuerShape], Field(max_length=100)] = Field(default_factory=list)
    portal: PortalShape = Field(default_factory=PortalShape)
    smtp: SmtpShape | None = None
    telemetry: TelemetryShape = Field(default_factory=TelemetryShape)


def parse_settings(data: bytes) -> FileShape:
    """The file's settings, with the environment's over them.

    Raises InvalidInput (file and line or variable, key, fix) or, for a newer format, Unavailable.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"{FILE}:1: the file: is larger than 100 kB; it holds a few settings only")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{FILE}:1: the file: is not UTF-8; save it as UTF-8") from None
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        # tomllib ends its message with "(at line 3, column 5)" or "(at end of document)".
        said = str(error)
        line = said.rpartition("at line ")[2].partition(",")[0]
        shown = line if line.isdigit() else "1"
        why = "check the quotes and brackets there"
        if said.endswith("(at end of document)"):
            shown = str(max(1, len(text.rstrip().splitlines())))
            why = "it ends too early: a value, or the end of a quote or bracket, is missing"
        if said.startswith(("Cannot declare", "Cannot overwrite")):
            why = "a section or key stands twice; write all of a section's keys below one heading"
        raise InvalidInput(f"{FILE}:{shown}: the file: is not valid TOML; {why}") from None
    number = raw.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise Unavailable(
            f"{FILE}: this vault was made by a newer Privet (format {number}, this one reads {FORMAT}); upgrade Privet"
        )
    overrides = find_overrides(FileShape)
    try:
        shape = FileShape.model_validate(overlay(raw, overrides))
        contradictions = _find_contradictions(shape)
        if not contradictions:
            return shape
        raise InvalidInput(
            "\n".join(
                f"{variable(keys)}: {said}"
                if _is_said(overrides, keys)
                else f"{FILE}:{_line_of(text, keys)}: {'.'.join(key for key in keys if not key.isdigit())}: {said}"
                for keys, said in contradictions
            )
        )
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    lines = []
    for fault in faults:
        keys = [str(part) for part in fault["loc"]]
        key = ".".join(keys) or "the file"
        place = f"{FILE}:{_line_of(text, keys)}: {key}"
        if _is_said(overrides, keys):
            place = variable(keys)
            if keys == ["issuers"]:
                lines.append(f"{place}: must be a JSON list of issuers")
                continue
        lines.append(f"{place}: {_sentence([part for part in fault['loc'] if isinstance(part, str)], fault)}")
    raise InvalidInput("\n".join(lines))


def _is_said(overrides: Mapping[str, Any], keys: list[str]) -> bool:
    """Whether the environment, not the file, said it."""
    if not keys or keys[0] not in overrides:
        return False
    section = overrides[keys[0]]
    return not isinstance(section, dict) or len(keys) == 1 or keys[1] in section


def _find_contradictions(shape: FileShape) -> list[tuple[list[str], str]]:
    """What no single key can say: each by the key to look at."""
    faults: list[tuple[list[str], str]] = []

    def pair(section: str, one: str, other: str) -> None:
        held = getattr(shape, section)
        if (getattr(held, one) is None) != (getattr(held, other) is None):
            there, missing = (one, other) if getattr(held, other) is None else (other, one)
            faults.append(([section, there], f"needs {section}.{missing} beside it"))

    if shape.policy.engine == "opa" and shape.policy.url is None:
        faults.append((["policy", "url"], f'is missing; with engine = "opa" it {RULES["policy.url"]}'))
    pair("policy", "certificate_file", "key_file")
    pair("serve", "tls_certificate", "tls_key")
    if shape.serve.tls_client_ca is not None and shape.serve.tls_certificate is None:
        faults.append(
            (["serve", "tls_client_ca"], "asks for certificates over TLS; set serve.tls_certificate too")
        )
    for at, issuer in enumerate(shape.issuers):
        if issuer.role == "customers" and (issuer.claim is None or issuer.lookup is None):
            keys = ["issuers", str(at), "role"]
            faults.append((keys, 'with role = "customers" both claim and lookup say who she is'))
    return faults


RULES = {
    "format": "must be 1",
    "vault_id": "must be 32 hexadecimal digits in quotes, as `privet init` wrote it",
    "database.url": 'must start with sqlite:/// or postgresql+psycopg://, for instance url = "sqlite:///vault.db"',
    "keyring.kind": 'must be "file"',
    "policy.engine": 'must be "embedded", "opa" or "regopy"',
    "policy.url": 'must be the address of an OPA server, for instance url = "http://127.0.0.1:8181"',
    "serve.public_url": 'must be scheme, host and port alone, for instance public_url = "https://my.example.org"',
    "policy.timeout_ms": "must be a whole number of milliseconds from 1 to 60000",
    "log.origin": 'must be a name without spaces or +, for instance origin = "privet.example.org/guests"',
}


_KINDS = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be a text in quotes",
    "list_type": "must be a list in [ ]",
    "too_short": "must not be empty",
    "value_error": "must be a web address with a host, and a port from 1 to 65535 if any",
}


def _sentence(named: list[str], fault: Any) -> str:
    """What is wrong at these keys; which of several issuers it is, is not among them."""
    kind: str = fault["type"]
    context: Mapping[str, Any] = fault.get("ctx", {})
    if kind == "extra_forbidden":
        known = _SECTIONS[named[0]].model_fields if len(named) > 1 else FileShape.model_fields
        return unknown("key", "keys here", named[-1], known)
    rule = RULES.get(".".join(named))
    if kind == "missing":
        return "is missing" if rule is None else f"is missing; it {rule}"
    if rule is not None:
        return rule
    if len(named) == 1:
        return "must be a section in [[ ]]" if named[0] == "issuers" else "must be a section in [ ]"
    if kind == "literal_error":
        return f"must be one of {context['expected']}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        bound = next(context[key] for key in ("gt", "ge", "lt", "le") if key in context)
        words = ("at least", "at most") if kind.endswith("equal") else ("more than", "less than")
        return f"must be {words['less' in kind]} {bound}"
    if kind == "string_pattern_mismatch":
        return f"has not the form it must have ({context['pattern']})"
    if named[0] in _ONLY_PATHS:
        return "must be a text in quotes, a path"
    return _KINDS.get(
        kind, "must be a text in quotes, a path" if named[-1].endswith("path") else "is not right"
    )


_ONLY_PATHS = frozenset({"anchors", "keypack", "journal", "keyring"})
_SECTIONS: Mapping[str, type[Shape]] = {
    "database": DatabaseShape,
    "keyring": _Keyring,
    "policy": _Policy,
    "log": _Log,
    "anchors": _Anchors,
    "keypack": _Keypack,
    "journal": _Journal,
    "serve": ServeShape,
    "issuers": IssuerShape,
    "portal": PortalShape,
    "smtp": SmtpShape,
    "telemetry": TelemetryShape,
}


def _line_of(text: str, keys: list[str]) -> int:
    """The line of a key, found by its section and name; 1 where it is written in some other way."""
    section, best, seen = "", 1, -1
    # Of a list of sections, which: ["issuers", "1", "claim"].
    at = int(keys[1]) if len(keys) > 1 and keys[1].isdecimal() else None
    wanted = ".".join(key for key in keys if not key.isdigit())
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("["):
            section = bare.strip("[] ")
            seen += at is not None and section == keys[0]
            if keys and section == keys[0] and at in (None, seen):
                best = number
        name = bare.partition("=")[0].strip().strip("\"'")
        if "=" in bare and ".".join(filter(None, [section, name])) == wanted and at in (None, seen):
            return number
    return best
