from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reidbench.engine.streams import generator, stream
from reidbench.storage.keys import canonical, derive_seed, digest

names = st.text("ab.é", max_size=2)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
nested = st.dictionaries(names, plain | st.dictionaries(names, plain, max_size=3), max_size=4)


@given(nested)
def test_the_order_of_insertion_is_not_part_of_a_key(value: dict[str, object]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_canonical_text_is_sorted_and_without_spaces() -> None:
    assert canonical({"b": [1, 0.5, None], "a": {"é": True}}) == (
        '{"a":{"\\u00e9":true},"b":[1,0.5,null]}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_values_that_are_not_numbers_have_no_key(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", torch.zeros(1)])
def test_what_is_not_json_has_no_key(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_digest_never_changes() -> None:
    # sha256 of '{"a":[1,2.5,"x"],"b":null}'; every store would be lost if this moved.
    value = {"b": None, "a": [1, 2.5, "x"]}
    assert digest(value) == "ebeb83367f9695ff5ceeebf14323134c"
    assert digest(value, 8) == "ebeb8336"


def test_seeds_never_change() -> None:
    assert derive_seed(0, "translator") == 7901533344653014625


def test_every_axis_has_a_seed_of_its_own() -> None:
    axes = list(itertools.product((0, 1), ("translator", "learner", "1"), (0, 1, "1")))
    axes += [(0,), (0, "translator"), ("0", "translator"), ("0translator",)]  # type: ignore[list-item]
    seeds = {derive_seed(*axis) for axis in axes}
    assert len(seeds) == len(axes)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_stream_leaves_the_surrounding_one_untouched() -> None:
    torch.manual_seed(5)
    first, second = torch.rand(3), torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), first)
    with stream(0, "inside"):
        torch.rand(100)
    assert torch.equal(torch.rand(3), second)


def test_a_stream_is_restored_when_its_body_raises() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with pytest.raises(KeyError), stream(0, "inside"):
        raise KeyError
    assert torch.equal(torch.rand(3), expected)


def drawn(*axis: object) -> list[float]:
    with stream(*axis):
        return torch.rand(4).tolist()


def test_a_stream_is_a_function_of_its_name() -> None:
    torch.manual_seed(1)
    once = drawn(0, "dropout", 7)
    torch.manual_seed(2)
    assert drawn(0, "dropout", 7) == once
    different = [drawn(0, "dropout", 8), drawn(1, "dropout", 7), drawn(0, "noise", 7)]
    assert once not in different
    assert different[0] != different[1] != different[2]


def test_a_stream_draws_what_torch_draws_from_its_seed() -> None:
    torch.manual_seed(derive_seed(0, "dropout", 7))
    assert torch.rand(4).tolist() == drawn(0, "dropout", 7)


def test_a_generator_is_a_function_of_its_name() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    draws = [torch.rand(4, generator=generator(0, "source", step)) for step in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), before)
