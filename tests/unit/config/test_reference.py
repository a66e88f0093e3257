"""The reference pages: their example loads, and every key, type and setting stands in them."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from privet.config.catalogue import parse_catalogue, shapes
from privet.config.catalogue.purposes import ARTICLE9
from privet.config.catalogue.value_types import SCALARS
from privet.config.settings.shape import FileShape
from privet.domain.catalogue import LegalBasis
from privet.errors import CatalogueError

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
NOTICES = {"meals": "May the kitchen know?\n", "marketing": "May we write?\n"}


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_the_reference_loads_without_warnings() -> None:
    """What the page shows as a whole catalogue is one."""
    catalogue = parse_catalogue(example(), file="catalogue.yaml", notices=NOTICES)
    assert catalogue.warnings == ()


def test_the_fault_shown_in_the_reference_is_a_real_one() -> None:
    """The message on the page is what a misspelt purpose gives."""
    shown = re.search(r"    (catalogue\.yaml:14: .*)\n", PAGE)
    assert shown is not None
    start = (
        "\n" * 13
        + "fields: {room.bed: {type: enum[king, twin], category: pd:Preference, allow: [servce-personalisation]}}\n"
    )
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(
            start
            + "purposes: {service-personalisation: {dpv: dpv:ServicePersonalisation, basis: contract}}\n",
            file="catalogue.yaml",
            notices={},
        )
    assert refused.value.problems == (shown[1],)


SHAPES = [
    shapes.OrganisationShape,
    shapes.FieldShape,
    shapes.CollectionShape,
    shapes.PurposeShape,
    shapes.ServiceShape,
]


@pytest.mark.parametrize("shape", [*SHAPES, shapes.OfficerShape, shapes.OidcShape])
def test_every_key_of_the_catalogue_is_in_the_reference(shape: type[BaseModel]) -> None:
    """A key that nobody can read about does not exist."""
    assert [key for key in shape.model_fields if f"`{key}`" not in PAGE] == []


def test_every_type_basis_and_ground_is_in_the_reference() -> None:
    """The words that may be written for a type, a legal basis, an Art. 9(2) ground."""
    words = [*SCALARS[:-1], *LegalBasis, *ARTICLE9]
    assert [word for word in words if f"`{word}`" not in PAGE] == []
    assert "`enum[" in PAGE
    assert "`list[T]`" in PAGE


def test_every_setting_is_in_its_reference() -> None:
    """Each section and key of privet.toml."""
    keys = []
    for name, field in FileShape.model_fields.items():
        models = [
            model
            for model in (field.annotation, *get_args(field.annotation))
            if isinstance(model, type) and issubclass(model, BaseModel)
        ]
        keys += [f"{name}.{key}" for model in models for key in model.model_fields] or [name]
    assert len(keys) >= 60
    told = {
        key
        for line in SETTINGS_PAGE.splitlines()
        if line.startswith("| `")
        for key in line.split("|")[1].replace("`", "").replace(" ", "").split(",")
    }
    assert sorted(set(keys) - told) == []
    assert sorted(told - set(keys)) == []
