"""The pages that people read, and what stands in them: code, tables, links."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
"""The same in two languages."""
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *(ROOT / name for name in (*READMES, "CONTRIBUTING.md", "CHANGELOG.md")),
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


def anchors(page: str) -> list[str]:
    """What a link to each heading ends with, in order: as forges make it, Chinese included."""
    found = tokens(page)
    titles = [found[n + 1].content for n, token in enumerate(found) if token.type == "heading_open"]
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def sections(page: str) -> Iterator[list[Token]]:
    """The tokens of each heading with what stands below it, up to the next heading of any level."""
    part: list[Token] = []
    for token in tokens(page):
        if token.type == "heading_open" and part:
            yield part
            part = []
        part.append(token)
    yield part


def inline(found: Iterable[Token]) -> Iterator[Token]:
    """Spans of code, links and text, in order."""
    for token in found:
        yield from token.children or ()


def spans(found: Iterable[Token]) -> list[str]:
    """What stands in spans of code."""
    return [token.content for token in inline(found) if token.type == "code_inline"]


def links(found: Iterable[Token]) -> list[str]:
    """The targets of links, as they are written: the parser escapes what is not ASCII."""
    return [unquote(str(t.attrs["href"])) for t in inline(found) if t.type == "link_open"]


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
