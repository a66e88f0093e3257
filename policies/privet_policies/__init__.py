"""The Rego policies and the default catalogue data, found by importlib.resources."""
