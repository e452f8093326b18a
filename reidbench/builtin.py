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
        "dukemtmc",
        "reidbench.data.dukemtmc:DukeMTMC",
        summary="DukeMTMC-reID, eight cameras (withdrawn)",
        paper="Ristani et al., Performance Measures and a Data Set for Multi-Target, "
        "Multi-Camera Tracking, ECCV Workshops 2016",
    )
    registry.dataset(
        "msmt17",
        "reidbench.data.msmt17:MSMT17",
        summary="MSMT17, fifteen cameras indoors and outdoors",
        paper="Wei et al., Person Transfer GAN to Bridge Domain Gap for Person "
        "Re-Identification, CVPR 2018",
    )
    registry.dataset(
        "cuhk03",
        "reidbench.data.cuhk03:Cuhk03",
        summary="CUHK03, labeled or detected boxes, new or classic protocol",
        paper="Li et al., DeepReID: Deep Filter Pairing Neural Network for Person "
        "Re-identification, CVPR 2014",
    )
    registry.dataset(
        "prid2011",
        "reidbench.data.prid2011:Prid2011",
        summary="PRID2011 single-shot, two cameras",
        paper="Hirzer et al., Person Re-identification by Descriptive and Discriminative "
        "Classification, SCIA 2011",
    )
    registry.dataset(
        "prid450s",
        "reidbench.data.prid450s:Prid450s",
        summary="PRID 450S, two cameras, ten splits",
        paper="Roth et al., Mahalanobis Distance Learning for Person Re-Identification, 2014",
    )
    registry.dataset(
        "viper",
        "reidbench.data.viper:Viper",
        summary="VIPeR, two cameras, ten splits",
        paper="Gray et al., Evaluating Appearance Models for Recognition, Reacquisition, and "
        "Tracking, PETS 2007",
    )
    registry.dataset(
        "grid",
        "reidbench.data.grid:Grid",
        summary="QMUL underGround Re-IDentification, eight cameras, ten folds, 775 distractors",
        paper="Loy et al., Time-Delayed Correlation Analysis for Multi-Camera Activity "
        "Understanding, IJCV 2010",
    )
    registry.dataset(
        "cuhk01",
        "reidbench.data.cuhk01:Cuhk01",
        summary="CUHK01, two cameras, ten splits, single-shot or multi-shot",
        paper="Li et al., Human Reidentification with Transferred Metric Learning, ACCV 2012",
    )
    registry.dataset(
        "ilids",
        "reidbench.data.ilids:Ilids",
        summary="QMUL i-LIDS, 119 persons, cameras not labelled, ten splits",
        paper="Zheng et al., Associating Groups of People, BMVC 2009",
    )
    registry.dataset(
        "manifest",
        "reidbench.data.manifest:Manifest",
        summary="anybody's images, listed in a CSV or JSON-lines file",
    )
    registry.dataset(
        "folder",
        "reidbench.data.own_folder:OwnFolder",
        summary="anybody's images, in the folders of their split and person",
    )
    registry.protocol(
        "market1501",
        "reidbench.evaluation.protocols:Market1501",
        summary="single query across cameras; junk is left out, distractors stay",
        paper="Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    )
    registry.protocol(
        "multi-query",
        "reidbench.evaluation.protocols:MultiQuery",
        summary="market1501 with the mean of all boxes of a query's person and camera",
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
