"""The training loader: its batches, its order, and that it never hangs."""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE

N = 10
CROP = mx.Pipeline([mx.RandomCrop(shape=6, count=2), mx.Flip(axes="x", p=0.5)], seed=5)


@pytest.fixture(autouse=True)
def no_hang():
    """A hang is a failure, with the stacks."""
    faulthandler.dump_traceback_later(100, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("cases")
    out = []
    for n in range(N):
        image = np.arange(16**3, dtype=np.int16).reshape(16, 16, 16)
        label = (image % (n + 2) == 0).astype(np.uint8)
        mx.Volume(image, AFFINE).save(folder / f"{n}.nii.gz")
        mx.Volume(label, AFFINE).save(folder / f"{n}-label.nii")
        files = {"image": folder / f"{n}.nii.gz", "label": str(folder / f"{n}-label.nii")}
        out.append({"id": f"case {n}", **files, "age": 40 + n, "scanner": "ab"[n % 2]})
    return out


def loader(cases, pipeline=CROP, **options) -> mx.Loader:
    return mx.Loader(cases, pipeline, **({"batch_size": 4, "to": "numpy", "workers": 2} | options))


def names(batches) -> list[tuple[str, int]]:
    return [(m["id"], m["patch"]) for b in batches for m in b["meta"]]


def same(a, b) -> bool:
    a, b = list(a), list(b)
    return len(a) == len(b) and all(
        names([x]) == names([y])
        and all(np.array_equal(x[k], y[k]) and x[k].dtype == y[k].dtype for k in ("image", "label"))
        for x, y in zip(a, b, strict=True)
    )


# Batches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_are_the_data_sets_samples(cases, workers):
    data = mx.Dataset(cases, CROP, to="numpy")
    batches = loader(cases, workers=workers)
    assert len(batches) == 5
    for epoch in range(2):
        data.set_epoch(epoch)
        want = {(s["meta"]["id"], s["meta"]["patch"]): s for case in data for s in case}
        got = list(batches)
        assert sorted(names(got)) == sorted(want)
        for batch in got:
            assert batch["image"].shape == (4, 1, 6, 6, 6)
            assert (batch["image"].dtype, batch["label"].dtype) == (np.float32, np.int16)
            assert batch["image"].flags.c_contiguous and batch["image"].flags.writeable
            for n, meta in enumerate(batch["meta"]):
                sample = want[meta["id"], meta["patch"]]
                for key in ("image", "label"):
                    assert np.array_equal(batch[key][n], sample[key])
                assert (batch["age"][n], batch["scanner"][n]) == (sample["age"], sample["scanner"])
                assert meta.keys() == sample["meta"].keys()
                for key, value in sample["meta"].items():
                    assert (
                        np.allclose(meta[key], value)
                        if key == "affine"
                        else np.all(meta[key] == value)
                    )


def test_the_order_depends_on_the_seed_alone(cases):
    epochs = [[names(loader(cases)) for _ in range(2)] for _ in range(2)]
    assert epochs[0] == epochs[1]
    one = loader(cases)
    assert names(one) != names(one)
    assert same(loader(cases), loader(cases, workers=0, prefetch=1, memory="1 MB"))
    assert names(loader(cases, seed=1)) != names(loader(cases, seed=2))
    listed = [(f"case {n}", p) for n in range(N) for p in range(2)]
    assert names(loader(cases, shuffle=False)) == listed
    mixed = names(loader(cases, shuffle=False, mix=5))
    assert mixed != listed and sorted(mixed) == sorted(listed)


def test_torch_tensors_are_over_the_loaders_memory(cases):
    torch = pytest.importorskip("torch")
    made = list(loader(cases, to="torch", dtypes={"label": torch.int64, "image": "bfloat16"}))
    batch = made[0]
    assert type(batch["image"]) is torch.Tensor and batch["image"].dtype == torch.bfloat16
    assert batch["label"].dtype == torch.int64 and batch["label"].is_contiguous()
    assert batch["age"].dtype == torch.int64
    want = list(loader(cases))
    for a, b in zip(made, want, strict=True):
        assert torch.equal(a["image"], torch.from_numpy(b["image"]).to(torch.bfloat16))
        assert np.array_equal(a["label"].numpy(), b["label"])
    truth = next(iter(loader(cases, to="torch", dtypes={"label": bool})))["label"]
    assert truth.dtype == torch.bool and np.array_equal(truth.numpy(), want[0]["label"] != 0)


def test_memory_goes_back_to_the_pool(cases):
    big = [{"id": str(n), "image": np.full((64, 64, 64), n, np.float32)} for n in range(4)]
    mx.release_memory()
    batches = loader(big, None, batch_size=2, prefetch=1)
    before = mx.features()["pool"]["hits"]
    for _ in range(3):
        for batch in batches:
            assert batch["image"].shape == (2, 1, 64, 64, 64)
    assert mx.features()["pool"]["hits"] - before >= 2


def test_points_arrays_and_cases_without_names(cases):
    data = [{"image": np.full((2, 4, 5, 6), n), "points": np.full((n, 3), 1.0 * n)} for n in (1, 2)]
    (batch,) = loader(data, None, batch_size=2, shuffle=False)
    assert batch["image"].shape == (2, 2, 4, 5, 6)
    assert [p.shape for p in batch["points"]] == [(1, 3), (2, 3)]
    assert batch["meta"][0]["path"] == "" and len(batch["meta"][0]["id"]) == 16
    with pytest.raises(mx.ParamError, match="id"):
        loader([cases[0], cases[0]])
    paths = [c["image"] for c in cases[:3]]
    (batch,) = loader(paths, None, batch_size=3, shuffle=False)
    assert [m["path"] for m in batch["meta"]] == [str(p) for p in paths]


def test_settings_are_checked(cases):
    for wrong in (
        {"batch_size": 0},
        {"on_error": "ignore"},
        {"rank": 2, "world_size": 2},
        {"memory": "much"},
        {"to": "list"},
        {"dtypes": {"image": "float33"}},
        {"pin_memory": True},
    ):
        with pytest.raises(mx.ParamError):
            loader(cases, **wrong)
    with pytest.raises(mx.ParamError):
        loader(cases).set_epoch("one")
    assert "10 cases: random_crop, flip; batches of 4" in repr(loader(cases))
    assert len(pickle.dumps(loader(cases))) < 1500 + sum(len(pickle.dumps(c)) for c in cases)
    assert same(pickle.loads(pickle.dumps(loader(cases))), loader(cases))


def test_ranks_share_an_epoch(cases):
    ranks = [names(loader(cases, rank=r, world_size=3)) for r in range(3)]
    assert sorted(sum(ranks, [])) == sorted(names(loader(cases)))


@pytest.mark.peers
def test_torch_distributed_is_asked(cases):
    pytest.importorskip("torch")
    done = script(
        cases,
        """
        import torch.distributed as dist
        from torch.testing._internal.distributed.fake_pg import FakeStore
        want = [[m["id"] for b in make(rank=r, world_size=3) for m in b["meta"]] for r in range(3)]
        assert sorted(sum(want, [])) == sorted(m["id"] for b in make() for m in b["meta"])
        dist.init_process_group(backend="fake", rank=1, world_size=3, store=FakeStore())
        assert [m["id"] for b in make() for m in b["meta"]] == want[1]
        """,
    )
    assert done.returncode == 0, done.stderr


def test_drop_last(cases):
    assert len(loader(cases, batch_size=8)) == 3
    short = loader(cases, batch_size=8, drop_last=True)
    assert len(short) == 2 and [len(b["meta"]) for b in short] == [8, 8]


# State --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [0, 1, 3, 5])
def test_a_state_goes_on_to_the_bit(cases, taken):
    whole = loader(cases)
    next(iter(whole))
    want = list(whole) + list(whole)
    first = loader(cases)
    first.set_epoch(1)
    it = iter(first)
    got = [next(it) for _ in range(taken)]
    state = json.loads(json.dumps(first.state_dict()))
    assert (state["epoch"], state["batch"]) == ((2, 0) if taken == 5 else (1, taken))
    again = loader(cases, workers=1, prefetch=3)
    again.load_state_dict(state)
    assert again.state_dict() == state
    if taken < 5:
        got += list(again)
    assert same(got + list(again), want)
    del it
    assert first.state_dict() == state


def test_a_state_of_something_else_is_refused(cases):
    state = loader(cases).state_dict()
    for other, name in [
        (loader(cases[:9]), "cases"),
        (loader(cases, mx.Pipeline([mx.RandomCrop(shape=5, count=2)], seed=5)), "pipeline"),
        (loader(cases, seed=3), "seed"),
        (loader(cases, batch_size=2), "batch_size"),
        (loader([*cases[:9], cases[9] | {"id": "other"}]), "data"),
    ]:
        with pytest.raises(mx.ParamError, match=name):
            other.load_state_dict(state)
    with pytest.raises(mx.ParamError, match="version"):
        loader(cases).load_state_dict({})


def test_epochs_can_be_set_and_closed(cases):
    batches = loader(cases)
    epochs = [list(batches) for _ in range(3)]
    batches.set_epoch(1)
    assert batches.epoch == 1 and same(batches, epochs[1]) and same(batches, epochs[2])
    with loader(cases) as other:
        next(iter(other))
    assert other.state_dict()["batch"] == 1
    assert same(other, epochs[0][1:])


# Errors -------------------------------------------------------------------------------------------


@pytest.fixture
def broken(cases, tmp_path) -> list[dict]:
    path = tmp_path / "broken.nii.gz"
    path.write_bytes(Path(cases[0]["image"]).read_bytes()[:2000])
    return [
        *cases[:3],
        {"id": "bad", "image": path, "label": cases[0]["label"], "age": 1, "scanner": ""},
    ]


def test_a_bad_file_raises_in_its_place(broken):
    it = iter(loader(broken, batch_size=2, shuffle=False))
    for _ in range(3):
        next(it)
    with pytest.raises(mx.MedoxideError, match="broken.nii.gz") as failed:
        next(it)
    assert failed.value.case == "bad" and failed.value.path.endswith("broken.nii.gz")
    with pytest.raises(StopIteration):
        next(it)


def test_a_bad_file_can_be_skipped_or_collected(broken):
    for rule in ("skip", "collect"):
        batches = loader(broken, batch_size=3, shuffle=False, on_error=rule)
        assert [len(b["meta"]) for b in batches] == [3, 3]
        assert batches.counters["failed"] == 2
    (first, second) = batches.errors
    assert (first.id, first.patch, second.patch, first.epoch, first.batch) == ("bad", 0, 1, 0, 2)
    assert first.paths[0].endswith("broken.nii.gz") and isinstance(first.error, mx.MedoxideError)


def test_counters_tell_what_it_cost(cases):
    batches = loader(cases)
    assert batches.counters == {}
    for n, _ in enumerate(batches):
        assert batches.counters["batches"] == n + 1
    told = batches.counters
    assert (told["patches"], told["visits"], told["failed"]) == (20, 10, 0)
    assert told["bytes_read"] > 0 and told["computing_seconds"] > 0
    assert "20 patches" in repr(told) and "MB read" in repr(told) and "s computing" in repr(told)


def test_records_and_caches_change_no_batch(cases, tmp_path):
    pipe = mx.Pipeline([mx.ZNormalize(), *CROP.transforms], seed=5)
    want = list(loader(cases, pipe))
    records = mx.records(tmp_path / "records")
    kept = loader(cases, pipe, records=records, shuffle=True)
    for _ in range(2):
        kept.set_epoch(0)
        assert same(kept, want)
    assert records.stats["known"] > 0 and records.stats["measured"] == N
    assert same(loader(cases, pipe, cache=mx.cache(tmp_path / "cache", "1 MB")), want)


# Functions ----------------------------------------------------------------------------------------


def noisy(image, rng):
    return image + rng.standard_normal(image.shape)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_functions_run_in_one_thread_of_python(cases, workers):
    threads = set()

    def look(image):
        threads.add(threading.current_thread().name)
        return noisy(image, np.random.default_rng(0))

    pipe = mx.Pipeline([mx.Function(look), mx.Function(noisy), *CROP.transforms], seed=5)
    batches = loader(cases, pipe, workers=workers)
    data = mx.Dataset(cases, pipe, to="numpy")
    data.set_epoch(0)
    want = {(s["meta"]["id"], s["meta"]["patch"]): s["image"] for case in data for s in case}
    threads.clear()
    for batch in batches:
        for meta, image in zip(batch["meta"], batch["image"], strict=True):
            assert np.array_equal(want[meta["id"], meta["patch"]], image)
    assert threads == ({"medoxide-functions"} if workers else {"MainThread"})
    if workers:
        assert batches.counters["python_seconds"] > 0
    batches.close()
    assert names(batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_function_raises_is_raised(cases, workers):
    def fail(image):
        raise KeyError("mine")

    it = iter(loader(cases, mx.Pipeline([mx.Function(fail)]), workers=workers, shuffle=False))
    for _ in range(3):
        with pytest.raises(KeyError, match="mine") as failed:
            next(it)
        if sys.version_info >= (3, 11):
            text = " ".join(failed.value.__notes__)
            assert 'fail, on item "image"' in text and "case " in text and ".nii.gz" in text
    with pytest.raises(StopIteration):
        next(it)


# It never hangs -----------------------------------------------------------------------------------

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
import medoxide as mx
folder = sys.argv[1]
cases = [{"id": str(n), "image": os.path.join(folder, f"{n}.nii.gz")} for n in range(10)] * 1
def slow(image):
    time.sleep(0.05)
    return image
def make(function=None, **options):
    steps = [mx.Function(function)] if function else []
    pipe = mx.Pipeline([*steps, mx.GaussianSmooth(sigma=2), mx.RandomCrop(shape=6, count=2)], seed=1)
    return mx.Loader(cases, pipe, **({"batch_size": 2, "to": "numpy", "workers": 2} | options))
begun = time.monotonic()
def soon():
    assert time.monotonic() - begun < 5, time.monotonic() - begun
"""


def script(cases, text: str, limit: float = 30) -> subprocess.CompletedProcess[str]:
    folder = str(Path(cases[0]["image"]).parent)
    program = PRELUDE + textwrap.dedent(text)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, folder],
        timeout=limit,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("function", ["None", "slow"])
@pytest.mark.parametrize(
    "text",
    [
        "for _ in make(F): break",
        "it = iter(make(F)); next(it); del it",
        "loader = make(F); it = iter(loader); next(it); loader.close(); assert list(it) == []",
        "it = iter(make(F)); next(it)",  # alive at exit
        "it = iter(make(F))",
        "it = iter(make(F)); next(it); os._exit(0)",
        "it = iter(make(F)); next(it); sys.exit(0)",
        """
        loader = make(F)
        try:
            for batch in loader:
                raise ValueError("mine")
        except ValueError:
            pass
        assert len(list(loader)) == 10
        """,
        """
        threading.Thread(target=lambda: [None for _ in make(F)], daemon=True).start()
        time.sleep(0.1)
        """,
        """
        loaders = [make(F) for _ in range(4)]
        its = [iter(l) for l in loaders]
        for it in its: next(it)
        assert len({m["id"] for it in its for b in it for m in b["meta"]}) == 9
        """,
    ],
)
def test_it_ends(cases, text, function):
    text = textwrap.dedent(text).replace("make(F)", f"make({function})")
    done = script(cases, text + "\nsoon()")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
@pytest.mark.parametrize("function", ["None", "slow", "lambda image: time.sleep(2) or image"])
def test_an_interrupt_arrives_within_a_second(cases, function):
    done = script(
        cases,
        f"""
        # Who starts the tests in the background of a shell has interrupts ignored, here too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cases = [c | {{"id": str(n)}} for n, c in enumerate(cases * 1000)]
        loader = make({function})
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try:
            while True:
                for _ in loader: pass
        except KeyboardInterrupt:
            took = time.monotonic() - begun
            print(took)
            assert took < 1.5
        """,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("function", ["None", "slow"])
def test_a_fork_goes_on_by_itself(cases, function):
    done = script(
        cases,
        f"""
        loader = make({function}, shuffle=False)
        it = iter(loader)
        first = next(it)
        want = [b["meta"][0]["id"] for b in iter(make({function}, shuffle=False))]
        child = os.fork()
        rest = [b["meta"][0]["id"] for b in it]
        whole = [b["meta"][0]["id"] for b in loader]
        assert rest == want[1:] and whole == want, (rest, whole)
        if child == 0:
            os._exit(7)
        assert os.waitpid(child, 0)[1] == 7 << 8
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_two_threads_share_an_iteration(cases):
    it, got = iter(loader(cases, batch_size=1)), []

    def take():
        for batch in it:
            got.append(names([batch])[0])
            time.sleep(0.001)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert sorted(got) == sorted(names(loader(cases)))


def test_other_threads_run_meanwhile(cases):
    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        big = [{"id": str(n), "image": np.ones((96, 96, 96), np.float32)} for n in range(8)]
        batches = loader(big, mx.Pipeline([mx.GaussianSmooth(sigma=3)]))
        before = ticks[0]
        list(batches)
        during = ticks[0] - before
    finally:
        stop.set()
        thread.join()
    assert during > 100


def test_a_bar_shows_on_a_terminal_only(cases, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    list(loader(cases, progress=True))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(loader(cases, progress=True))
    assert "5/5" in capsys.readouterr().err


def test_tqdm_knows_the_length(cases):
    tqdm = pytest.importorskip("tqdm")
    assert tqdm.tqdm(loader(cases), disable=True).total == 5


@pytest.mark.peers
def test_jax_arrays(cases):
    jax = pytest.importorskip("jax")
    for a, b in zip(loader(cases, to="jax"), loader(cases), strict=True):
        assert isinstance(a["image"], jax.Array) and np.array_equal(a["image"], b["image"])
        assert np.array_equal(a["label"], b["label"]) and a["label"].dtype == np.int16
    samples = mx.Dataset(cases, CROP, to="jax")[0]
    batch = mx.list_collate([samples])
    assert isinstance(batch["image"], jax.Array) and batch["image"].shape == (2, 1, 6, 6, 6)
