"""The tables of measured numbers in the pages are what the committed results give."""

from __future__ import annotations

import pytest

from tests.doc_tables import PAGES, ROOT, table, written


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_a_page_are_current(page):
    text = (ROOT / page).read_text()
    assert "<!-- table: " in text
    assert written(text) == text, "write them anew: python -m tests.doc_tables"


def test_a_table_that_is_out_of_date_is_found():
    text = "a\n<!-- table: methods synthetic mAP : direct -->\n| old |\n<!-- end of table -->\nb\n"
    new = written(text)
    assert "| old |" not in new
    assert "`direct`" in new
    assert (new[:2], new[-2:]) == ("a\n", "b\n")
    assert written(new) == new


def test_a_recipe_that_no_result_has_is_an_error():
    with pytest.raises(AssertionError, match="ranks no"):
        table("methods synthetic mAP : nobody")
