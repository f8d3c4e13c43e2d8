"""
Codes of the findings that reading text and checking it against a schema can give.

====== =========================================================================================
code   what it says
====== =========================================================================================
RMQ001 the text is not YAML or JSON: syntax, encoding, characters, several documents in one file
RMQ002 a mapping has the same key twice; the message names both places
RMQ003 something that is not plain data: tags, merge keys, keys that are no strings, .inf and .nan
RMQ004 a limit: size of the file, values in it, depth, aliases that explode, too long numbers
RMQ010 the data does not fit the schema: unknown or missing key, wrong type, wrong value
====== =========================================================================================
"""

SYNTAX = "RMQ001"
DUPLICATE_KEY = "RMQ002"
NOT_PLAIN = "RMQ003"
LIMIT = "RMQ004"
SCHEMA = "RMQ010"

MAX_BYTES = 50_000_000
"""Longest file that is read."""

MAX_VALUES = 3_000_000
"""
Most values in one file, keys apart: six times what 50,000 objects are, and at worst a gigabyte.
"""

MAX_DEPTH = 100
"""Mappings and lists inside each other; also what the depth of Python's stack allows with ease."""

MAX_FINDINGS = 1_000
"""Findings of one kind in one file that are told; a hostile file could hold millions."""
