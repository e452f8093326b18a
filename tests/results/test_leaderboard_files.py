from __future__ import annotations

import csv
import io
import re

from reidbench.results.leaderboard import build
from reidbench.results.leaderboard_files import CSV_COLUMNS, as_csv, as_latex
from tests.made_results import make_seeds, with_sections


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_row_ranked_or_not_is_a_line_of_the_csv():
    results = [
        *with_sections(make_seeds([0.4, 0.5, 0.6])),
        *make_seeds([0.9], recipe="lucky"),
    ]
    rows = read(as_csv(build(results)))
    assert [tuple(row) for row in rows] == [CSV_COLUMNS] * 2
    assert (rows[0]["recipe"], rows[0]["place"], rows[0]["not_ranked"]) == ("spgan", "1", "")
    assert float(rows[0]["mAP"]) == 0.5
    assert round(float(rows[0]["mAP_sd"]), 9) == 0.1
    assert float(rows[0]["fid"]) == 12.5
    assert rows[1]["not_ranked"] == "seeds 1, 2 missing"
    assert (rows[1]["place"], rows[1]["mAP_sd"], rows[1]["fid"]) == ("", "", "")


def test_no_name_is_a_formula_of_a_spreadsheet():
    results = make_seeds([0.5] * 3, recipe='=HYPERLINK("x")')
    (row,) = read(as_csv(build(results)))
    assert row["recipe"] == '\'=HYPERLINK("x")'


def test_the_latex_has_rules_and_as_many_cells_in_every_row():
    results = [*make_seeds([0.4, 0.5, 0.6]), *make_seeds([0.1, 0.2, 0.2], recipe="other")]
    text = as_latex(build(results))
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    (columns,) = re.findall(r"\\begin{tabular}{(\w+)}", text)
    assert {line.count("&") + 1 for line in rows} == {len(columns)}
    assert r"1 & spgan & 50.0 $\pm$ 10.0" in text


def test_names_cannot_leave_their_cell_of_the_latex():
    text = as_latex(build(make_seeds([0.5] * 3, recipe=r"a_b & \input{x} 5% $ # ~ ^ < >")))
    escaped = r"a\_b \& \textbackslash{}input\{x\} 5\% \$ \# \textasciitilde{} \textasciicircum{}"
    assert escaped + r" \textless{} \textgreater{}" in text
