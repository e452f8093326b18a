from reidbench.testing.translators import check_reports_losses


def test_tells_its_losses_at_translated_pixels(make, batch, tmp_path):
    pixels = {"adversarial", "cycle", "identity"}
    check_reports_losses(make(), batch, tmp_path, pixels=pixels, elsewhere=set())


def test_tells_nothing_of_an_identity_loss_that_is_left_out(make, batch, tmp_path):
    pixels = {"adversarial", "cycle"}
    check_reports_losses(make(identity=0.0), batch, tmp_path, pixels=pixels, elsewhere=set())
