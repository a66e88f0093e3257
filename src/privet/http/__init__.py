"""The /v1 API over HTTP."""
