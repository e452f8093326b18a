import hashlib
import pickle
from types import SimpleNamespace

import pytest
import torch
from reidbench_ide.learner import IDE
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from reidbench.errors import ReidbenchError, UsageError
from reidbench.nn import weights as module
from reidbench.nn.backbones import build_backbone
from reidbench.nn.small_resnet import SmallResNet
from reidbench.nn.weights import data_root_of_weights, find_weights, load_weights
from reidbench.nn.weights import look_for_weights_in as look_in


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes the weights of a whole network and gives path and state."""

    def write(suffix=".safetensors", **changes):
        state = SmallResNet(num_classes=9).state_dict() | changes
        state = {k: v for k, v in state.items() if v is not None}
        path = tmp_path / f"weights{suffix}"
        save = save_file if suffix == ".safetensors" else torch.save
        save(state, path)
        return path, state

    return write


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_weights_come_from_a_path_with_their_hash(saved, suffix):
    path, state = saved(suffix)
    ide = IDE(backbone="small-resnet", weights=str(path))
    assert ide.provenance() == {
        "weights": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    own = ide.build(num_pids=3).backbone.state_dict()
    assert "fc.weight" not in own
    assert all(torch.equal(v, state[k]) for k, v in own.items())


def test_none_is_random_and_says_so():
    assert find_weights("resnet50", "none") is None
    assert IDE().provenance() == {"weights": "random initialisation"}
    first, second = (IDE(backbone="small-resnet").build(3).state_dict() for _ in range(2))
    assert not torch.equal(first["backbone.stem.0.weight"], second["backbone.stem.0.weight"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem.0.weight": None}, r"it lacks stem\.0\.weight$"),
        ({"stem.9.weight": torch.ones(1)}, r"it has besides stem\.9\.weight$"),
        ({"stem.1.bias": torch.ones(3)}, r"it has in other shapes stem\.1\.bias$"),
        (
            {f"stages.{i}.conv{j}.weight": None for i in (0, 1) for j in (1, 2)},
            r"lacks stages\.0\.conv1\.weight, .*, .* and 1 more",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(saved, changes, message):
    path, _ = saved(**changes)
    with pytest.raises(ReidbenchError, match=message):
        IDE(backbone="small-resnet", weights=str(path)).build(3)


def test_the_classifier_in_the_file_may_have_any_shape_or_be_absent(saved):
    changes = {"fc.weight": None, "fc.bias": torch.ones(77)}
    IDE(backbone="small-resnet", weights=str(saved(**changes)[0])).build(3)


def test_old_files_without_batch_counts_load(saved):
    counts = [k for k in SmallResNet().state_dict() if k.endswith("num_batches_tracked")]
    IDE(backbone="small-resnet", weights=str(saved(**dict.fromkeys(counts))[0])).build(3)


def test_names_of_old_densenet_files_are_understood(tmp_path):
    backbone = build_backbone("densenet121")
    state = backbone.network.state_dict()
    old = {}
    for key, value in state.items():
        for part in ("norm", "conv"):
            for n in "12":
                key = key.replace(f".{part}{n}.", f".{part}.{n}.") if "denselayer" in key else key
        old[key] = value.contiguous()
    assert any(".norm.1." in k for k in old)
    save_file(old, tmp_path / "old.safetensors")
    other = build_backbone("densenet121")
    load_weights(other, find_weights("densenet121", str(tmp_path / "old.safetensors")))
    assert all(torch.equal(v, state[k]) for k, v in other.network.state_dict().items())


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("unpickled code ran",))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(Trap(), 2), b"PK" * 9])
def test_files_that_are_no_weights_are_refused_and_run_nothing(tmp_path, suffix, content):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReidbenchError, match=r"bad\.(pth|safetensors)"):
        IDE(backbone="small-resnet", weights=str(path)).build(3)


def test_a_whole_pickled_network_is_refused(tmp_path):
    torch.save(nn.Linear(1, 1), tmp_path / "model.pth")
    with pytest.raises(ReidbenchError, match=r"model\.pth cannot be read as weights"):
        IDE(backbone="small-resnet", weights=str(tmp_path / "model.pth")).build(3)


def test_a_file_that_holds_more_than_weights_is_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "state.pth")
    with pytest.raises(ReidbenchError, match="no plain mapping of names to tensors"):
        IDE(backbone="small-resnet", weights=str(tmp_path / "state.pth")).build(3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReidbenchError, match=r"no file of weights at .*/gone\.pth"):
        IDE(weights=str(tmp_path / "gone.pth")).provenance()


@pytest.fixture
def hub(tmp_path):
    """Point torch's hub at an empty folder."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path))
    yield tmp_path / "checkpoints"
    torch.hub.set_dir(before)


def test_published_weights_that_are_not_here_are_named_with_their_folder(hub):
    with pytest.raises(ReidbenchError) as caught:
        IDE(weights="IMAGENET1K_V1").provenance()
    assert "put resnet50-0676ba61.pth (from https://download.pytorch.org" in str(caught.value)
    assert str(hub) in str(caught.value)


@pytest.mark.parametrize(
    ("backbone", "name", "hint"),
    [
        ("resnet50", "IMAGENET1K_V3", "did you mean 'IMAGENET1K_V"),
        ("small-resnet", "IMAGENET1K_V1", "known: none"),
    ],
)
def test_unknown_published_weights_are_refused_with_the_nearest(backbone, name, hint):
    with pytest.raises(UsageError, match=f"no weights named '{name}'.*{hint}"):
        IDE(backbone=backbone, weights=name).provenance()


def publish(monkeypatch, hub, content, digest):
    """Pretend that torchvision publishes ``content`` for resnet18 under the name TOY."""
    known = SimpleNamespace(url=f"https://example.org/toy-{digest}.pth")
    weights = SimpleNamespace(__members__={"TOY": known})
    monkeypatch.setattr(module.models, "get_model_weights", lambda name: weights)
    hub.mkdir()
    (hub / f"toy-{digest}.pth").write_bytes(content)


def test_published_weights_load_from_the_local_cache(monkeypatch, hub, tmp_path):
    state = models.resnet18().state_dict()
    torch.save(state, tmp_path / "toy")
    content = (tmp_path / "toy").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    publish(monkeypatch, hub, content, sha256[:8])
    ide = IDE(backbone="resnet18", weights="TOY")
    assert ide.provenance() == {"weights": "torchvision resnet18 TOY", "sha256": sha256}
    assert torch.equal(ide.build(3).backbone.conv1.weight, state["conv1.weight"])


def test_damaged_published_weights_are_refused(monkeypatch, hub):
    publish(monkeypatch, hub, b"half a file", "00000000")
    with pytest.raises(ReidbenchError, match=r"toy-00000000\.pth is damaged"):
        IDE(backbone="resnet18", weights="TOY").provenance()


def test_a_changed_file_has_another_hash(saved):
    path, _ = saved()
    ide = IDE(backbone="small-resnet", weights=str(path))
    first = ide.provenance()["sha256"]
    saved(**{"stem.1.bias": torch.ones(32)})
    assert ide.provenance()["sha256"] != first


@pytest.fixture
def data_root(tmp_path, hub):
    """Have weights looked for in a folder of the user's."""
    before = data_root_of_weights()
    look_in(tmp_path / "data")
    yield tmp_path / "data"
    look_in(before)


def test_published_weights_are_found_in_the_data_root(monkeypatch, data_root):
    content = b"published"
    sha256 = hashlib.sha256(content).hexdigest()
    publish(monkeypatch, data_root, content, sha256[:8])
    with pytest.raises(ReidbenchError) as caught:
        IDE(backbone="resnet18", weights="TOY").provenance()
    places = f"in {data_root / 'weights'} or {data_root.parent / 'checkpoints'}, or name a file"
    assert places in str(caught.value)
    (data_root / f"toy-{sha256[:8]}.pth").rename(data_root / "toy")
    (data_root / "weights").mkdir()
    (data_root / "toy").rename(data_root / "weights" / f"toy-{sha256[:8]}.pth")
    found = find_weights("resnet18", "TOY")
    assert (found.label, found.sha256) == ("torchvision resnet18 TOY", sha256)


def test_damaged_published_weights_in_the_data_root_are_refused(monkeypatch, data_root):
    publish(monkeypatch, data_root, b"", "00000000")
    (data_root / "weights").mkdir()
    (data_root / "weights" / "toy-00000000.pth").write_bytes(b"half a file")
    with pytest.raises(ReidbenchError, match=r"weights/toy-00000000\.pth is damaged"):
        find_weights("resnet18", "TOY")


def test_without_a_data_root_its_option_is_named(hub):
    with pytest.raises(ReidbenchError, match="checkpoints, or in the folder 'weights' of --data-r"):
        find_weights("resnet18", "IMAGENET1K_V1")


def test_a_named_file_is_found_in_the_data_root(data_root):
    (data_root / "weights").mkdir(parents=True)
    with pytest.raises(ReidbenchError, match=r"/gone/net\.pth or .*/data/weights/net\.pth"):
        find_weights("resnet18", "gone/net.pth")
    (data_root / "weights" / "net.pth").write_bytes(b"mine")
    assert find_weights("resnet18", "gone/net.pth").path == data_root / "weights" / "net.pth"


def test_a_file_is_named_with_its_digest_which_is_held_against_it(saved, tmp_path):
    path, _ = saved()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    plain, pinned = (
        IDE(backbone="small-resnet", weights=f"{path}{digest}")
        for digest in ("", f"#sha256={sha256.upper()}")
    )
    assert pinned.provenance() == plain.provenance()
    for wrong in ("0" * 64, "0" * 8):
        with pytest.raises(ReidbenchError, match=f"starts with {sha256[: len(wrong)]}, not with 0"):
            IDE(backbone="small-resnet", weights=f"{path}#sha256={wrong}").build(3)
