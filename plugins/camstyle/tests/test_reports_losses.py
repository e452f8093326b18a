from reidbench.testing.translators import check_reports_losses


def test_tells_its_losses_at_the_pixels_of_all_cameras(make, batch, tmp_path):
    pixels = {"adversarial", "cycle", "identity"}
    check_reports_losses(make(), batch, tmp_path, pixels=pixels, elsewhere=set())
