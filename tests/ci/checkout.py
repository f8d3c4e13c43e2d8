"""This project as others get it: a folder with its files and nothing else."""

import os
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def copy_project(folder: Path) -> Path:
    """Copy what git has of the project, as it stands in the work tree, and return the folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    # Without the variables by which a hook tells git which repository is meant.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    listed = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, check=True)
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        source, target = PROJECT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder
