from __future__ import annotations

import pytest
import torch

from reidbench.engine.streams import generator, stream


class DeviceStream:
    """Stands for the global stream of a CUDA device; its state cannot be read."""

    def __init__(self) -> None:
        self.stands = (7, 40)

    def initial_seed(self) -> int:
        return self.stands[0]

    def get_offset(self) -> int:
        return self.stands[1]

    def manual_seed(self, seed: int) -> None:
        self.stands = (seed, 0)

    def set_offset(self, offset: int) -> None:
        self.stands = (self.stands[0], offset)

    def draw(self) -> None:
        self.stands = (self.stands[0], self.stands[1] + 4)


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> tuple[DeviceStream, ...]:
    found = (DeviceStream(), DeviceStream())
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "default_generators", found)
    return found


def test_a_stream_is_a_function_of_its_name() -> None:
    drawn = []
    for name in ("a", "b", "a"):
        with stream(0, name):
            drawn.append(float(torch.rand(())))
    assert drawn[0] == drawn[2] != drawn[1]
    assert float(torch.rand((), generator=generator(0, "a"))) == drawn[0]


def test_devices_draw_from_the_stream_and_go_on_afterwards(
    devices: tuple[DeviceStream, ...],
) -> None:
    with stream(0, "a"):
        named = devices[0].stands
        devices[1].draw()
        assert named[1] == 0
        with stream(0, "b"):
            assert devices[0].stands != named
        assert [d.stands for d in devices] == [named, (named[0], 4)]
    assert [d.stands for d in devices] == [(7, 40), (7, 40)]


def test_devices_go_on_after_an_error_too(devices: tuple[DeviceStream, ...]) -> None:
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="in the midst"), stream(0, "a"):
        raise ValueError("in the midst")
    assert devices[0].stands == (7, 40)
    assert torch.equal(torch.get_rng_state(), before)
