"""Privet: an encrypted store of customer profiles that releases fields by purpose, policy and consent."""

__version__ = "0.1.0"
