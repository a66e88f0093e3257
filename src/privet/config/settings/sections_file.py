"""The sections about serving, from their shapes and back into TOML. Refuses nothing: the shapes did."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from privet.config.settings.sections import Shape
from privet.config.settings.serving import (
    IssuerSettings,
    PortalSettings,
    ServeSettings,
    Serving,
    SmtpSettings,
    TelemetrySettings,
)
from privet.config.settings.shape import FileShape

Local = Callable[[Path], str]
_FILES = frozenset(
    {
        "ca_file", "metrics_token_file", "password_file", "proxy_key_file", "tls_certificate", "tls_client_ca",
        "tls_key",
    }
)  # fmt: skip


def read_serving(root: Path, shape: FileShape) -> Serving:
    """The settings in their frozen form, files against the vault directory."""
    return Serving(
        serve=ServeSettings(**_given(root, shape.serve)),
        issuers=tuple(IssuerSettings(**_given(root, issuer)) for issuer in shape.issuers),
        portal=PortalSettings(**_given(root, shape.portal)),
        smtp=None if shape.smtp is None else SmtpSettings(**_given(root, shape.smtp)),
        telemetry=TelemetrySettings(**_given(root, shape.telemetry)),
    )


def _given(root: Path, shape: Shape) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in shape.model_dump(exclude_none=True).items():
        if name in _FILES:
            value = root / value
        given[name] = tuple(value) if isinstance(value, list) else value
    return given


def serving_lines(serving: Serving, local: Local) -> list[str]:
    """TOML of what differs from the defaults."""
    lines: list[str] = []
    for name, section in (
        ("serve", serving.serve),
        ("portal", serving.portal),
        ("telemetry", serving.telemetry),
        ("smtp", serving.smtp),
    ):
        told = list(changed(section, local)) if section is not None else []
        if told:
            lines += ["", f"[{name}]", *told]
    for issuer in serving.issuers:
        lines += ["", "[[issuers]]", *changed(issuer, local)]
    return lines


def changed(section: Any, local: Local) -> Iterator[str]:
    """`key = value` of each field of a section that is not its default."""
    for held in fields(section):
        value = getattr(section, held.name)
        if held.default is MISSING or value != held.default:
            yield f"{held.name} = {_toml(value, local)}"


def _toml(value: object, local: Local) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one, local) for one in value) + "]"
    return quote(local(value) if isinstance(value, Path) else str(value))


def quote(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
