from __future__ import annotations

import time

import pytest

from reidbench.schedule import Frontier, Graph, simulate


def row(translator: str, learner: str, seed: int) -> list[tuple[str, list[str]]]:
    """A run as the pipeline has it: decoding is shared by all, training by translator and seed."""
    fit, learnt = f"{translator}.{seed}", f"{translator}-{learner}.{seed}"
    return [
        ("decode", []),
        (f"source-{learner}.{seed}", ["decode"]),
        (fit, ["decode"]),
        (f"translate-{fit}", [fit, "decode"]),
        (learnt, [f"translate-{fit}", f"source-{learner}.{seed}"]),
        (f"embed-{learnt}", [learnt, "decode"]),
    ]


def study(translators: int = 6, learners: int = 3, seeds: int = 3) -> Graph:
    return Graph.of(
        row(f"t{t}", f"l{n}", s)
        for s in range(seeds)
        for t in range(translators)
        for n in range(learners)
    )


def drained(frontier: Frontier) -> list[str]:
    """The order in which one worker takes what there is."""
    order = []
    while (key := frontier.take()) is not None:
        order.append(key)
        frontier.done(key)
    return order


def test_each_distinct_stage_is_there_once():
    graph = study()
    # decode; a translator and its images for each of 18; a source model for each learner and seed;
    # a model and its features for each run.
    assert len(graph.nodes) == 1 + 18 * 2 + 9 + 54 * 2
    assert len(graph.rows) == 54
    assert graph.shared == 54 * 6 - len(graph.nodes)


def test_a_stage_knows_what_it_needs_and_who_wants_it():
    graph = Graph.of([row("a", "x", 0), row("a", "y", 0)])
    assert graph.nodes["translate-a.0"].needs == ("a.0", "decode")
    assert graph.nodes["translate-a.0"].rows == (0, 1)
    assert graph.nodes["embed-a-y.0"].rows == (1,)


def test_an_input_that_is_at_hand_is_not_waited_for():
    graph = Graph.of([[("embed", ["learn", "decode"]), ("score", ["embed"])]])
    assert graph.nodes["embed"].needs == ()
    assert drained(Frontier(graph)) == ["embed", "score"]


def test_a_stage_before_its_input_is_refused():
    with pytest.raises(ValueError, match="score comes before its input embed"):
        Graph.of([[("score", ["embed"]), ("embed", [])]])


def test_whole_rows_finish_early():
    graph = study()
    frontier, finished = Frontier(graph), []
    for taken, key in enumerate(iter(frontier.take, None)):
        finished += [(number, taken) for number in frontier.done(key)]
    assert [number for number, _ in finished] == list(range(54))
    # The first row is whole after its own six stages, not after a layer of the graph.
    assert finished[0] == (0, 5)
    assert frontier.over


def test_a_stage_is_taken_once_all_it_needs_is_done_and_not_before():
    frontier = Frontier(Graph.of([row("a", "x", 0)]))
    assert frontier.take() == "decode"
    assert frontier.take() is None
    assert not frontier.over
    frontier.done("decode")
    assert [frontier.take(), frontier.take(), frontier.take()] == ["source-x.0", "a.0", None]
    frontier.done("a.0")
    assert frontier.take() == "translate-a.0"
    assert frontier.running == {"source-x.0", "translate-a.0"}


def test_what_fails_loses_the_rows_that_want_it_and_no_other():
    frontier = Frontier(Graph.of([row("a", "x", 0), row("a", "y", 0), row("b", "x", 0)]))
    taken, whole = [], []
    while (key := frontier.take()) is not None:
        taken.append(key)
        if key == "a.0":
            assert frontier.failed(key) == [0, 1]
        else:
            whole += frontier.done(key)
    assert whole == [2]
    # What only lost rows want is left undone: their images, and the source model of learner y.
    assert taken == ["decode", "source-x.0", "a.0", "b.0", "translate-b.0", "b-x.0", "embed-b-x.0"]
    assert frontier.over


def test_a_second_failure_of_one_row_is_told_once():
    frontier = Frontier(Graph.of([[("p", []), ("q", [])]]))
    assert [frontier.take(), frontier.take()] == ["p", "q"]
    assert frontier.failed("p") == [0]
    assert frontier.failed("q") == []
    assert frontier.over


def test_what_somebody_else_computes_comes_back():
    frontier = Frontier(Graph.of([[("p", []), ("q", [])]]))
    assert frontier.take() == "p"
    frontier.put_back("p")
    assert frontier.elsewhere == ("p",)
    assert frontier.take() == "q"
    assert frontier.done("q") == []
    assert frontier.take() is None
    assert not frontier.over
    frontier.retry()
    assert frontier.take() == "p"
    assert frontier.done("p") == [0]
    assert frontier.over


def test_a_row_that_lacks_nothing_waits_for_nothing():
    graph = Graph.of([[], [("p", [])]])
    assert graph.rows == (frozenset(), frozenset({"p"}))
    assert simulate(graph, {"p": 2.0}, 1).rows == (0.0, 2.0)


def test_two_workers_take_as_long_as_the_longest_way():
    graph = Graph.of([row("a", "x", 0)])
    seconds = {
        "decode": 1,
        "source-x.0": 5,
        "a.0": 10,
        "translate-a.0": 1,
        "a-x.0": 5,
        "embed-a-x.0": 1,
    }
    assert simulate(graph, seconds, 1).seconds == 23
    assert simulate(graph, seconds, 2).seconds == 18
    assert simulate(graph, seconds, 9).seconds == 18


def test_a_hundred_thousand_stages_are_simulated_in_less_than_a_minute():
    started = time.process_time()
    graph = study(translators=60, learners=10, seeds=76)
    simulated = simulate(graph, dict.fromkeys(graph.nodes, 1.0), 64)
    assert time.process_time() - started < 60
    assert len(graph.nodes) == 1 + 4560 * 2 + 760 + 45_600 * 2 > 100_000
    assert simulated.seconds >= len(graph.nodes) / 64
    assert list(simulated.rows[:1]) == [min(simulated.rows)]
