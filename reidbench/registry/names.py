"""Names that components and methods may have."""

import re

KINDS = ("translator", "constraint", "learner", "segmenter", "dataset", "protocol")

# In --set and in benchmark files they name something else; "none" is no translator.
RESERVED = frozenset(
    {
        *("none", "source", "target", *KINDS),
        *("budget", "rendering", "perspective", "embedding", "ranking"),
    }
)

# Names appear in file names, in --set and in reports.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(@[a-z0-9][a-z0-9._-]*)?")


def valid_name(name: str) -> str:
    """Return a name.

    Raises:
        ValueError: if it has characters that names may not have.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"'{name}' is not a valid name: use lower-case letters, digits and . _ -, "
            "with one @ before a variant"
        )
    return name


def check_target(kind: str, name: str, target: str) -> None:
    """Refuse a component whose name means something else, or whose path is none.

    Raises:
        ValueError: naming what is wrong.
    """
    if not re.fullmatch(r"[\w.]+:\w+", target):
        raise ValueError(f"{kind} '{name}': '{target}' is not of the form 'module:Class'")
    if name in RESERVED:
        raise ValueError(f"a {kind} cannot be named '{name}': it means something else")
