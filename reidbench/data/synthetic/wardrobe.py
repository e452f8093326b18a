"""Clothes that the people of a domain wear more than those of another."""

from __future__ import annotations

from dataclasses import replace

from reidbench.data.synthetic.canvas import Colour
from reidbench.data.synthetic.cloth import Cloth
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.person import Person, shade

# Names of person.COLOURS, a dozen or so each: with two garments, prints and shades of each
# colour, people of one wardrobe still differ from each other.
SUMMER = (
    "white", "white", "silver", "beige", "sky", "pink", "orange", "yellow", "mint", "lilac",
    "red", "khaki",
)  # fmt: skip
WINTER = (
    "black", "black", "charcoal", "grey", "navy", "denim", "wine", "brown", "olive", "teal",
    "purple", "green",
)  # fmt: skip
AUTUMN = (
    "brown", "brown", "khaki", "beige", "olive", "wine", "orange", "red", "yellow", "charcoal",
    "denim", "green",
)  # fmt: skip
OFFICE = (
    "black", "charcoal", "grey", "silver", "white", "navy", "blue", "sky", "denim", "wine",
    "lilac", "beige",
)  # fmt: skip

WARDROBES = {
    "a": SUMMER,
    "b": WINTER,
    "c": AUTUMN,
    "d": OFFICE,
    "cold": WINTER,
    "warm": AUTUMN,
    "garden": WINTER,
    "low": SUMMER,
    "high": WINTER,
}


def dressed(person: Person, draws: Draws, wardrobe: float, domain: str) -> Person:
    """Return a person whose clothes may have colours of the domain's wardrobe.

    Cut and pattern stay, and so does everything else about the person.

    Args:
        person: as people of any domain look.
        draws: the stream of the person's clothes.
        wardrobe: probability, for each of top, lower garment and headwear, that its colours are
            of the wardrobe. Who has them at one probability has the same ones at a higher.
        domain: a key of ``WARDROBES``.
    """
    names = WARDROBES[domain]
    top, lower, headwear = (_worn(draws, wardrobe, names) for _ in range(3))
    if top is not None:
        sleeve = _dyed(person.sleeve, {person.top.colour: top[0], person.top.second: top[1]})
        person = replace(
            person, top=replace(person.top, colour=top[0], second=top[1]), sleeve=sleeve
        )
    if lower is not None:
        cloth = replace(person.lower, colour=lower[0], second=lower[1])
        person = replace(person, lower=cloth)
    return person if headwear is None else replace(person, headwear=headwear[0])


def _worn(draws: Draws, wardrobe: float, names: tuple[str, ...]) -> tuple[Colour, Colour] | None:
    """Return two colours of a wardrobe, or None if the garment is not of it.

    Every garment makes its draws, so that the next one's do not depend on it.
    """
    chosen = draws.chance(wardrobe)
    first = draws.pick(names)
    second = draws.pick([name for name in names if name != first])
    colours = shade(draws, first), shade(draws, second)
    return colours if chosen else None


def _dyed(cloth: Cloth, dyes: dict[Colour, Colour]) -> Cloth:
    return replace(cloth, colour=dyes[cloth.colour], second=dyes[cloth.second])
