"""Settings: the conditions in which results can be ranked beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.results.numbers import listed
from reidbench.results.result import Result


@dataclass(frozen=True)
class Setting:
    """The conditions that all rows of one table share.

    Attributes:
        digest: of the benchmark's definition, so that an edited copy is a setting of its own.
        source: name and fingerprint of the source data.
        target: name and fingerprint of the target data.
        protocol: name and version.
        seeds: every one of which a ranked recipe must have run.
    """

    benchmark: str
    version: int
    digest: str
    synthetic: bool
    source: tuple[str, str]
    target: tuple[str, str]
    protocol: tuple[str, int]
    seeds: tuple[int, ...]
    precision: str

    @classmethod
    def of(cls, result: Result) -> Setting:
        """Return the setting a result was measured in."""
        b = result.benchmark
        return cls(
            b["name"],
            b["version"],
            b["digest"],
            b["synthetic"],
            (b["source"]["name"], b["source"]["fingerprint"]),
            (b["target"]["name"], b["target"]["fingerprint"]),
            (b["protocol"]["name"], b["protocol"]["version"]),
            tuple(b["seeds"]),
            result.precision,
        )

    @property
    def title(self) -> str:
        """Benchmark, version and precision; rendered data is named as such."""
        kind = ", synthetic images" if self.synthetic else ""
        return f"{self.benchmark} (version {self.version}{kind}, {self.precision})"

    @property
    def details(self) -> str:
        """Data, protocol, seeds and definition, in one line."""
        (source, s), (target, t), (protocol, p) = self.source, self.target, self.protocol
        return (
            f"{source} ({s[:8]}) to {target} ({t[:8]}), protocol {protocol} version {p}, "
            f"seeds {listed(self.seeds)}, definition {self.digest[:8]}"
        )
