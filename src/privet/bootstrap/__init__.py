"""Opens a vault: joins settings, keyring, store and pipeline into one object."""
