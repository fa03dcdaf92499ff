"""A PostgreSQL that needs no installation: a Django database backend that starts the server of a wheel."""
