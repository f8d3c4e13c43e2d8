"""A real PostgreSQL for tests: Debian's, in a folder of its own, ended with the session."""
