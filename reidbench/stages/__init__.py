"""The stages of a run: each a value whose key follows from what it is made of.

Data flows one way: decode -> [learn on the source] -> fit translator -> translate -> learn (or
take the joint model) -> embed -> [match] -> evaluate. In the direction target-to-source the test
images are translated instead, between learning on the source and embedding. A stage holds its
inputs as other stages; nothing is computed until the store is asked for it, and nothing twice.
"""

from reidbench.stages.base import Stage, Work
from reidbench.stages.images import DatasetImages, Decode, TrainingImages
from reidbench.stages.joint import JointModel
from reidbench.stages.learning import Learn
from reidbench.stages.masking import LearnMasks, Masked
from reidbench.stages.models import TrainedModel
from reidbench.stages.preservation import Preserve
from reidbench.stages.previewing import Preview, SpatialPreview
from reidbench.stages.scoring import Embed, Evaluate, Match
from reidbench.stages.translating import Translate, Translated, TranslateTest
from reidbench.stages.translators import FitTranslator

__all__ = [
    "DatasetImages",
    "Decode",
    "Embed",
    "Evaluate",
    "FitTranslator",
    "JointModel",
    "Learn",
    "LearnMasks",
    "Masked",
    "Match",
    "Preserve",
    "Preview",
    "SpatialPreview",
    "Stage",
    "TrainedModel",
    "TrainingImages",
    "Translate",
    "TranslateTest",
    "Translated",
    "Work",
]
