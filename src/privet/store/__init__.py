"""Tables, adapters and migrations. The only package that imports sqlalchemy."""
