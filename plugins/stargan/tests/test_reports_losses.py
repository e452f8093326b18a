from reidbench.testing.translators import check_reports_losses


def test_tells_its_losses_at_translated_pixels(make, batch, tmp_path):
    pixels = {"adversarial", "domain_fake", "cycle"}
    check_reports_losses(make(), batch, tmp_path, pixels=pixels, elsewhere=set())
