"""Names of tensors in files of other programs, found by shape and name and never guessed.

Programs of the field wrap a network of torchvision's in modules of their own (``module.``,
``backbone.``), number its children (``base.0``), or call the same layers otherwise (timm). Each of
three rules must explain every tensor of the network, and exactly one way may do so:

1. the network's names behind a prefix: DataParallel, torchreid, fast-reid, OpenUnReID, layumi's
   baseline, Luo et al.'s, timm's residual networks;
2. its children under other names, their content under its own: ``nn.Sequential`` of children;
3. other names in the same order, each with the same shape and kind: timm's MobileNetV2.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reidbench.errors import ReidbenchError

Shapes = Mapping[str, tuple[int, ...]]

COUNT = "num_batches_tracked"  # tells nothing that a network computes with
# Parts that follow a backbone, or belong to its training, in the programs above.
HEADS = re.compile(
    r"(aux_?)?(fc|class|head|logit|bottleneck|bnneck|bn_neck|feat|embed|pixel_(mean|std)|cent(er|re))"
)
# timm's layers in the order of computation, which its files in .safetensors have lost.
_TIMM = re.compile(r"(conv_stem|bn1|blocks\.(\d+)\.(\d+)\.(\w+)|conv_head|bn2|classifier)\b")
_TIMM_PLAIN = ("conv_dw", "bn1", "se", "conv_pw", "bn2")
_TIMM_INVERTED = ("conv_pw", "bn1", "conv_dw", "bn2", "se", "conv_pwl", "bn3")
_KINDS = ("weight", "bias", "running_mean", "running_var", COUNT)


class MisfitError(ReidbenchError):
    """Tensors that are not those of a network; says what it lacks."""


@dataclass(frozen=True)
class Match:
    """The tensors of a file that are a network's.

    Attributes:
        names: name in the file, by the network's name.
        rule: how names were understood; empty if they are the network's own.
        left_out: the file's tensors that the network has no place for.
    """

    names: Mapping[str, str]
    rule: str
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        """Return the rule, and how many tensors were taken and left out, with an example."""
        taken = f"{len(self.names)} tensors, {self.rule or 'by their names'}"
        if not self.left_out:
            return taken
        return f"{taken}; {len(self.left_out)} left out, e.g. {self.left_out[0]}"


def match_names(own: Shapes, given: Shapes, classifier: str, *, ordered: bool = True) -> Match:
    """Return which tensors of a file are a network's.

    Args:
        own: shapes of the network's tensors, in its order.
        given: shapes of the file's.
        classifier: the module that the network has lost, e.g. "fc"; the file may have it.
        ordered: the file keeps the order in which its network was built.

    Raises:
        MisfitError: naming what the file lacks or has besides, or two ways to understand it.
    """
    network = _Network({k: v for k, v in own.items() if not k.endswith(COUNT)}, classifier)
    for rule in (_by_prefix, _by_children):
        if found := _only([*rule(network, given)]):
            break
    else:
        in_order = [*given] if ordered else sorted(given, key=_timm_place)
        found = _only([*_by_order(network, {k: given[k] for k in in_order})])
    if found is None:
        raise MisfitError(_lacking(network, given))
    if foreign := [k for k in found.left_out if network.is_foreign(k, found)]:
        raise MisfitError(f"it has besides {some(foreign)}")
    counts = {k: _count_of(k, found.names) for k in own if k.endswith(COUNT)}
    named = {k: v for k, v in counts.items() if v in given}
    taken = {*found.names.values(), *named.values()}
    left = tuple(k for k in given if k not in taken and not k.endswith(COUNT))
    return Match({**found.names, **named}, found.rule, left)


@dataclass(frozen=True)
class _Network:
    """A network's tensors without the counts of batches, and the classifier it has lost."""

    shapes: Shapes
    classifier: str

    @property
    def children(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Shapes by child of the network and name within it."""
        found: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
        for name, shape in self.shapes.items():
            child, _, rest = name.partition(".")
            found[child][rest] = shape
        return found

    def is_foreign(self, name: str, found: _Found) -> bool:
        """Tell whether a tensor that was left out shows that the file is of another network."""
        if not name.startswith(found.within):
            return False
        if any(name.startswith(f"{child}.") for child in found.children):
            return True
        rest = name.removeprefix(found.within)
        return not (
            rest.startswith(f"{self.classifier}.") or any(map(HEADS.match, rest.split(".")))
        )


@dataclass(frozen=True)
class _Found:
    """One way to understand a file.

    Attributes:
        names: name in the file, by the network's name.
        rule: told of it.
        within: prefix of everything that is the network's.
        children: names in the file of the network's children.
        left_out: the file's other tensors, but for counts of batches.
    """

    names: Mapping[str, str]
    rule: str
    within: str
    children: tuple[str, ...]
    left_out: tuple[str, ...]


def _found(
    names: Mapping[str, str], rule: str, within: str, children: Iterable[str], given: Shapes
) -> _Found:
    taken = set(names.values())
    left = tuple(k for k in given if k not in taken and not k.endswith(COUNT))
    return _Found(names, rule, within, tuple(children), left)


def _only(found: list[_Found]) -> _Found | None:
    if len(found) > 1:
        ways = " or ".join(f.rule or "by its own names" for f in found)
        raise MisfitError(f"it can be understood in {len(found)} ways ({ways}); save one network")
    return found[0] if found else None


def _by_prefix(network: _Network, given: Shapes) -> Iterator[_Found]:
    for prefix, hits in _prefixes(network, given).items():
        names = {k: prefix + k for k in network.shapes}
        if hits == len(names) and all(given[v] == network.shapes[k] for k, v in names.items()):
            rule = f"by their names after '{prefix}'" if prefix else ""
            yield _found(names, rule, prefix, (prefix + c for c in network.children), given)


def _prefixes(network: _Network, given: Shapes) -> Counter[str]:
    """Return what stands before names of the network, and before how many."""
    found: Counter[str] = Counter()
    for name in given:
        parts = name.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in network.shapes:
                found[".".join(parts[:start]) + "." * bool(start)] += 1
    return found


def _by_children(network: _Network, given: Shapes) -> Iterator[_Found]:
    """Yield the parents under which every child of the network stands once, whatever its name."""
    places = {child: _places(rests, given) for child, rests in network.children.items()}
    parents = [{place.rpartition(".")[0] for place in found} for found in places.values()]
    for parent in sorted(set.intersection(*parents)):
        here = {
            child: [p for p in found if p.rpartition(".")[0] == parent]
            for child, found in places.items()
        }
        if doubled := next((c for c, found in here.items() if len(found) > 1), None):
            raise MisfitError(f"it has {doubled} as {' and as '.join(here[doubled])}")
        at = {child: found[0] for child, found in here.items()}
        names = {k: at[k.partition(".")[0]] + k[len(k.partition(".")[0]) :] for k in network.shapes}
        shown = ", ".join(f"{place} as {child}" for child, place in at.items())
        within = f"{parent}." if parent else ""
        yield _found(names, f"with {shown}", within, at.values(), given)


def _places(rests: Shapes, given: Shapes) -> list[str]:
    """Return the modules of a file that hold a child of the network."""
    first = f".{next(iter(rests))}"
    starts = [name.removesuffix(first) for name in given if name.endswith(first)]
    return [s for s in starts if all(given.get(f"{s}.{r}") == shape for r, shape in rests.items())]


def _by_order(network: _Network, given: Shapes) -> Iterator[_Found]:
    """Yield the file if it begins with the network's tensors, in order, of the same kinds."""
    names = [k for k in given if not k.endswith(COUNT)]
    if len(names) < len(network.shapes):
        return
    pairs = dict(zip(network.shapes, names, strict=False))
    if all(network.shapes[k] == given[v] and _kind(k) == _kind(v) for k, v in pairs.items()):
        own, shown = next(((k, v) for k, v in pairs.items() if k != v), next(iter(pairs.items())))
        rule = f"by order and shape alone ({shown} as {own})"
        yield _found(pairs, rule, "", (), given)


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


def _timm_place(name: str) -> tuple[int, ...]:
    """Return the place of a tensor of timm's mobile networks; others come last, as they stand."""
    match = _TIMM.search(name)
    if match is None:
        return (9,)
    layer, stage, block, part = match.groups()
    kind = _KINDS.index(_kind(name)) if _kind(name) in _KINDS else len(_KINDS)
    if part is None:
        place = ("conv_stem", "bn1", "blocks", "conv_head", "bn2", "classifier").index(layer)
        return (place, 0, 0, 0, kind)
    parts = _TIMM_PLAIN if stage == "0" else _TIMM_INVERTED
    place = parts.index(part) if part in parts else len(parts)
    return (2, int(stage), int(block), place, int("conv_expand" in name), kind)


def _count_of(count: str, names: Mapping[str, str]) -> str:
    """Return the file's name of a layer's count of batches."""
    layer = count.removesuffix(COUNT)
    return names.get(f"{layer}running_mean", "").removesuffix("running_mean") + COUNT


def _lacking(network: _Network, given: Shapes) -> str:
    """Return what is missing, foreign or of another shape where most names are the network's."""
    prefixes = _prefixes(network, given)
    prefix = max(prefixes, key=lambda p: (prefixes[p], -len(p)), default="")
    names = {k: prefix + k for k in network.shapes}
    missing = [k for k, v in names.items() if v not in given]
    other = [k for k, v in names.items() if v in given and given[v] != network.shapes[k]]
    guess = _found(names, "", prefix, (prefix + c for c in network.children), given)
    foreign = [k for k in guess.left_out if network.is_foreign(k, guess)]
    parts = {"lacks": missing, "has in other shapes": other, "has besides": foreign}
    return "it " + "; ".join(f"{what} {some(found)}" for what, found in parts.items() if found)


def some(names: Iterable[str], shown: int = 3) -> str:
    """Return some names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
