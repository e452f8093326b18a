"""The components that come with the core, registered as a plugin's would be."""

from __future__ import annotations

from reidbench.hookspecs import hookimpl
from reidbench.registry.registry import Registration

# Name, class below this package, what it is, where it was published.
DATASETS = (
    (
        "synthetic",
        "data.synthetic:Synthetic",
        "pedestrians rendered from a seed, in domains that differ",
        "",
    ),
    (
        "market1501",
        "data.readers.market1501:Market1501",
        "Market-1501, six cameras",
        "Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    ),
    (
        "dukemtmc",
        "data.readers.dukemtmc:DukeMTMC",
        "DukeMTMC-reID, eight cameras (withdrawn)",
        "Ristani et al., Performance Measures and a Data Set for Multi-Target, "
        "Multi-Camera Tracking, ECCV Workshops 2016",
    ),
    (
        "msmt17",
        "data.readers.msmt17:MSMT17",
        "MSMT17, fifteen cameras indoors and outdoors",
        "Wei et al., Person Transfer GAN to Bridge Domain Gap for Person Re-"
        "Identification, CVPR 2018",
    ),
    (
        "cuhk03",
        "data.readers.cuhk03:Cuhk03",
        "CUHK03, labeled or detected boxes, new or classic protocol",
        "Li et al., DeepReID: Deep Filter Pairing Neural Network for Person Re-"
        "identification, CVPR 2014",
    ),
    (
        "cuhk03-mat",
        "data.readers.cuhk03_mat:Cuhk03Mat",
        "CUHK03 from cuhk-03.mat as it is downloaded (with h5py)",
        "Li et al., DeepReID: Deep Filter Pairing Neural Network for Person Re-"
        "identification, CVPR 2014",
    ),
    (
        "veri",
        "data.readers.veri:VeRi",
        "VeRi-776: vehicles, twenty cameras",
        "Liu et al., A Deep Learning-Based Approach to Progressive Vehicle Re-"
        "identification for Urban Surveillance, ECCV 2016",
    ),
    (
        "vehicleid",
        "data.readers.vehicleid:VehicleID",
        "VehicleID: vehicles, cameras not labelled, ten drawn galleries",
        "Liu et al., Deep Relative Distance Learning: Tell the Difference Between Similar "
        "Vehicles, CVPR 2016",
    ),
    (
        "prid2011",
        "data.readers.prid2011:Prid2011",
        "PRID2011 single-shot, two cameras",
        "Hirzer et al., Person Re-identification by Descriptive and Discriminative "
        "Classification, SCIA 2011",
    ),
    (
        "prid450s",
        "data.readers.prid450s:Prid450s",
        "PRID 450S, two cameras, ten splits",
        "Roth et al., Mahalanobis Distance Learning for Person Re-Identification, 2014",
    ),
    (
        "viper",
        "data.readers.viper:Viper",
        "VIPeR, two cameras, ten splits",
        "Gray et al., Evaluating Appearance Models for Recognition, Reacquisition, "
        "and Tracking, PETS 2007",
    ),
    (
        "grid",
        "data.readers.grid:Grid",
        "QMUL underGround Re-IDentification, eight cameras, ten folds, 775 distractors",
        "Loy et al., Time-Delayed Correlation Analysis for Multi-Camera Activity "
        "Understanding, IJCV 2010",
    ),
    (
        "cuhk01",
        "data.readers.cuhk01:Cuhk01",
        "CUHK01, two cameras, ten splits, single-shot or multi-shot",
        "Li et al., Human Reidentification with Transferred Metric Learning, ACCV 2012",
    ),
    (
        "ilids",
        "data.readers.ilids:Ilids",
        "QMUL i-LIDS, 119 persons, cameras not labelled, ten splits",
        "Zheng et al., Associating Groups of People, BMVC 2009",
    ),
    (
        "manifest",
        "data.readers.manifest:Manifest",
        "anybody's images, listed in a CSV or JSON-lines file",
        "",
    ),
    (
        "folder",
        "data.readers.own_folder:OwnFolder",
        "anybody's images, in the folders of their split and person",
        "",
    ),
)

PROTOCOLS = (
    (
        "market1501",
        "evaluation.protocols:Market1501",
        "single query across cameras; junk is left out, distractors stay",
        "Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    ),
    (
        "multi-query",
        "evaluation.protocols:MultiQuery",
        "market1501 with the mean of all images of a query's person and camera",
        "Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    ),
    (
        "no-camera",
        "evaluation.protocols:NoCamera",
        "cameras are not looked at: every gallery image of the person counts",
        "",
    ),
    (
        "all-but-self",
        "evaluation.protocols:AllButSelf",
        "no-camera without the query's own file, where the gallery holds it",
        "",
    ),
    (
        "single-shot",
        "evaluation.protocols:SingleShot",
        "one gallery image a person (PRID2011, VIPeR, GRID)",
        "",
    ),
    (
        "single-gallery-shot",
        "evaluation.gallery_shots:SingleGalleryShot",
        "one random gallery image a person, over seeded repeats (CUHK03, classic)",
        "",
    ),
)

TRANSLATORS = (
    (
        "perfect",
        "components.perfect:Perfect",
        "no translator: the true pictures, which only rendered domains have",
        "",
    ),
    (
        "files",
        "components.translated_files:TranslatedFiles",
        "no translator: a folder of images that another program translated",
        "",
    ),
)

PERFECT = {
    "perfect": ("", "the true translation (the ceiling of everything that translates)"),
    "perfect-colour": ("colour", "the true colours; place and viewpoint stay as they are"),
    "perfect-place": ("place", "the true background; colours and viewpoint stay as they are"),
    "perfect-viewpoint": ("viewpoint", "the true viewpoint; colours and place stay as they are"),
}
"""Methods that read the truth, with the one part that they show, if it is not all."""

SEGMENTERS = (
    (
        "unet",
        "components.segmenters.unet:UNetSegmenter",
        "a U-Net that learns from rendered pedestrians, or a folder with images/ and masks/",
        "Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation, "
        "MICCAI 2015",
    ),
    (
        "torchvision",
        "components.segmenters.pretrained:TorchvisionSegmenter",
        "a segmentation network of torchvision's, with weights from a file",
        "",
    ),
)


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register datasets, protocols, segmenters and what every benchmark is framed by."""
    for name, target, summary, paper in DATASETS:
        registry.dataset(name, f"reidbench.{target}", summary=summary, paper=paper)
    for name, target, summary, paper in PROTOCOLS:
        registry.protocol(name, f"reidbench.{target}", summary=summary, paper=paper)
    for name, target, summary, paper in SEGMENTERS:
        registry.segmenter(name, f"reidbench.{target}", summary=summary, paper=paper)
    for name, target, summary, paper in TRANSLATORS:
        registry.translator(name, f"reidbench.{target}", summary=summary, paper=paper)
    for name, (part, summary) in PERFECT.items():
        others = {p for p in ("colour", "place", "viewpoint") if part and p != part}
        parameters = {f"perfect.{other}": False for other in sorted(others)}
        registry.method(name, translator="perfect", parameters=parameters, summary=summary)
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
