"""What goes in and out of the API, as pydantic models: the form at the edge, and the source of the OpenAPI document."""
