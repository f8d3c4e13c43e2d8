"""What takes long to import is imported by the commands that need it."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = (
    "requests",
    "yaml",
    "jsonschema_rs",
    "git",
    "deepdiff",
    "rich",
    "sqlalchemy",
    "rmqsync.kinds",
)


def test_the_program_answers_before_it_loads_anything_heavy() -> None:
    code = (
        "import sys; import rmqsync.cli.main as main; main.run(['--version']); "
        f"print(*(name for name in {_HEAVY!r} if name in sys.modules), sep=',')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[1] == ""
