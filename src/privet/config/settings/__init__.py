"""`privet.toml`: where a vault keeps its parts.

Refuses unknown keys, a format newer than this Privet, and secrets: a passphrase or token never stands here, only
the file that holds it.
"""

from privet.config.settings.files import default_settings, find_elsewhere, load_settings, write_settings
from privet.config.settings.model import PolicySettings, Settings
from privet.config.settings.shape import FILE, FORMAT

__all__ = [
    "FILE",
    "FORMAT",
    "PolicySettings",
    "Settings",
    "default_settings",
    "find_elsewhere",
    "load_settings",
    "write_settings",
]
