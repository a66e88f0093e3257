"""The catalogue: `catalogue.yaml` and its notices, read into `privet.domain.catalogue.Catalogue`."""

from privet.config.catalogue.numbering import with_numbers
from privet.config.catalogue.reader import FILE, NOTICES, load_catalogue, parse_catalogue

__all__ = ["FILE", "NOTICES", "load_catalogue", "parse_catalogue", "with_numbers"]
