"""Settings (privet.toml) and the catalogue."""
