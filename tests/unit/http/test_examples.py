"""Examples of the OpenAPI document: each is what its schema says, in every catalogue, and none is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it has none

from privet.config.values import parse_json
from privet.domain.catalogue import ValueType
from privet.http.api import make_api
from privet.http.callers import Authenticator
from privet.http.describing import describe
from privet.http.desk import Desk
from privet.http.examples import value_of
from privet.testing import make_vault
from tests.contract.sdk import every_type
from tests.unit.http.test_api import NoLane

HOTEL = Path(__file__).parents[3] / "cli" / "privet_cli" / "demo" / "hotel"
BARE = """
fields: {name: {type: string, category: pd:Name, allow: [stay]}}
purposes: {stay: {dpv: dpv:ServicePersonalisation, basis: contract}}
services: {desk: {purposes: [stay], fields: [name]}}
"""
BINARY = {
    "/v1/me/export",
    "/v1/log/checkpoint",
    "/v1/log/tile/{level}/{number}",
    "/v1/audit/proofs/{audit_id}",
}
"""Answers that are no JSON."""
ITSELF = {"/v1/openapi.json", "/metrics"}


def document_of(directory: Path, catalogue: str, notices: dict[str, str]) -> dict[str, Any]:
    with make_vault(directory / "vault", catalogue, notices) as vault:
        desk = Desk(vault.parts, authenticator=Authenticator(vault.parts), lane=NoLane())
        made: dict[str, Any] = orjson.loads(
            orjson.dumps(describe(make_api(desk).routes, vault.parts.catalogue))
        )
        return made


@pytest.fixture(scope="module", params=["hotel", "every type", "bare"])
def document(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of a catalogue."""
    hotel = {path.stem: path.read_text(encoding="utf-8") for path in (HOTEL / "notices").glob("*.md")}
    catalogues = {
        "hotel": ((HOTEL / "catalogue.yaml").read_text(encoding="utf-8"), hotel),
        "every type": (every_type.CATALOGUE, dict(every_type.NOTICES)),
        "bare": (BARE, {}),
    }
    made = document_of(tmp_path_factory.mktemp("document"), *catalogues[request.param])
    made["x-catalogue"] = request.param
    return made


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, "request" or "answer", media type object)."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield path, "request", content
            for content in operation["responses"]["200"]["content"].values():
                yield path, "answer", content


def test_each_example_is_valid_by_its_schema(document: dict[str, Any]) -> None:
    """Requests and answers, formats included."""
    seen = 0
    for path, side, content in contents(document):
        if "example" not in content:
            continue
        schema = {**content["schema"], "components": document["components"]}
        checked = Draft202012Validator(schema, format_checker=FormatChecker())
        faults = [fault.message for fault in checked.iter_errors(content["example"])]
        assert not faults, (path, side, content["example"])
        seen += 1
    assert seen >= 20


def test_no_operation_is_without(document: dict[str, Any]) -> None:
    """A request and its main answer, where the catalogue has what it takes."""
    if document["x-catalogue"] == "bare":
        return
    missing = {(path, side) for path, side, content in contents(document) if "example" not in content}
    assert missing == {(path, "answer") for path in BINARY | ITSELF}


def test_it_says_where_it_is_served(document: dict[str, Any]) -> None:
    """Relative to itself: a document knows no name of its host."""
    assert [server["url"] for server in document["servers"]] == ["/"]


@pytest.mark.parametrize(
    "kind",
    [
        ValueType(kind="date", minimum="2024-06-01", maximum="2024-12-31"),
        ValueType(kind="date", maximum="0001-03-01"),
        ValueType(kind="datetime", minimum="2030-01-01T00:00:00Z"),
        ValueType(kind="integer", minimum="5"),
        ValueType(kind="integer", maximum="-7"),
        ValueType(kind="number", minimum="200.5"),
        ValueType(kind="email", max_length=8),
        ValueType(kind="string", max_length=1),
        ValueType(kind="list", of=ValueType(kind="number", maximum="0.5")),
    ],
    ids=lambda kind: f"{kind.kind} {kind.minimum} {kind.maximum} {kind.max_length}",
)
def test_an_example_keeps_to_its_bounds(kind: ValueType) -> None:
    """Whatever a catalogue sets: the vault takes it."""
    parse_json(kind, value_of(kind), where="example")
