"""One declaration, many faces: classes, methods, files and calls say the same."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp

CATALOG = mx._medoxide.transforms()

REFERENCE = Path(__file__).parents[3] / "tests" / "data" / "nifti" / "i2_le_1.nii"

#: Parameters for transforms that need some.
GIVEN = {
    "bspline_deform": {
        "control_points": 4,
        "displacements": [(n % 3 - 1.0, 0.25 * (n % 5), -0.5) for n in range(64)],
    },
    "cast": {"dtype": "float32"},
    "crop": {"start": (1, 1, 1), "shape": (2, 3, 4)},
    "crop_or_pad": {"shape": (4, 9, 6)},
    "displace": {"field": [[[[1.0, 0.5, -2.0], [0.0, 1.5, 0.25]]]]},
    "flip": {"axes": "x"},
    "grid_crop": {"shape": 7},
    "histogram_match": {"reference": str(REFERENCE)},
    "histogram_standardize": {"landmarks": [0, 7, 12, 18, 22, 33, 41, 60, 66, 70, 80, 91, 100]},
    "label_pyramid": {"scales": [0.5]},
    "pick_channels": {"channels": 0},
    "one_hot": {"classes": [0, [1, 2], 200]},
    "permute_labels": {"labels": [1, 2, 3]},
    "random_crop": {"shape": 3},
    "random_crop_by_label": {"shape": 3, "classes": {1: 2.0, 0: 0.5}},
    "random_crop_by_weight": {"shape": (2, 3, 4)},
    "remap_labels": {"table": {1: 2}},
    "reorient": {"orientation": "LPS"},
    "random_sized_crop": {"smallest": (2, 3, 4)},
    "resample": {"spacing": 1.7},
    "resample_to": {"grid": {"shape": [4, 5, 3], "affine": [[1.5, 0.2, 0, 1], [-0.2, 1.5, 0, 0], [0, 0, 2, 1], [0, 0, 0, 1]]}},
    "swap": {"shape": 2},
    "window": {"preset": "lung"},
}

#: Roles of the volume that a transform looks at, where it is no image.
ROLES = {"crop_to_label": "label", "random_crop_by_label": "label", "random_crop_by_weight": "map"}

#: Transforms of colours.
COLOURS = {"grey"}


def method(name: str) -> str:
    return "affine_transform" if name == "affine" else name


def test_every_transform_is_a_class_and_a_method():
    groups = {c for c in mx.transforms.__all__ if issubclass(getattr(mx, c), mx.Group)}
    assert groups == {"OneOf", "SomeOf", "Maybe", "Repeat"}
    assert {c for _, c, _ in CATALOG} == set(mx.transforms.__all__) - groups
    for name, cls, _ in CATALOG:
        assert getattr(mx, cls).name == name
        assert callable(getattr(mx.Volume, method(name)))


@pytest.mark.parametrize(("name", "cls", "category"), CATALOG, ids=[c[0] for c in CATALOG])
def test_class_method_file_and_call_agree(name, cls, category):
    kind = getattr(mx, cls)
    names = ["p", "keys", "id", "per_channel", "key", "patch"]
    if category not in ("intensity", "artefact"):
        names.remove("per_channel")
    everything = list(inspect.signature(kind).parameters.values())
    own, header = everything[: -len(names)], everything[-len(names) :]
    assert [h.name for h in header] == names
    assert all(h.kind is h.KEYWORD_ONLY for h in header)
    # What may be given by its place is the same for the class and the method.
    of_method = list(inspect.signature(getattr(mx.Volume, method(name))).parameters.values())[1:]
    assert [(x.name, x.kind) for x in own] == [(x.name, x.kind) for x in of_method[: len(own)]]
    assert (
        "Parameters\n" in kind.__doc__
        and "Parameters\n" in getattr(mx.Volume, method(name)).__doc__
    )
    t = kind(**GIVEN.get(name, {}))
    assert list(t.to_dict()) == [name]
    pipe = mx.Pipeline([t], seed=1)
    again = mx.Pipeline.from_yaml(pipe.to_yaml())
    assert again == pipe and again.transforms == [t]
    assert eval(repr(t), {cls: kind}) == t
    role = category if category in ("label", "map") else ROLES.get(name, "image")
    voxels = ramp(5, 6, 7, dtype="uint8")
    if name in COLOURS:
        v = mx.Volume(np.stack([voxels, voxels[::-1], voxels[:, ::-1]], -1), AFFINE, channel_axis=-1)
    else:
        v = mx.Volume(voxels, AFFINE, role=role)
    by_method = getattr(v, method(name))(
        **GIVEN.get(name, {}), **({"seed": 1} if pipe.is_random else {})
    )
    by_call = pipe(v, id="")
    assert np.array_equal(np.asarray(by_method), np.asarray(by_call))
    assert np.array_equal(by_method.affine, by_call.affine)


def test_leading_parameters_are_positional_in_methods():
    v = mx.Volume(ramp(5, 6, 7), AFFINE)
    assert np.asarray(v.clamp(-1, 1)).max() == 1
    assert v.resample((1, 1, 1)).spacing == pytest.approx((1, 1, 1))
    assert v.reorient("LPS").orientation == "LPS"
    assert v.crop((0, 0, 0), (2, 2, 2)).shape == (2, 2, 2)
    with pytest.raises(TypeError):
        v.resample(1, "nearest")


def test_numpy_values_are_parameters():
    v = mx.Volume(ramp(5, 6, 7), AFFINE)
    assert v.crop(np.array([1, 1, 1]), np.array([2, 3, 4])).shape == (2, 3, 4)
    assert v.resample(np.float32(2)).spacing == pytest.approx((2, 2, 2))
    assert v.cast(np.float64).dtype == np.float64
    assert v.cast(np.dtype("int8")).dtype == np.int8
    assert mx.Clamp(min=np.int16(3)).min == 3
    for bad in (float("nan"), object(), 2**70):
        with pytest.raises(mx.ParamError, match="clamp"):
            v.clamp(bad)


def test_transforms_do_not_change():
    t = mx.Clamp(min=0, max=1)
    for change in (
        lambda: setattr(t, "min", 3),
        lambda: delattr(t, "min"),
        lambda: setattr(t, "new", 3),
    ):
        with pytest.raises(AttributeError):
            change()
    assert (
        t == mx.Clamp(min=0.0, max=1.0)
        and t != mx.Clamp(min=0, max=2)
        and len({t, mx.Clamp(min=0, max=1)}) == 1
    )
    with pytest.raises(AttributeError, match="no parameter"):
        _ = t.mean


def test_the_same_kind_comes_back(nii, array):
    t = mx.Clamp(max=50)
    assert isinstance(t(str(nii)), mx.Volume) and isinstance(t(nii), mx.Volume)
    assert isinstance(t(mx.load(nii)), mx.Volume)
    out = t(array)
    assert type(out) is np.ndarray and out.flags.writeable and out.flags.owndata is False
    assert np.array_equal(out, array.clip(max=50)) and array.max() > 50
    with pytest.raises(mx.ParamError, match="int"):
        t(5)
    with pytest.raises(mx.ParamError, match="Volume, a path"):
        t([1, 2])


def test_dicts_keep_their_keys_and_order(nii):
    label = ramp(5, 6, 7) % 3
    # A file and an array without geometry do not lie on one grid.
    with pytest.raises(mx.ShapeError, match="label"):
        mx.Clamp(max=9)({"image": nii, "label": label}) and mx.Flip(axes=0)(
            {"image": nii, "label": label}
        )
    x = {
        "age": 31,
        "image": nii,
        "label": mx.Volume(label, mx.load(nii).affine),
        "name": "a b",
        "weight": mx.Volume(ramp(5, 6, 7), mx.load(nii).affine),
    }
    pipe = mx.Pipeline([mx.Flip(axes="x"), mx.ZNormalize()])
    out = pipe(x, roles={"name": None})
    assert list(out) == list(x) and out["age"] == 31 and out["name"] == "a b"
    assert [out[k].role for k in ("image", "label", "weight")] == ["image", "label", "map"]
    assert np.array_equal(np.asarray(out["label"]), label[::-1])
    assert np.array_equal(np.asarray(out["weight"]), ramp(5, 6, 7)[::-1])
    assert abs(np.asarray(out["image"], np.float64).mean()) < 1e-6
    assert pipe(x)["name"] == "a b"
    with pytest.raises(mx.ParamError, match="name"):
        pipe(x | {"name": "a b.nii.gz"})
    with pytest.raises(mx.ParamError, match="nothing"):
        pipe(x, roles={"nothing": "image"})
    with pytest.raises(mx.ParamError, match="roles"):
        pipe(nii, roles={"image": "image"})


def test_roles_are_given_or_told_by_name_or_known_by_the_volume():
    a = ramp(4, 5, 6, dtype="float32") % 2
    halves = mx.Resample(spacing=0.5)
    out = halves({"image": a, "thing": mx.Volume(a, role="label")})
    assert out["thing"].role == "label" and set(np.unique(np.asarray(out["thing"]))) == {0, 1}
    out = halves({"image": a, "seg": a})
    assert out["seg"].dtype == np.uint8
    out = halves({"image": a, "thing": a}, roles={"thing": "label"})
    assert set(np.unique(out["thing"])) == {0, 1}
    out = halves({"image": a, "seg": mx.Volume(a, role="map")})
    assert out["seg"].role == "map" and len(np.unique(np.asarray(out["seg"]))) > 2
    with pytest.raises(mx.ParamError, match="thing"):
        halves({"image": a, "thing": a})
    with pytest.raises(mx.DataError):
        halves({"image": a, "label": a + 0.5})


def test_patches_are_a_list_of_the_same_kind():
    a, label = ramp(10, 11, 12, dtype="float32"), ramp(10, 11, 12) % 5
    pipe = mx.Pipeline([mx.RandomCrop(shape=(4, 5, 6), count=4), mx.Flip(axes="x")], seed=2)
    out = pipe({"image": a, "label": label})
    assert len(out) == 4 and {p["image"].shape for p in out} == {(4, 5, 6)}
    for p in out:
        # Image and label were cut at the same place.
        assert np.array_equal(p["image"].astype(int) % 5, p["label"])
    assert len({p["image"][0, 0, 0] for p in out}) > 1
    arrays = pipe(a)
    assert len(arrays) == 4 and all(type(p) is np.ndarray for p in arrays)
    one = mx.Pipeline([mx.RandomCrop(shape=4)], seed=2)({"image": a})
    assert isinstance(one, dict)
    with pytest.raises(mx.ShapeError, match="Pipeline"):
        mx.Volume(a).random_crop(4, count=2)


def test_points_move_with_the_world(array):
    image = mx.Volume(array, AFFINE)
    points = np.array([[1.0, 2.0, 3.0], [-4.0, 5.0, 6.5]])
    both = {"image": image, "points": points}
    assert np.allclose(mx.Resample(spacing=0.5)(both)["points"], points)
    out = mx.Affine(translate=(3.0, 0.0, 0.0))(both)["points"]
    step = AFFINE[:3, 0] / np.linalg.norm(AFFINE[:3, 0]) * 3
    assert np.allclose(out, points + step)
    assert mx.Flip(axes="x")({"image": image, "points": np.zeros((0, 3))})["points"].shape == (0, 3)


def test_pipeline_from_files_and_text(tmp_path):
    noise = "{std: {uniform: [0, 1]}, p: 0.5}"
    text = f"medoxide: 1\nseed: 5\ntransforms:\n  - reorient: RAS\n  - gaussian_noise: {noise}\n"
    path = tmp_path / "pipe.yaml"
    path.write_text(text)
    pipe = mx.Pipeline.from_file(path)
    assert pipe == mx.Pipeline.from_yaml(text) == mx.Pipeline.from_dict(pipe.to_dict())
    assert pipe.seed == 5 and len(pipe) == 2 and pipe.fuse and pipe.is_random
    assert pipe.transforms[1] == mx.GaussianNoise(std={"uniform": (0, 1)}, p=0.5)
    assert pipe.to_dict()["transforms"][0] == {"reorient": {"orientation": "RAS"}}
    with pytest.raises(mx.MedoxideError, match="nowhere"):
        mx.Pipeline.from_file(tmp_path / "nowhere.yaml")
    with pytest.raises(mx.ParamError, match="mx.ZNormalize"):
        mx.Pipeline(["z_normalize"])
    with pytest.raises(mx.ParamError, match="on_mismatch"):
        mx.Pipeline([], on_mismatch="ignore")


def test_unfused_is_fused(nii):
    steps = [
        mx.Reorient(orientation="LPS"),
        mx.Pad(amount=2),
        mx.Resample(spacing=1.2),
        mx.Clamp(min=3),
        mx.Flip(axes=[0, 2]),
    ]
    fused, plain = mx.Pipeline(steps), mx.Pipeline(steps, fuse=False)
    assert np.array_equal(np.asarray(fused(nii)), np.asarray(plain(nii)))
    assert "step by step" in plain.explain(nii)


def test_explain_reads_nothing(nii):
    pipe = mx.Pipeline(
        [mx.Reorient(orientation="RAS"), mx.CropForeground(above=5), mx.ZNormalize()]
    )
    v = mx.load(nii)
    before = v.bytes_read
    text = pipe.explain(v)
    assert v.bytes_read == before and "crop_foreground" in text and "z_normalize" in text
    assert "label" in pipe.explain({"image": v, "label": v})


def test_mismatch_is_refused_resampled_or_trusted():
    image = mx.Volume(ramp(6, 6, 6, dtype="float32"))
    label = mx.Volume(np.ones((6, 6, 6), np.uint8), np.diag([1.0, 1.0, 1.5, 1.0]), role="label")
    x = {"image": image, "label": label}
    flip = [mx.Flip(axes="x")]
    with pytest.raises(mx.ShapeError, match="1.5"):
        mx.Pipeline(flip)(x)
    assert mx.Pipeline(flip, on_mismatch="resample")(x)["label"].spacing == (1, 1, 1)
    assert mx.Pipeline(flip, on_mismatch="trust_shape")(x)["label"].spacing == (1, 1, 1)


def test_the_example_in_the_package_runs():
    assert doctest.testmod(mx).attempted >= 3 and doctest.testmod(mx).failed == 0


def test_import_is_light():
    code = (
        "import sys, numpy, time; t = time.perf_counter(); import medoxide; t = time.perf_counter() - t\n"
        "heavy = {'torch', 'monai', 'nibabel', 'SimpleITK', 'dataclasses', 'asyncio'} & set(sys.modules)\n"
        "print(t, sorted(heavy - {'dataclasses'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.split(maxsplit=1)
    assert heavy.strip() == "[]" and float(seconds) < 0.25


@pytest.mark.parametrize(("name", "cls", "category"), CATALOG, ids=[c[0] for c in CATALOG])
def test_every_transform_writes_into_given_arrays(name, cls, category):
    image = mx.Volume(ramp(6, 7, 8, dtype="float32"), AFFINE)
    label = mx.Volume(ramp(6, 7, 8, dtype="uint8") % 3, AFFINE, role="label")
    sample = {"image": image, "label": label, "weight": mx.Volume(image.numpy(), AFFINE, role="map")}
    if name in COLOURS:
        sample["image"] = mx.stack([image, image.clamp(max=3), image.clamp(min=1)])
    pipe = mx.Pipeline([getattr(mx, cls)(**GIVEN.get(name, {}))], seed=1)
    want = pipe.batch([sample], ids=["a"])
    out = {key: np.full_like(a, 77) for key, a in want.items() if isinstance(a, np.ndarray)}
    assert "label" in out and any(key.startswith("image") for key in out)
    made = pipe.batch([sample], ids=["a"], out=out)
    for key, array in out.items():
        assert np.shares_memory(made[key], array)
        np.testing.assert_array_equal(array, want[key])
