"""Files of features: each format as its own program writes it, and what is refused."""

from __future__ import annotations

import json
import pickle
import re
import zipfile

import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import Features
from reidbench.evaluation.files import read_features, read_sets, write_features

ROLES = ("query", "gallery")


def made(rows, dimensions=5, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, dimensions)).astype(np.float32)
    return Features(features, rng.integers(-1, 9, rows), rng.integers(1, 4, rows))


def table(images, features="features", pids="pids", cams="cams"):
    return {features: images.features, pids: images.pids, cams: images.cams}


def same(got, wanted, kind=np.float32):
    assert np.array_equal(got.features.astype(np.float32), wanted.features)
    assert np.array_equal(got.pids, wanted.pids)
    assert np.array_equal(got.cams, wanted.cams)
    assert [a.dtype for a in (got.features, got.pids, got.cams)] == [kind, np.int64, np.int64]


def write_csv(path, images, header=None):
    columns = [f"f{i}" for i in range(images.features.shape[1])]
    rows = [
        ",".join([str(p), str(c), *(repr(float(x)) for x in f)])
        for f, p, c in zip(images.features, images.pids, images.cams, strict=True)
    ]
    path.write_text("\n".join([header or ",".join(["pid", "cam", *columns]), *rows]) + "\n")


def write_one(path, images):
    """Write one set without a name, as a program of the format does."""
    if path.suffix == ".npz":
        np.savez(path, **table(images))
    elif path.suffix == ".mat":
        scipy.io.savemat(path, table(images))
    elif path.suffix == ".csv":
        write_csv(path, images)
    else:
        torch.save({k: torch.from_numpy(v) for k, v in table(images).items()}, path)


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".pt", ".pth", ".csv"])
@pytest.mark.parametrize("rows", [1, 7])
def test_one_set_serves_every_role(tmp_path, suffix, rows):
    path, images = tmp_path / f"features{suffix}", made(rows)
    write_one(path, images)
    for role in ("", "query", "gallery", "multi_query"):
        # Text has no number type: all its digits are kept.
        kind = np.float64 if suffix == ".csv" else np.float32
        same(read_features(path, role), images, kind)


@pytest.mark.parametrize("prefix", ["multi_query_", "boxes_", "mquery_"])
def test_further_images_have_several_names(tmp_path, prefix):
    images = made(3)
    fields = {f"{prefix}{field}": array for field, array in table(images).items()}
    np.savez(tmp_path / "f.npz", **fields)
    same(read_features(tmp_path / "f.npz", "multi_query"), images)


def test_what_is_written_is_read(tmp_path):
    path, sets = tmp_path / "new" / "f.npz", {"query": made(3), "gallery": made(6, seed=1)}
    names = {"query": ["a/ä.jpg", "b.jpg", "c.jpg"]}
    write_features(path, sets, names, {"model": "resnet50", "flip": True})
    for role in ROLES:
        same(read_features(path, role), sets[role])
    with np.load(path, allow_pickle=False) as archive:
        assert archive["query_names"].tolist() == names["query"]
        assert json.loads(str(archive["about"])) == {"model": "resnet50", "flip": True}
        assert "gallery_names" not in archive
    assert [p.name for p in path.parent.iterdir()] == ["f.npz"]


def test_a_single_set_is_written_without_a_prefix_or_with_its_own(tmp_path):
    images = made(4)
    for role, prefix in (("", ""), ("train", "train_")):
        write_features(tmp_path / "f.npz", {role: images}, {role: list("abcd")}, {})
        with np.load(tmp_path / "f.npz") as archive:
            fields = ("features", "pids", "cams", "names")
            assert set(archive.files) == {"about", *(prefix + f for f in fields)}
        same(read_features(tmp_path / "f.npz", role), images)


def test_writing_refuses_what_reading_would(tmp_path):
    path, images = tmp_path / "f.npz", made(2)
    with pytest.raises(UsageError, match=r"\.npz files, not to .*f\.mat"):
        write_features(tmp_path / "f.mat", {"": images}, None, {})
    with pytest.raises(ReidbenchError, match="query names are 1 for 2 rows"):
        write_features(path, {"query": images}, {"query": ["a"]}, {})
    images.features[1, 0] = np.nan
    with pytest.raises(ReidbenchError, match="query features hold NaN"):
        write_features(path, {"query": images}, None, {})
    assert not list(tmp_path.iterdir())


def test_the_common_baseline_s_mat(tmp_path):
    """As demo and test scripts of the baseline do it: lists of labels, which become ``[1, N]``."""
    query, gallery, boxes = made(3), made(8, seed=1), made(5, seed=2)
    result = {
        "gallery_f": gallery.features,
        "gallery_label": gallery.pids.tolist(),
        "gallery_cam": gallery.cams.tolist(),
        "query_f": query.features,
        "query_label": query.pids.tolist(),
        "query_cam": query.cams.tolist(),
    }
    scipy.io.savemat(tmp_path / "pytorch_result.mat", result)
    multi = {"mquery_f": boxes.features, "mquery_label": boxes.pids, "mquery_cam": boxes.cams}
    scipy.io.savemat(tmp_path / "multi_query.mat", multi)
    same(read_features(tmp_path / "pytorch_result.mat", "query"), query)
    same(read_features(tmp_path / "pytorch_result.mat", "gallery"), gallery)
    same(read_features(tmp_path / "multi_query.mat", "multi_query"), boxes)
    with pytest.raises(ReidbenchError, match=r"no unnamed set.* it holds 'gallery_f'"):
        read_features(tmp_path / "pytorch_result.mat")


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.integers(-1, 2**40), min_size=1, max_size=5),
    column=st.booleans(),
    kind=st.sampled_from(["f8", "i8"]),
)
def test_labels_of_a_mat_in_any_shape(tmp_path_factory, labels, column, kind):
    path, images = tmp_path_factory.mktemp("mat") / "f.mat", made(len(labels))
    given_labels = np.array(labels, kind)
    shaped = given_labels[:, None] if column else given_labels[None]
    scipy.io.savemat(path, table(images) | {"pids": shaped, "cams": shaped})
    assert read_features(path).pids.tolist() == labels
    assert read_features(path).cams.tolist() == labels


def test_names_that_others_write(tmp_path):
    query, gallery = made(2), made(3, seed=1)
    for names in (("qf", "q_pids", "q_camids"), ("query_feat", "query_label", "query_camera")):
        theirs = [name.replace("query", "gallery").replace("q", "g") for name in names]
        both = table(query, *names) | table(gallery, *theirs)
        np.savez(tmp_path / "f.npz", **both)
        sets = read_sets(tmp_path / "f.npz", ROLES, ["multi_query"])
        assert list(sets) == ["query", "gallery"]
        same(sets["query"], query)
        same(sets["gallery"], gallery)


def test_a_named_set_goes_before_one_without_a_name(tmp_path):
    named, unnamed = made(2), made(3, seed=1)
    fields = table(named, "query_features", "query_pids", "query_cams") | table(unnamed)
    np.savez(tmp_path / "f.npz", **fields)
    same(read_features(tmp_path / "f.npz", "query"), named)
    same(read_features(tmp_path / "f.npz", "gallery"), unnamed)
    with pytest.raises(ReidbenchError, match=r"no gallery set.*give each set a file of its own"):
        read_sets(tmp_path / "f.npz", ROLES)


def test_tensors_as_torch_has_them(tmp_path):
    images = made(3)
    half = torch.from_numpy(images.features).bfloat16().requires_grad_()
    content = {"feats": half, "labels": images.pids.tolist(), "camids": images.cams.tolist()}
    torch.save(content, tmp_path / "f.pt")
    rounded = half.detach().float().numpy()
    same(read_features(tmp_path / "f.pt"), Features(rounded, images.pids, images.cams))


def test_csv_in_any_order_with_quotes_and_a_mark(tmp_path):
    path = tmp_path / "f.CSV"
    path.write_text('\ufeffcam, "x" ,pid,y\r\n1,0.5,"-1",1e-3\r\n2.0,-1,7,2\r\n', newline="")
    got = read_features(path)
    assert got.features.tolist() == [[0.5, np.float32(1e-3)], [-1, 2]]
    assert (got.pids.tolist(), got.cams.tolist()) == ([-1, 7], [1, 2])


class Harmful:
    def __reduce__(self):
        return pytest.fail, ("was unpickled",)


@pytest.mark.parametrize("field", ["features", "pids"])
def test_pickled_npz_is_refused(tmp_path, field):
    path = tmp_path / "f.npz"
    np.savez(path, **(table(made(2)) | {field: np.array([Harmful(), 1], object)}))
    with pytest.raises(ReidbenchError, match=r"f\.npz holds pickled.*numpy\.savez\(FILE"):
        read_features(path)


@pytest.mark.parametrize("content", [table(made(2)), {"features": Harmful()}])
def test_pickled_pt_is_refused(tmp_path, content):
    path = tmp_path / "f.pt"
    torch.save(content, path)
    with pytest.raises(ReidbenchError, match=r"f\.pt holds pickled.*torch\.save\(\{"):
        read_features(path)
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ReidbenchError, match=r"f\.pt"):
        read_features(path)


def test_a_list_in_a_pt(tmp_path):
    torch.save([1, 2], tmp_path / "f.pt")
    with pytest.raises(ReidbenchError, match="holds a list; it must be a dictionary"):
        read_features(tmp_path / "f.pt")


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".pt", ".csv"])
@pytest.mark.parametrize("damage", ["empty", "text", "bytes", "cut", "folder", "gone"])
def test_a_damaged_file_is_one_error_that_names_it(tmp_path, suffix, damage):
    path = tmp_path / f"f{suffix}"
    write_one(path, made(40))
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        half = whole[: len(whole) // 2]
        cut = half.rpartition(b",")[0] if suffix == ".csv" else half
        parts = {"empty": b"", "text": b"hello\nworld\n", "bytes": bytes(range(256)) * 9}
        path.write_bytes(parts.get(damage, cut))
    with pytest.raises(ReidbenchError, match=re.escape(str(path))):
        read_features(path)


def test_a_damaged_member_is_found(tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, **table(made(400)))
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ReidbenchError, match="damaged"):
        read_features(path)


def test_a_newer_mat_says_how_to_save(tmp_path):
    (tmp_path / "f.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(99))
    with pytest.raises(ReidbenchError, match=r"format 7\.3.*-v7"):
        read_features(tmp_path / "f.mat")


def test_sparse_features_are_one_clear_error(tmp_path):
    stored = {"features": scipy.sparse.eye(3).tocsc(), "pids": [1, 2, 3], "cams": [1, 1, 1]}
    scipy.io.savemat(tmp_path / "f.mat", stored)
    with pytest.raises(ReidbenchError, match=r"features of .*f\.mat is a sparse matrix"):
        read_features(tmp_path / "f.mat")


def test_other_endings(tmp_path):
    with pytest.raises(UsageError, match=r"known: \.csv, \.mat, \.npz, \.pt, \.pth"):
        read_features(tmp_path / "f.h5")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pids": None}, r"holds 'features' but no pids of that set; name them 'pids'"),
        ({"features": None}, "no query set, which is 'query_features', 'query_pids', 'query_cams'"),
        ({"label": np.zeros(3)}, "holds 'pids', 'label'; keep the one that is meant as 'pids'"),
        ({"pids": np.array([1, 2])}, r"pids have the shape \[2\] for 3 rows"),
        ({"pids": np.array([1, 2, 2.5])}, "pids must be integers, not float64"),
        ({"pids": np.array([1, 2, np.nan])}, "pids must be integers"),
        ({"pids": np.array([1, 2, 1e30])}, "pids must be integers"),
        ({"cams": np.array(["a", "b", "c"])}, "cams must be integers"),
        ({"features": np.zeros((5, 3))}, r"'features' is \[5, 3\] for 3 labels; transpose it"),
        ({"features": np.zeros(3)}, r"features must be a matrix"),
        ({"features": np.zeros((3, 0))}, r"features are empty"),
        ({"features": np.full((3, 5), np.nan)}, "features hold NaN"),
    ],
)
def test_a_set_that_cannot_be_ranked(tmp_path, changes, error):
    fields = {k: v for k, v in (table(made(3)) | changes).items() if v is not None}
    np.savez(tmp_path / "f.npz", **fields)
    with pytest.raises(ReidbenchError, match=rf"f\.npz.*{error}"):
        read_features(tmp_path / "f.npz", "query")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1,2,0.5\n", "first line must name the columns"),
        ("pid,cam\n1,2\n", "first line must name the columns"),
        ("pid,pid,cam,f0\n1,1,2,0.5\n", "first line must name the columns"),
        ("pid,label,cam,f0\n1,1,2,0.5\n", "holds 'pid', 'label'"),
        ("pid,cam,f0\n", "features are empty"),
        ("pid,cam,f0\n1,2,abc\n", "'abc'"),
        ("pid,cam,f0\n1,2,0.5\nx,2,0.5\n", "'x'"),
        ("pid,cam,f0,f1\n1,2,3,4\n1,2,3\n", "damaged"),
        ("pid,cam,f0\n1,2,nan\n", "features hold NaN"),
        ("pid,cam,f0\n1.5,2,3\n", "pids must be integers"),
    ],
)
def test_csv_that_cannot_be_read(tmp_path, text, error):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(ReidbenchError, match=rf"f\.csv.*{error}"):
        read_features(tmp_path / "f.csv")


def test_a_foreign_member_is_never_looked_at(tmp_path):
    path, images = tmp_path / "f.npz", made(2)
    np.savez(path, **table(images))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("paths.npy", pickle.dumps(Harmful()))
        archive.writestr("names.npy", pickle.dumps(Harmful()))
    same(read_features(path), images)
    np.savez(path, **table(images), names=np.array(["a", Harmful()], dtype=object))
    same(read_features(path), images)
    assert read_features(path).files is None


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".pt", ".csv"])
def test_cameras_may_be_missing(tmp_path, suffix):
    path, images = tmp_path / f"f{suffix}", made(5)
    fields = {k: v for k, v in table(images).items() if k != "cams"}
    if suffix == ".csv":
        rows = np.column_stack([images.pids, images.features])
        header = ",".join(["pid", *(f"f{i}" for i in range(rows.shape[1] - 1))])
        np.savetxt(path, rows, delimiter=",", header=header, comments="")
    elif suffix == ".pt":
        torch.save({k: torch.from_numpy(v) for k, v in fields.items()}, path)
    elif suffix == ".mat":
        scipy.io.savemat(path, fields)
    else:
        np.savez(path, **fields)
    assert read_features(path, "query").cams.tolist() == [-1] * 5


def test_the_files_of_images_are_told_apart_by_their_names(tmp_path):
    images = made(3)
    np.savez(tmp_path / "q.npz", **table(images), names=np.array(["a", "b/c", "d"]))
    np.savez(tmp_path / "g.npz", **table(images), names=np.array(["b/c", "c", "a"]))
    query, gallery = read_features(tmp_path / "q.npz"), read_features(tmp_path / "g.npz")
    assert np.argwhere(query.files[:, None] == gallery.files).tolist() == [[0, 2], [1, 0]]
    assert read_sets_of_one(tmp_path, images) == [True, False, False]


def read_sets_of_one(folder, images):
    """Return which gallery images of a file of both sets are the first query's file."""
    sets = {f"{r}_{k}": v for r in ("query", "gallery") for k, v in table(images).items()}
    names = {"query_names": np.array(["a", "b", "c"]), "gallery_names": np.array(["a", "x", "y"])}
    np.savez(folder / "both.npz", **sets, **names)
    both = read_sets(folder / "both.npz", ["query", "gallery"])
    return (both["gallery"].files == both["query"].files[0]).tolist()
