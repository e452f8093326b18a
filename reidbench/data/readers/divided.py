"""Base of datasets with random divisions: splits, training on everybody, single shots."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from reidbench.data.dataset import Split
from reidbench.data.readers.divisions import SPLIT_COUNT, DivisionPlan, Divisions, load_divisions
from reidbench.data.readers.folders import FolderDataset, Row
from reidbench.errors import ReidbenchError, UsageError, shown
from reidbench.storage.keys import JSON

Training = Literal["split", "all"]
Camera = Literal["a", "b"]


class DividedDataset(FolderDataset):
    """A dataset whose persons are divided into training and test in one of ten ways.

    With ``train="all"``, meant for a source, every labelled person is for training; query and
    gallery stay those of the split, so their persons are then in training too, as ``division``
    tells and results of such a target declare.

    Attributes:
        plan: division of the persons.
    """

    protocol = "single-shot"
    plan: ClassVar[DivisionPlan]

    def __init__(self, root: str, *, split: int, train: str, **arguments: JSON) -> None:
        """Read from ``root``, divided by split 0 to 9.

        Raises:
            UsageError: for any other split, or for ``train`` neither "split" nor "all".
        """
        if not 0 <= split < SPLIT_COUNT:
            raise UsageError(f"{self.title}: split is 0 to {SPLIT_COUNT - 1}, not {split}")
        self.refuse_other("train", train, ("split", "all"))
        super().__init__(root, split=split, train=train, **arguments)
        self.split = split
        self.trains_all = train == "all"

    @property
    def divisions(self) -> Divisions:
        """The committed divisions."""
        return load_divisions(self.plan.path)

    @property
    def division(self) -> str:
        """The committed file, its checksum and the split."""
        return self.noted(self.divisions.label(self.split))

    @property
    def trains_on_test(self) -> bool:
        """True if the training images show all persons."""
        return self.trains_all

    def noted(self, division: str) -> str:
        """Return a division's name, with a note where test persons are in training."""
        return f"{division}, everybody in training" if self.trains_all else division

    @abstractmethod
    def persons(self) -> Sequence[int]:
        """Return the pids of the persons that are divided, in the order of their numbers from 1.

        Raises:
            ReidbenchError: naming what is missing, if the divisions cannot be applied.
        """

    @abstractmethod
    def labelled(self) -> list[Row]:
        """Return every image of a labelled person."""

    @abstractmethod
    def queries(self) -> list[Row]:
        """Return the images that are queries if their persons are tested."""

    @abstractmethod
    def gallery(self) -> list[Row]:
        """Return the images that are in the gallery unless their persons are for training."""

    def trained(self) -> Sequence[int]:
        """Return the numbers, from 1, of the persons that are not tested."""
        return self.divisions.train[self.split]

    def identity(self) -> Mapping[str, JSON]:
        """Return the training persons."""
        everybody = {"everybody": True} if self.trains_all else {}
        return {"train": list(self.trained()), **everybody}

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split."""
        persons = self.persons()
        trained = {persons[number - 1] for number in self.trained()}
        if split == "train":
            return [row for row in self.labelled() if self.trains_all or row.pid in trained]
        if split == "query":
            tested = set(persons) - trained
            return [row for row in self.queries() if row.pid in tested]
        return [row for row in self.gallery() if row.pid not in trained]

    def refuse_other(self, name: str, value: str, choices: Sequence[str]) -> None:
        """Raise UsageError unless the value of a parameter is one of the choices."""
        if value not in choices:
            raise UsageError(f"{self.title}: {name} is {' or '.join(choices)}, not {value}")

    def refuse_doubles(self, rows: Iterable[Row], key: Callable[[Row], object]) -> None:
        """Refuse two images of one key, of which there should be one."""
        first: dict[object, Row] = {}
        for row in rows:
            if (other := first.setdefault(key(row), row)) is not row:
                self.refuse(
                    f"{shown(self.home / other.name)} and {shown(row.name)} are both "
                    "there, where one image is expected; remove one of them"
                )

    def refuse_number(self, found: int) -> None:
        """Raise ReidbenchError unless there are as many persons as were divided."""
        if found != self.plan.persons:
            raise ReidbenchError(
                f"{self.title}: {shown(self.home)} has {found} persons; "
                f"the divisions are of {self.plan.persons}"
            )


class TwoCameras(DividedDataset):
    """A divided dataset of two cameras; the one is queried with images of the other.

    Unless a dataset says otherwise, both cameras see everybody, in one image each.
    """

    folders: ClassVar[tuple[str, ...]] = ("cam_a", "cam_b")

    def __init__(
        self, root: str, *, split: int, train: str, query_camera: str, **arguments: JSON
    ) -> None:
        """Read from ``root``, with the queries from camera "a" or "b".

        Raises:
            UsageError: for a value that is out of range.
        """
        self.refuse_other("query_camera", query_camera, ("a", "b"))
        super().__init__(root, split=split, train=train, query_camera=query_camera, **arguments)
        self.query_cam = "ab".index(query_camera)

    def identity(self) -> Mapping[str, JSON]:
        """Return the training persons, and the query camera."""
        return {**super().identity(), "query_camera": self.query_cam}

    def seen_by(self, cam: int) -> list[Row]:
        """Return the images of a camera.

        Raises:
            ReidbenchError: if there are two of one person.
        """
        rows = self.rows_in(self.folders[cam])
        self.refuse_doubles(rows, key=lambda row: row.pid)
        return rows

    def labelled(self) -> list[Row]:
        """Return the images of camera a, then those of camera b."""
        return [*self.seen_by(0), *self.seen_by(1)]

    def queries(self) -> list[Row]:
        """Return the images of the query camera."""
        return self.seen_by(self.query_cam)

    def gallery(self) -> list[Row]:
        """Return the images of the other camera."""
        return self.seen_by(1 - self.query_cam)

    def persons(self) -> Sequence[int]:
        """Return everybody, by number."""
        a, b = ({row.pid: row for row in self.seen_by(cam)} for cam in (0, 1))
        for pid in sorted(a.keys() ^ b.keys()):
            lone, other = (a[pid], 1) if pid in a else (b[pid], 0)
            self.refuse(
                f"{shown(self.home / self.folders[other])} lacks the person of "
                f"{lone.name}; both cameras see everybody"
            )
        self.refuse_number(len(a | b))
        return sorted(a | b)


def few(names: Iterable[str]) -> str:
    """Return the first names of what may be a long list, and how many more there are."""
    listed = sorted(names)
    more = f" and {len(listed) - 3:,} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
