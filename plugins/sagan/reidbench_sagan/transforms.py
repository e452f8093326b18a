"""The families of spatial transforms, by name."""

from collections.abc import Mapping

from reidbench_sagan.projective import Affine, Homography, corner_error
from reidbench_sagan.thin_plate import ThinPlate
from reidbench_sagan.transform import Transform, sample

TRANSFORMS: Mapping[str, type[Transform]] = {
    "affine": Affine,
    "homography": Homography,
    "tps": ThinPlate,
}

__all__ = ["TRANSFORMS", "Transform", "corner_error", "sample"]
