from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reidbench.results.pareto import pareto_front

FEW = st.integers(0, 4).map(float)


@given(st.lists(st.tuples(st.none() | FEW, FEW), max_size=12))
def test_a_point_is_on_the_front_if_no_other_costs_less_for_as_much_or_scores_more(points):
    known = [(cost, score) for cost, score in points if cost is not None]
    best = {
        (cost, score)
        for cost, score in known
        if not any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in known)
    }
    assert pareto_front(points) == best
