"""The pose of a person in one picture."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.data.synthetic.draws import Draws

SIDES = ("mixed", "by-camera")
BACK = 0.4  # how often a person is seen from behind
MOSTLY = 0.9  # how often a camera that looks at one side of people sees that side


@dataclass(frozen=True)
class Pose:
    """A moment of walking.

    Attributes:
        back: whether the person is seen from behind.
        facing: -1 to the left, 1 to the right, where seen from the side.
        side: how far turned to the side, 0 (front or back) to 1 (profile).
        turn: where the middle of the body's front lies, in half widths from the middle.
        phase: position in the step, 0 to 1.
        stride: length of the step, a factor around 1.
        swing: of the arms, a factor around 1.
        lean: how far the head is ahead of the hips, in body heights.
    """

    back: bool
    facing: int
    side: float
    turn: float
    phase: float
    stride: float
    swing: float
    lean: float

    def step(self, shift: float = 0.0) -> float:
        """Return the swing of a limb, -1 to 1, ``shift`` of a step later."""
        return wave(self.phase + shift)


def wave(phase: float) -> float:
    """Return a smooth wave of period 1 made of two parabolas: 0, 1, 0, -1 at the quarters."""
    t = phase - int(phase)
    return 16 * t * (0.5 - t) if t < 0.5 else -16 * (t - 0.5) * (1 - t)


def share_of_backs(sides: str, back: float, camera: int) -> float:
    """Return how often a camera sees people from behind.

    Args:
        sides: "mixed": all cameras alike. "by-camera": each looks mostly at one side of people.
        back: the share of pictures from behind, or of the cameras that look at backs.
        camera: from 0.
    """
    if sides == "mixed":
        return back
    # Spread evenly: with a share of 0.5 every second camera looks at backs.
    return MOSTLY if int((camera + 1) * back) > int(camera * back) else 1 - MOSTLY


def draw_pose(draws: Draws, back: float = BACK) -> Pose:
    """Return the pose that a stream decides; ``back`` is the probability of a back view."""
    side = draws.unit() if draws.chance(0.6) else 0.2 * draws.unit()
    facing = draws.pick((-1, 1))
    return Pose(
        back=draws.chance(back),
        facing=facing,
        side=side,
        turn=facing * 0.55 * side + draws.about_zero(0.12),
        phase=draws.unit(),
        stride=draws.between(0.5, 1.15),
        swing=draws.between(0.3, 1.1),
        lean=facing * side * draws.between(0.0, 0.03) + draws.about_zero(0.008),
    )
