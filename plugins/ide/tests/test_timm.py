"""Networks of timm in the place of torchvision's, where timm is installed."""

import sys
from importlib.metadata import version

import pytest
import torch
from reidbench_ide.learner import IDE
from safetensors.torch import save_file

from reidbench.errors import ReidbenchError, UsageError
from reidbench.extraction.external_models import named_network
from reidbench.nn.backbones import build_backbone, check_backbone, feature_map
from reidbench.testing.learners import nearest_are_same

timm = pytest.importorskip("timm")

WIDTHS = {"timm:test_resnet": 96, "timm:test_convnext": 64, "timm:test_vit": 64}
SWIN = "timm:swin_tiny_patch4_window7_224"  # whose maps have their channels last


@pytest.mark.parametrize("name", WIDTHS)
def test_a_network_of_timms_gives_one_vector_an_image_of_any_size(name):
    backbone = build_backbone(name)
    for size in ((64, 32), (128, 64)):
        assert backbone.network.eval()(torch.rand(2, 3, *size)).shape == (2, WIDTHS[name])
    assert backbone.width == WIDTHS[name]


def test_the_feature_map_of_timms_networks_is_what_is_pooled():
    pixels = torch.rand(2, 3, 64, 32)
    network = build_backbone("timm:test_resnet").network.eval()
    torch.testing.assert_close(feature_map(network, pixels).mean((2, 3)), network(pixels))
    with torch.device("meta"):  # shapes without the arithmetic
        maps = feature_map(build_backbone(SWIN).network.eval(), torch.empty(2, 3, 64, 32))
    assert maps.shape == (2, 768, 2, 1)


@pytest.mark.parametrize("name", ["timm:test_vit", "timm:mobilenetv3_small_050"])
def test_a_network_without_such_a_map_says_what_would_do(name):
    network = build_backbone(name).network.eval()
    with pytest.raises(UsageError, match=r"pools no feature map .* leave out .*embedding\.pool"):
        feature_map(network, torch.rand(1, 3, 64, 32))


@pytest.fixture
def published(tmp_path):
    """A file as timm publishes it: a whole network, with its classifier."""
    path = tmp_path / "model.safetensors"
    state = timm.create_model("test_resnet", num_classes=9).state_dict()
    save_file(state, path)
    return path, state


def test_timms_own_file_gives_the_weights_and_results_say_so(published):
    path, state = published
    ide = IDE(backbone="timm:test_resnet", weights=str(path))
    own = ide.build(num_pids=3).backbone.state_dict()
    assert own.keys() == state.keys() - {"fc.weight", "fc.bias"}
    assert all(torch.equal(v, state[k]) for k, v in own.items())
    told = ide.provenance()
    assert (told["weights"], told["timm"]) == ("model.safetensors", version("timm"))
    assert len(told["sha256"]) == 64
    assert "mapping" not in told


def test_a_file_of_another_network_of_timms_is_refused(published):
    with pytest.raises(ReidbenchError, match=r"model\.safetensors does not fit the backbone"):
        IDE(backbone="timm:test_convnext", weights=str(published[0])).build(3)


def test_names_of_published_weights_are_torchvisions_alone():
    ide = IDE(backbone="timm:test_resnet", weights="IMAGENET1K_V1")
    with pytest.raises(UsageError, match=r"put timm's model\.safetensors on this machine"):
        ide.provenance()


@pytest.mark.parametrize(
    ("wrong", "hint"), [("test_resnt", "did you mean 'test_resnet'"), ("qqq", r"list_models\(\)")]
)
def test_unknown_networks_of_timms_are_refused_with_the_nearest(wrong, hint):
    with pytest.raises(ValueError, match=f"timm has no network '{wrong}'.*{hint}"):
        check_backbone(f"timm:{wrong}")


def test_without_timm_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match=r"pip install 'reidbench\[timm\]'"):
        IDE(backbone="timm:test_resnet")


def test_a_learner_learns_persons_on_a_network_of_timms(persons, loop):
    ide = IDE(backbone="timm:test_resnet", bottleneck=0, batch=8, epochs=8, backbone_lr=0.05)
    model = ide.build(persons.num_pids)
    ide.fit(model, persons, loop())
    assert nearest_are_same(ide, model, persons) > 0.8


def test_features_are_extracted_by_a_network_of_timms(published):
    network, told = named_network("timm:test_resnet", published[0])
    assert told.startswith("90 tensors, by their names")
    assert network(torch.rand(2, 3, 64, 32)).shape == (2, 96)
