"""
The README says the same in both languages.

Words differ. What a reader copies, looks up or follows does not: so a change of one README that is
left out of the other one is seen here.
"""

import re

import pytest

from tests.docs.pages import READMES, Block, anchors, blocks, links, sections, spans, tables, tokens

ENGLISH, CHINESE = READMES


def in_both(of):
    """What a function makes of the English page, and of the Chinese one."""
    return of(ENGLISH), of(CHINESE)


def test_headings_are_as_many_and_as_deep():
    def headings(page):
        return [token.tag for token in tokens(page) if token.type == "heading_open"]

    english, chinese = in_both(headings)

    assert chinese == english


def test_blocks_of_code_are_the_same():
    def shown(page):
        return [(block.language, uncommented(block)) for block in blocks(page)]

    english, chinese = in_both(shown)

    assert chinese == english


def uncommented(block: Block) -> str:
    """The text of a block; comments in YAML are for people, so they may be translated."""
    return re.sub(r" +# .*", "", block.text) if block.language == "yaml" else block.text


def test_tables_have_the_same_rows():
    english, chinese = in_both(lambda page: [len(rows) for rows in tables(page)])

    assert chinese == english


def test_rows_are_of_the_same_names_in_the_same_order():
    def firsts(page):
        return [[row[0] for row in rows] for rows in tables(page)]

    english, chinese = in_both(firsts)

    assert chinese == english


def test_lists_have_the_same_items():
    def items(page):
        return [sum(one.type == "list_item_open" for one in part) for part in sections(page)]

    english, chinese = in_both(items)

    assert chinese == english


def test_each_section_names_the_same_things_in_code():
    english, chinese = in_both(lambda page: [set(spans(part)) for part in sections(page)])

    assert chinese == english


def test_each_section_links_to_the_same_places():
    def targets(page):
        """Targets by section; a heading of the page by its number, since its anchor differs."""
        headings = {f"#{anchor}": number for number, anchor in enumerate(anchors(page))}
        return [
            {headings.get(to, to) for to in links(part) if to not in READMES}
            for part in sections(page)
        ]

    english, chinese = in_both(targets)

    assert chinese == english


@pytest.mark.parametrize(("page", "other"), [(ENGLISH, CHINESE), (CHINESE, ENGLISH)])
def test_the_first_link_is_to_the_other_language(page, other):
    first = links(tokens(page))[0]

    assert first == other
