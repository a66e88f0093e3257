"""Reduces opened values to what a grant lets out. Refuses a transform it does not know: the value becomes None."""

from collections.abc import Mapping

from privet.config.values import Value
from privet.domain.catalogue import Catalogue
from privet.domain.decision import Grant
from privet.transform.mask import mask


class Minimiser:
    """Applies the transforms that decisions name."""

    def __init__(self, *, catalogue: Catalogue) -> None:
        self._types = {path: field.type for path, field in catalogue.every_field.items()}

    def minimise(self, values: Mapping[str, Value | None], grant: Grant) -> Mapping[str, Value | None]:
        """Values as the caller may have them. In clear they are passed on as they are."""
        reduced: dict[str, Value | None] | None = None
        for path, _, transform in grant.fields:
            if transform is None:
                continue
            if reduced is None:
                reduced = dict(values)
            value = reduced[path]
            if value is not None:
                reduced[path] = mask(self._types[path], value) if transform == "mask" else None
        return values if reduced is None else reduced
