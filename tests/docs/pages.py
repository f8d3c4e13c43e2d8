"""The pages that people read, and what stands in them: code, tables, links."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / "docs").glob("**/*.md"),
    )
)


@dataclass(frozen=True)
class Block:
    """A block of code."""

    page: str
    line: int
    language: str
    """Of the fence; empty for an indented block."""
    section: str
    """The heading above it."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def tokens(page: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text())


def blocks(page: str) -> Iterator[Block]:
    section = ""
    found = tokens(page)
    for number, token in enumerate(found):
        if token.type == "heading_open":
            section = found[number + 1].content
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            yield Block(page, token.map[0] + 1, token.info.strip(), section, token.content)


def inline(page: str) -> Iterator[Token]:
    """Spans of code, links and text, in order."""
    for token in tokens(page):
        yield from token.children or ()


def tables(page: str) -> Iterator[list[list[str]]]:
    """The rows of each table below its head, cells as they are written."""
    rows: list[list[str]] = []
    for token in tokens(page):
        if token.type == "tbody_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 3:
            rows[-1].append(token.content)
        elif token.type == "tbody_close":
            yield rows


def table_with(page: str, first: str) -> list[list[str]]:
    """The table whose first cell below the head is `first`."""
    return next(rows for rows in tables(page) if rows[0][0] == first)
