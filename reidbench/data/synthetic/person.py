"""A person: everything that stays the same in every picture of them."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.data.synthetic.canvas import Colour
from reidbench.data.synthetic.cloth import Cloth
from reidbench.data.synthetic.draws import Draws

COLOURS: dict[str, Colour] = {
    "black": (0.09, 0.09, 0.10),
    "charcoal": (0.23, 0.24, 0.26),
    "grey": (0.46, 0.46, 0.47),
    "silver": (0.70, 0.71, 0.73),
    "white": (0.93, 0.93, 0.92),
    "navy": (0.10, 0.13, 0.30),
    "blue": (0.14, 0.30, 0.68),
    "denim": (0.27, 0.38, 0.56),
    "sky": (0.52, 0.71, 0.90),
    "red": (0.76, 0.12, 0.13),
    "wine": (0.42, 0.09, 0.16),
    "pink": (0.91, 0.56, 0.66),
    "orange": (0.91, 0.49, 0.13),
    "yellow": (0.93, 0.82, 0.22),
    "olive": (0.40, 0.42, 0.19),
    "green": (0.13, 0.51, 0.24),
    "mint": (0.60, 0.85, 0.68),
    "teal": (0.10, 0.48, 0.50),
    "purple": (0.43, 0.21, 0.57),
    "lilac": (0.71, 0.60, 0.85),
    "brown": (0.41, 0.26, 0.15),
    "khaki": (0.61, 0.54, 0.36),
    "beige": (0.82, 0.73, 0.56),
}
SOBER = (
    "black", "black", "charcoal", "grey", "navy", "navy", "denim", "denim",
    "khaki", "beige", "brown", "olive", "white", "silver", "wine", "blue",
)  # fmt: skip
SKIN: tuple[Colour, ...] = (
    (0.93, 0.76, 0.66), (0.86, 0.66, 0.53), (0.74, 0.53, 0.40),
    (0.55, 0.37, 0.26), (0.38, 0.25, 0.18),
)  # fmt: skip
HAIR: tuple[Colour, ...] = (
    (0.07, 0.06, 0.06), (0.07, 0.06, 0.06), (0.17, 0.11, 0.08), (0.30, 0.19, 0.11),
    (0.50, 0.32, 0.16), (0.80, 0.66, 0.38), (0.58, 0.57, 0.56), (0.46, 0.16, 0.08),
)  # fmt: skip

TOP_PATTERNS = (
    "plain", "plain", "plain", "plain", "plain", "plain", "plain", "plain", "hoops", "stripes",
    "checks", "diagonal", "dots", "yoke", "chest-band", "fade", "disc", "patch", "halves",
)  # fmt: skip
LEG_PATTERNS = (
    "plain", "plain", "plain", "plain", "plain", "plain", "plain", "plain", "plain",
    "checks", "stripes", "fade", "side-stripe",
)  # fmt: skip
OUTFITS = ("shirt", "shirt", "shirt", "shirt", "coat", "dress")
SHOES = ("black", "black", "brown", "white", "white", "red", "blue")
BOTTOMS = ("trousers", "trousers", "trousers", "shorts", "skirt")
SLEEVES = ("long", "long", "short", "none")
HAIRSTYLES = ("short", "short", "long", "bun", "bald", "cap", "hat")
CARRIED = (
    "nothing", "nothing", "nothing", "nothing", "backpack", "backpack", "backpack",
    "bag", "bag", "handbag", "suitcase", "umbrella",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """An appearance. Lengths are in body heights, or factors around 1."""

    stature: float
    build: float
    hips: float
    legs: float
    head: float
    skin: Colour
    hair: Colour
    hairstyle: str
    headwear: Colour
    outfit: str
    top: Cloth
    sleeves: str
    sleeve: Cloth
    hem: float
    bottom: str
    lower: Cloth
    trouser_width: float
    skirt_length: float
    calves: Colour
    shoes: Colour
    carried: str
    item: Cloth
    item_size: float
    item_side: int


def draw_person(draws: Draws) -> Person:
    """Return the appearance that a stream decides."""
    skin = draws.pick(SKIN)
    top = _cloth(draws, SOBER if draws.chance(0.6) else tuple(COLOURS), TOP_PATTERNS)
    lower = _cloth(draws, SOBER if draws.chance(0.75) else tuple(COLOURS), LEG_PATTERNS)
    item = _cloth(draws, tuple(COLOURS), ("plain", "plain", "halves", "hoops", "yoke"))
    outfit = draws.pick(OUTFITS)
    return Person(
        stature=draws.between(0.90, 1.04),
        build=draws.between(0.84, 1.24),
        hips=draws.between(0.88, 1.15),
        legs=draws.between(0.95, 1.04),
        head=draws.between(0.92, 1.10),
        skin=skin,
        hair=draws.pick(HAIR),
        hairstyle=draws.pick(HAIRSTYLES),
        headwear=shade(draws, draws.pick(tuple(COLOURS))),
        outfit=outfit,
        top=top,
        sleeves="long" if outfit == "coat" else draws.pick(SLEEVES),
        sleeve=_sleeve(draws, top),
        hem=draws.between(0.0, 0.07),
        bottom=draws.pick(BOTTOMS),
        lower=lower,
        trouser_width=draws.between(0.85, 1.35),
        skirt_length=draws.between(0.13, 0.30),
        calves=draws.pick((skin, skin, COLOURS["white"], COLOURS["black"])),
        shoes=shade(draws, draws.pick(SHOES)),
        carried=draws.pick(CARRIED),
        item=item,
        item_size=draws.between(0.8, 1.25),
        item_side=draws.pick((-1, 1)),
    )


def _cloth(draws: Draws, names: tuple[str, ...], patterns: tuple[str, ...]) -> Cloth:
    first, second = draws.pick(names), draws.pick(tuple(COLOURS))
    while second == first:
        second = draws.pick(tuple(COLOURS))
    colours = shade(draws, first), shade(draws, second)
    return Cloth(draws.pick(patterns), *colours, size=draws.between(0.045, 0.085))


def _sleeve(draws: Draws, top: Cloth) -> Cloth:
    """Return the top's own cloth, or sleeves of the second colour."""
    if draws.chance(0.2):
        return Cloth("plain", top.second, top.colour, top.size)
    return top.continued()


def shade(draws: Draws, name: str) -> Colour:
    """Return a named colour, dyed a little lighter or darker and off its hue."""
    light = draws.between(0.85, 1.15)
    red, green, blue = (
        min(max(c * light + draws.between(-0.03, 0.03), 0.02), 0.98) for c in COLOURS[name]
    )
    return red, green, blue
