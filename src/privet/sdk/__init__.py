"""The SDK over the wire: `Client`, and `AsyncClient` for those who await. The same methods as a session in process.

Refuses to be clever about policy: the vault decides, the client asks, waits, and hands on what it was told.
"""
