"""Values of fields: checked as callers give them, read from text, and as bytes to be sealed."""

from privet.config.values.checking import Value, parse_value
from privet.config.values.encoding import UNDECODABLE, bare_decoder, decode_value, encode_value, max_size
from privet.config.values.text_forms import parse_json, parse_text

__all__ = [
    "UNDECODABLE",
    "Value",
    "bare_decoder",
    "decode_value",
    "encode_value",
    "max_size",
    "parse_json",
    "parse_text",
    "parse_value",
]
