"""Data sets by index: what a sample holds, and under torch's DataLoader."""

from __future__ import annotations

import faulthandler
import multiprocessing as mp
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE

N = 8
CROP = mx.Pipeline([mx.RandomCrop(shape=6), mx.Flip(axes="x", p=0.5)], seed=5)
METHODS = [m for m in ("fork", "spawn", "forkserver") if m in mp.get_all_start_methods()]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*pin_memory")


@pytest.fixture(autouse=True)
def no_hang():
    """A hang is a failure, with the stacks."""
    faulthandler.dump_traceback_later(150, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def cases(tmp_path: Path) -> list[dict]:
    """Images whose voxels say where they are, labels, and a number."""
    out = []
    for n in range(N):
        image = np.arange(16**3, dtype=np.int16).reshape(16, 16, 16)
        label = (image % (n + 2) == 0).astype(np.uint8)
        mx.Volume(image, AFFINE).save(tmp_path / f"{n}.nii.gz")
        mx.Volume(label, AFFINE).save(tmp_path / f"{n}-label.nii")
        out.append(
            {
                "id": f"case {n}",
                "image": tmp_path / f"{n}.nii.gz",
                "label": str(tmp_path / f"{n}-label.nii"),
                "age": 40 + n,
                "scanner": "a" if n % 2 else "b",
            }
        )
    return out


def place(sample: dict) -> tuple:
    """What was drawn for a sample."""
    image = np.asarray(sample["image"])
    return tuple(np.asarray(sample["meta"]["start"]).tolist()), int(image.flat[0])


def draws(batches) -> dict[str, tuple]:
    """What was drawn for each case."""
    return {s["meta"]["id"]: place(s) for batch in batches for s in batch}


def as_list(samples: list) -> list:
    """A collate function that leaves samples alone."""
    return samples


def threads(samples: list) -> int:
    return mx.features()["threads"]


def loader(data, **options):
    torch = pytest.importorskip("torch")
    options = {"batch_size": 2, "collate_fn": as_list} | options
    if options.get("num_workers"):
        options.setdefault("timeout", 100)
    return torch.utils.data.DataLoader(data, **options)


# What a sample is ---------------------------------------------------------------------------------


def test_a_sample_is_what_the_pipeline_makes(cases):
    data = mx.Dataset(cases, CROP, to="numpy")
    data.set_epoch(3)
    for n, case in enumerate(cases):
        sample = data[n]
        items = {k: case[k] for k in ("image", "label")}
        made = CROP(items, epoch=3, id=case["id"])
        assert np.array_equal(sample["image"], made["image"].numpy("float32")[None])
        assert np.array_equal(sample["label"], made["label"].numpy()[None])
        assert (sample["image"].dtype, sample["label"].dtype) == (np.float32, np.int16)
        assert all(sample[k].flags.c_contiguous and sample[k].flags.writeable for k in items)
        assert (sample["age"], sample["scanner"]) == (40 + n, "b" if n % 2 == 0 else "a")
        meta = sample["meta"]
        assert (meta["id"], meta["path"]) == (case["id"], str(case["image"]))
        assert (meta["epoch"], meta["patch"]) == (3, 0)
        assert np.allclose(meta["affine"], made["image"].affine)
        box = tuple(map(slice, meta["start"], meta["stop"]))
        whole = mx.load(case["image"]).numpy("float32")[box]
        flipped = meta["affine"][0, 0] < 0
        assert np.array_equal(sample["image"][0], whole[::-1] if flipped else whole)


def test_torch_tensors_are_plain(cases):
    torch = pytest.importorskip("torch")
    sample = mx.Dataset(cases, CROP, dtypes={"label": torch.int64, "image": "bfloat16"})[0]
    assert type(sample["image"]) is torch.Tensor and sample["image"].dtype == torch.bfloat16
    assert sample["label"].dtype == torch.int64 and sample["label"].is_contiguous()
    assert sample["image"].shape == (1, 6, 6, 6)


def test_channels_points_and_planes():
    ramp = np.arange(2 * 4 * 5 * 6.0).reshape(2, 4, 5, 6)
    case = {"image": ramp, "points": np.array([[1.0, 2, 3]]), "mask": None, "vector": np.ones(3)}
    sample = mx.Dataset([case], to="numpy")[0]
    assert np.array_equal(sample["image"], ramp) and sample["image"].dtype == np.float32
    assert np.array_equal(sample["points"], case["points"])
    assert sample["mask"] is None and sample["vector"] is case["vector"]
    assert mx.Dataset([np.ones((4, 5))], to="numpy")[0]["image"].shape == (1, 4, 5, 1)


def test_files_become_channels(cases):
    paths = [cases[0]["image"], cases[1]["image"]]
    sample = mx.Dataset([{"image": paths}], to="numpy")[0]
    assert sample["image"].shape == (2, 16, 16, 16)
    assert np.array_equal(sample["image"][1], mx.load(paths[1]).numpy("float32"))


def test_labels_are_never_changed_by_the_dtype():
    label = mx.Volume(np.full((4, 4, 4), 70_000, np.int32), role="label")
    with pytest.raises(mx.DataError, match=r"(?s)70000.*int16"):
        mx.Dataset([{"label": label}], to="numpy")[0]
    wide = mx.Dataset([{"label": label}], dtypes={"label": "int64"}, to="numpy")[0]["label"]
    assert wide.dtype == np.int64 and wide.max() == 70_000
    small = mx.Volume(np.full((4, 4, 4), 3, np.int32), role="label")
    assert mx.Dataset([{"label": small}], to="numpy")[0]["label"].dtype == np.int16
    some = mx.Dataset([{"label": small}], dtypes={"label": bool}, to="numpy")[0]["label"]
    assert some.dtype == bool and some.all()


def test_texts_are_paths_only_under_a_role(cases):
    path = str(cases[0]["image"])
    with pytest.raises(mx.ParamError, match="roles"):
        mx.Dataset([{"thing": path}])[0]
    data = mx.Dataset([{"thing": path, "label": "benign"}], roles={"thing": "image", "label": None})
    sample = mx.Dataset(data._data, roles=data._roles, to="numpy")[0]
    assert sample["thing"].shape == (1, 16, 16, 16) and sample["label"] == "benign"


def test_errors_say_which_sample(cases):
    broken = [*cases, {"id": "lost", "image": "/nowhere.nii"}]
    with pytest.raises(mx.MissingFileError) as failed:
        mx.Dataset(broken)[N]
    if sys.version_info >= (3, 11):
        assert "lost" in failed.value.__notes__[0]
    with pytest.raises(IndexError):
        mx.Dataset(cases)[N]
    for wrong in ({"to": "list"}, {"dtypes": {"image": "float33"}}):
        with pytest.raises(mx.ParamError):
            mx.Dataset(cases, **wrong)
    with pytest.raises(mx.ParamError):
        mx.Dataset(cases).set_epoch(-1)


def test_visits_are_epochs_unless_one_is_set(cases):
    data = mx.Dataset(cases, CROP, to="numpy")
    first = [place(data[0]) for _ in range(4)]
    assert len(set(first)) == 4
    assert [data[1]["meta"]["epoch"] for _ in range(3)] == [0, 1, 2]
    data.set_epoch(2)
    assert place(data[0]) == place(data[0]) == first[2] and data.epoch == 2
    assert place(pickle.loads(pickle.dumps(data))[0]) == first[2]


def test_arrays_are_named_by_their_voxels():
    noise = [np.random.default_rng(n).random((8, 8, 8), np.float32) for n in range(2)]
    data = mx.Dataset(noise, mx.Pipeline([mx.RandomCrop(shape=4)], seed=1), to="numpy")
    names = [data[n]["meta"]["id"] for n in range(2)]
    assert len(set(names)) == 2 and all(len(n) == 16 for n in names)


def test_torch_is_not_imported():
    program = """
import sys, numpy as np, medoxide as mx
data = mx.Dataset([np.zeros((4, 4, 4))], mx.Pipeline([mx.RandomCrop(shape=2)]), to="numpy")
assert mx.list_collate([data[0], data[0]])["image"].shape == (2, 1, 2, 2, 2)
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_it_pickles_as_paths_and_pipeline(cases):
    data = mx.Dataset(cases, CROP, dtypes={"label": "uint8"}, cache=None, to="numpy")
    for item in data:
        assert item["label"].dtype == np.uint8
    pickled = pickle.dumps(data)
    assert len(pickled) < 1000 + sum(len(pickle.dumps(c)) for c in cases)
    again = pickle.loads(pickled)
    again.set_epoch(0)
    data.set_epoch(0)
    assert draws([again]) == draws([data])


def test_a_cache_changes_nothing(cases, tmp_path):
    pipe = mx.Pipeline([mx.Resample(spacing=2), mx.RandomCrop(shape=6)], seed=5)
    cache = mx.cache(tmp_path / "cache", "1 MB")
    plain, kept = (
        mx.Dataset(cases, pipe, to="numpy"),
        mx.Dataset(cases, pipe, to="numpy", cache=cache),
    )
    for a, b in zip(plain, kept, strict=True):
        assert np.array_equal(a["image"], b["image"]) and place(a) == place(b)
    assert len(cache) == 2 * N


# Batches ------------------------------------------------------------------------------------------


def test_patches_are_a_list_that_collates(cases):
    pipe = mx.Pipeline([mx.RandomCrop(shape=4, count=3)], seed=2)
    data = mx.Dataset(cases, pipe, to="numpy")
    data.set_epoch(0)
    sample = data[0]
    assert isinstance(sample, list) and [s["meta"]["patch"] for s in sample] == [0, 1, 2]
    assert len({place(s) for s in sample}) == 3
    batch = mx.list_collate([data[0], data[1]])
    assert batch["image"].shape == (6, 1, 4, 4, 4) and batch["label"].dtype == np.int16
    assert batch["age"].tolist() == [40] * 3 + [41] * 3 and batch["scanner"] == list("bbbaaa")
    assert [m["patch"] for m in batch["meta"]] == [0, 1, 2, 0, 1, 2]
    assert np.array_equal(batch["image"][4], data[1][1]["image"])


def test_batches_of_other_shapes_say_what_to_do():
    data = mx.Dataset([np.ones((3, 4, 5)), np.ones((3, 4, 6))], to="numpy")
    with pytest.raises(mx.ShapeError, match=r"CropOrPad"):
        mx.list_collate(list(data))


@pytest.mark.peers
@pytest.mark.parametrize("count", [1, 3])
def test_a_loader_collates_by_torch_monai_and_ours(cases, count):
    torch = pytest.importorskip("torch")
    data = mx.Dataset(cases, mx.Pipeline([mx.RandomCrop(shape=4, count=count)], seed=2))
    data.set_epoch(0)
    kinds = [mx.list_collate]
    if count == 1:
        kinds.append(torch.utils.data.default_collate)
    try:
        from monai.data.utils import list_data_collate

        kinds.append(list_data_collate)
    except ImportError:
        pass
    for collate in kinds:
        batches = list(loader(data, collate_fn=collate, batch_size=4, pin_memory=False))
        assert [b["image"].shape for b in batches] == [(4 * count, 1, 4, 4, 4)] * 2
        image = torch.cat([b["image"] for b in batches])
        want = [s for sample in data for s in (sample if count > 1 else [sample])]
        assert torch.equal(image, torch.stack([s["image"] for s in want])), collate
        assert batches[0]["age"].tolist() == [n for n in range(40, 44) for _ in range(count)]
        meta = batches[1]["meta"]
        affine = meta["affine"][0] if isinstance(meta, dict) else meta[0]["affine"]
        assert np.array_equal(affine, want[4 * count]["meta"]["affine"])


# Workers ------------------------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.parametrize("method", METHODS)
def test_draws_do_not_depend_on_workers(cases, method):
    data = mx.Dataset(cases, CROP)
    want = {}
    for epoch in range(2):
        data.set_epoch(epoch)
        want[epoch] = draws([list(data)])
    assert all(want[0][k] != want[1][k] for k in want[0])
    for workers in (0, 1, 4) if method == "fork" else (2,):
        context = method if workers else None
        for epoch in (1, 0):
            data.set_epoch(epoch)
            batches = list(loader(data, num_workers=workers, multiprocessing_context=context))
            assert draws(batches) == want[epoch]


@pytest.mark.peers
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("persistent", [False, True])
def test_draws_differ_between_workers_and_epochs(cases, method, persistent):
    torch = pytest.importorskip("torch")
    same = [cases[0] | {"id": str(n)} for n in range(N)]
    batches = loader(
        mx.Dataset(same, CROP),
        num_workers=2,
        shuffle=True,
        multiprocessing_context=method,
        persistent_workers=persistent,
    )
    torch.manual_seed(3)
    epochs = [draws(batches) for _ in range(2)]
    assert len(set(epochs[0].values())) >= N - 1
    assert sum(epochs[0][k] == epochs[1][k] for k in epochs[0]) <= 1
    if not persistent:
        torch.manual_seed(3)
        assert [draws(batches) for _ in range(2)] == epochs


@pytest.mark.peers
@pytest.mark.parametrize("method", METHODS)
def test_running_workers_learn_of_the_epoch(cases, method):
    data = mx.Dataset(cases, CROP)
    batches = loader(
        data,
        num_workers=2,
        multiprocessing_context=method,
        persistent_workers=True,
        pin_memory=True,
    )
    for epoch in (4, 0, 4):
        data.set_epoch(epoch)
        got = draws(batches)
        assert got == draws([list(data)])


@pytest.mark.peers
def test_samplers_subsets_and_ranks(cases):
    torch = pytest.importorskip("torch")
    tools = torch.utils.data
    data = mx.Dataset(cases, CROP)
    data.set_epoch(7)
    want = draws([list(data)])
    some = tools.Subset(data, [5, 2])
    assert draws(loader(some, num_workers=1)) == {k: want[k] for k in ("case 5", "case 2")}
    a, b = tools.random_split(data, [3, 5])
    assert draws(loader(a)) | draws(loader(b)) == want
    weighted = tools.WeightedRandomSampler([1.0] * N, 20)
    assert draws(loader(data, sampler=weighted)).items() <= want.items()
    ranks = []
    for rank in range(2):
        sampler = tools.DistributedSampler(data, num_replicas=2, rank=rank, shuffle=True)
        sampler.set_epoch(1)
        ranks.append(draws(loader(data, sampler=sampler, num_workers=2)))
    assert ranks[0] | ranks[1] == want and len(ranks[0]) == len(ranks[1]) == N // 2


@pytest.mark.peers
def test_workers_have_one_thread_unless_told(cases):
    data = mx.Dataset(cases, CROP)
    for method in METHODS[:2]:
        counts = loader(data, num_workers=1, collate_fn=threads, multiprocessing_context=method)
        assert set(counts) == {1}
        mx.set_threads(3)
        try:
            assert set(counts) == {3}
        finally:
            mx.set_threads(None)
    mx.set_threads(2)
    mx.set_threads(None)
    before = mx.features()["threads"]
    data[0]
    assert mx.features()["threads"] == before


@pytest.mark.peers
def test_a_forked_process_that_is_no_worker_counts_by_itself(cases):
    data = mx.Dataset(cases, CROP, to="numpy")
    data.set_epoch(1)
    if "fork" not in METHODS:
        pytest.skip("needs fork")
    with mp.get_context("fork").Pool(1) as pool:
        pool.apply_async(data.set_epoch, (9,)).get(timeout=60)
    child = mp.get_context("fork").Process(target=data.set_epoch, args=(9,))
    child.start()
    child.join(60)
    assert child.exitcode == 0 and data.epoch == 1


@pytest.mark.peers
def test_errors_come_out_of_workers(cases):
    broken = [*cases[:2], {"id": "lost", "image": "/nowhere.nii"}]
    with pytest.raises(mx.MissingFileError, match=r"(?s)nowhere"):
        list(loader(mx.Dataset(broken), num_workers=2))


@pytest.mark.peers
def test_transforms_know_the_place_in_the_batch():
    label = np.zeros((32, 32, 32), np.uint8)
    label[16, 16, 16] = 1
    cases = [{"id": str(n), "label": label} for n in range(12)]
    crop = mx.RandomCropByLabel(shape=4, forced=0.34, forced_by="place")
    pipe = mx.Pipeline([crop], seed=1)
    for batches in (
        loader(mx.Dataset(cases, pipe), batch_size=3),
        mx.Loader(cases, pipe, batch_size=3),
    ):
        for _ in range(2):
            found = [[bool(np.max(np.asarray(row))) for row in labels(batch)] for batch in batches]
            assert all(rows[2] for rows in found) and sum(r[0] + r[1] for r in found) <= 2


def labels(batch) -> list:
    """The labels of a batch, from a list of samples too."""
    return [s["label"] for s in batch] if isinstance(batch, list) else list(batch["label"])
