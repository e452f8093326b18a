from __future__ import annotations

import os
import warnings

import pytest
import torch

from reidbench.engine.repeatable import CUBLAS, repeatable


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CUBLAS, "")
    monkeypatch.delenv(CUBLAS)


def test_torch_takes_the_repeatable_operations_in_the_body_alone() -> None:
    with repeatable(wanted=True):
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ[CUBLAS] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()
    with repeatable(wanted=False):
        assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_without_a_repeatable_form_is_named() -> None:
    with repeatable(wanted=True) as found:
        for _ in range(2):
            torch.ones(3).put_(torch.tensor([0, 1]), torch.ones(2), accumulate=False)
    assert found == {"put_"}


def test_other_warnings_go_their_way() -> None:
    with pytest.warns(UserWarning, match="something else"), repeatable(wanted=True) as found:
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert found == set()
