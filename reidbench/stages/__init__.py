"""The stages of a run: each a value whose key follows from what it is made of.

Data flows one way: decode -> [learn on the source] -> fit translator -> translate -> learn (or
take the joint model) -> embed -> evaluate. A stage holds its inputs as other stages; nothing is
computed until the store is asked for it, and nothing is computed twice.
"""

from reidbench.stages.base import Stage, Work
from reidbench.stages.images import Decode, TrainingImages
from reidbench.stages.joint import JointModel
from reidbench.stages.learning import Learn
from reidbench.stages.models import TrainedModel
from reidbench.stages.preservation import Preserve
from reidbench.stages.scoring import Embed, Evaluate
from reidbench.stages.translating import FitTranslator, Preview, Translate

__all__ = [
    "Decode",
    "Embed",
    "Evaluate",
    "FitTranslator",
    "JointModel",
    "Learn",
    "Preserve",
    "Preview",
    "Stage",
    "TrainedModel",
    "TrainingImages",
    "Translate",
    "Work",
]
