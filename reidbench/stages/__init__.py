"""The stages of a run: each a value whose key follows from what it is made of.

Data flows one way: decode -> [learn on the source] -> fit translator -> translate -> learn (or
take the joint model) -> embed -> [match] -> evaluate. In the direction target-to-source the test
images are translated instead, between learning on the source and embedding. A stage holds its
inputs as other stages; nothing is computed until the store is asked for it, and nothing twice.
"""

from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages, Decode, TrainingImages
from reidbench.stages.fit_translator import FitTranslator
from reidbench.stages.joint_model import JointModel
from reidbench.stages.learn import Learn
from reidbench.stages.masks import LearnMasks, Masked
from reidbench.stages.preview import Preview, SpatialPreview, TruePreview
from reidbench.stages.score import Embed, Evaluate, Match
from reidbench.stages.trained_model import TrainedModel
from reidbench.stages.translate import Translate, TranslateTest
from reidbench.stages.translate_views import TranslateViews
from reidbench.stages.translated import Generated, Translated
from reidbench.stages.translated_files import ReadTranslations
from reidbench.stages.translation_quality import TranslationQuality
from reidbench.stages.truth import TrueTranslation, Truth
from reidbench.stages.truth_error import TruthError

__all__ = [
    "DatasetImages",
    "Decode",
    "Embed",
    "Evaluate",
    "FitTranslator",
    "Generated",
    "JointModel",
    "Learn",
    "LearnMasks",
    "Masked",
    "Match",
    "Preview",
    "ReadTranslations",
    "SpatialPreview",
    "Stage",
    "TrainedModel",
    "TrainingImages",
    "Translate",
    "TranslateTest",
    "TranslateViews",
    "Translated",
    "TranslationQuality",
    "TruePreview",
    "TrueTranslation",
    "Truth",
    "TruthError",
    "Work",
]
