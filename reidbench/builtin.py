"""The components that come with the core, registered as a plugin's would be."""

from __future__ import annotations

from reidbench.hookspecs import hookimpl
from reidbench.registry import Registration


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the datasets, protocols and the two methods every benchmark is framed by."""
    registry.dataset(
        "synthetic",
        "reidbench.data.synthetic:Synthetic",
        summary="pedestrians rendered from a seed, in domains that differ",
    )
    registry.dataset(
        "market1501",
        "reidbench.data.market1501:Market1501",
        summary="Market-1501, six cameras",
        paper="Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    )
    registry.dataset(
        "prid2011",
        "reidbench.data.prid2011:Prid2011",
        summary="PRID2011 single-shot, two cameras",
        paper="Hirzer et al., Person Re-identification by Descriptive and Discriminative "
        "Classification, SCIA 2011",
    )
    registry.protocol(
        "market1501",
        "reidbench.evaluation.protocols:Market1501",
        summary="single query across cameras; junk is left out, distractors stay",
        paper="Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    )
    registry.protocol(
        "single-shot",
        "reidbench.evaluation.protocols:SingleShot",
        summary="one gallery image a person (PRID2011, VIPeR, GRID)",
    )
    registry.protocol(
        "single-gallery-shot",
        "reidbench.evaluation.protocols:SingleGalleryShot",
        summary="one random gallery image a person, over seeded repeats (CUHK03, classic)",
    )
    registry.method(
        "direct",
        translator="none",
        strategy="source",
        summary="direct transfer: learned on the source, tested on the target (the floor)",
    )
    registry.method(
        "supervised",
        translator="none",
        strategy="target",
        summary="learned on the target's own labels (the ceiling)",
    )
