import pytest

from reidbench.testing.translators import check_reports_losses

SPATIAL = {"transform", "spatial_cycle"}


@pytest.mark.parametrize(
    ("parameters", "pixels", "elsewhere"),
    [
        ({}, {"adversarial", "pixel_cycle"}, SPATIAL),
        ({"spatial": False}, {"adversarial", "pixel_cycle"}, set()),
        ({"pixel": False}, {"adversarial"}, SPATIAL),
        ({"cycle": "entangled"}, {"adversarial", "pixel_cycle"}, {"transform"}),
    ],
)
def test_tells_its_losses_at_translated_pixels(
    make, batch, tmp_path, parameters, pixels, elsewhere
):
    translator = make(**parameters)
    check_reports_losses(translator, batch, tmp_path, pixels=pixels, elsewhere=elsewhere)
