"""Datalists: as MONAI reads them, and what it does not read."""

from __future__ import annotations

import doctest
import json
import pickle

import numpy as np
import pytest

import medoxide as mx
import medoxide.datalists
from conftest import AFFINE, ramp


@pytest.fixture
def decathlon(tmp_path):
    """A dataset as the Medical Segmentation Decathlon has it."""
    for folder in ["imagesTr", "labelsTr", "imagesTs"]:
        (tmp_path / folder).mkdir()
    training = []
    for n in range(6):
        for folder in ["imagesTr", "labelsTr"]:
            mx.Volume(ramp(5, 6, 7), AFFINE).save(tmp_path / folder / f"la_{n:03}.nii.gz")
        name = f"la_{n:03}.nii.gz"
        training.append(
            {"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}", "fold": n % 3}
        )
    (tmp_path / "imagesTs" / "la_100.nii.gz").touch()
    whole = {
        "name": "LeftAtrium",
        "tensorImageSize": "3D",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "left atrium"},
        "numTraining": 6,
        "training": training,
        "test": ["./imagesTs/la_100.nii.gz"],
    }
    (tmp_path / "dataset.json").write_text(json.dumps(whole))
    return tmp_path


def bare(cases):
    return [{key: value for key, value in case.items() if key != "id"} for case in cases]


@pytest.mark.parametrize("section", ["training", "test"])
def test_as_monai_reads_it(decathlon, section):
    monai = pytest.importorskip("monai.data")
    path = decathlon / "dataset.json"
    theirs = monai.load_decathlon_datalist(path, data_list_key=section)
    assert bare(mx.datalist(path, section=section)) == theirs
    assert bare(mx.datalist(decathlon, section=section)) == theirs
    other = decathlon.parent / "list.json"
    other.write_text(path.read_text())
    theirs = monai.load_decathlon_datalist(other, data_list_key=section, base_dir=decathlon)
    assert bare(mx.datalist(other, section=section, root=decathlon)) == theirs


def test_monais_dataset_and_our_pipeline_take_it(decathlon):
    cases = mx.datalist(decathlon)
    pipe = mx.Pipeline([mx.RandomCrop(shape=4)], seed=1)
    case = cases[1]
    out = pipe(case)
    assert out["image"].shape == (4, 4, 4) and out["label"].role == "label"
    assert out["id"] == case["id"] and out["fold"] == 1
    alone = pipe({k: case[k] for k in ("image", "label")}, id=case["id"])
    assert np.array_equal(out["image"], alone["image"])
    named = pipe.explain(case | {"site": "Bern"})
    assert named == pipe.explain(case, id=case["id"]) != pipe.explain(case, id="other")
    # The loader's patches are the same ones.
    batch = next(iter(mx.Loader(cases[1:2], pipe, batch_size=1, shuffle=False, to="numpy")))
    assert np.array_equal(batch["image"][0, 0], np.asarray(out["image"]))
    monai = pytest.importorskip("monai.data")
    transforms = pytest.importorskip("monai.transforms")
    loaded = monai.Dataset(cases, transforms.LoadImaged(keys=["image", "label"]))
    assert len(loaded) == 6 and loaded[2]["image"].shape == (5, 6, 7)


def test_a_sequence(decathlon):
    cases = mx.datalist(decathlon)
    assert cases.ids[:2] == ["imagesTr/la_000.nii.gz", "imagesTr/la_001.nii.gz"]
    assert cases.counts == {"image": 6, "label": 6, "fold": 6}
    assert (
        cases[-1]["id"] == cases.ids[-1] and len(cases[1:3]) == 2 and list(cases) == list(cases[:])
    )
    assert cases[:3] + cases[3:] == cases and pickle.loads(pickle.dumps(cases)) == cases
    with pytest.raises(mx.ParamError, match="there twice"):
        cases + cases[:1]
    cases[0]["image"] = "other"
    assert cases[0]["image"] != "other", "a case that is changed is nobody else's"
    assert repr(cases).startswith("Datalist(6 cases, image 6, label 6, fold 6")
    assert "<td>imagesTr/la_000.nii.gz</td>" in cases._repr_html_()
    folds = cases.split("fold")
    assert {fold: len(part) for fold, part in folds.items()} == {0: 2, 1: 2, 2: 2}
    train, test = cases.split([0.5, 0.5], seed=3)
    assert len(train) == len(test) == 3 and not set(train.ids) & set(test.ids)
    again = cases.subset(range(5, -1, -1)).split([0.5, 0.5], seed=3)
    assert set(again[0].ids) == set(train.ids)
    with pytest.raises(mx.ParamError, match="la_000.* has no 'site'"):
        cases.split("site")
    with pytest.raises(mx.ParamError, match="fractions"):
        cases.split([0.9, 0.2])
    with pytest.raises(mx.ParamError, match="named 'x'"):
        cases.subset(["x"])


def test_what_is_missing(decathlon):
    (decathlon / "labelsTr" / "la_002.nii.gz").unlink()
    with pytest.raises(mx.MissingFileError, match="1 of 6 cases") as e:
        mx.datalist(decathlon)
    assert e.value.path == str(decathlon / "labelsTr" / "la_002.nii.gz")
    assert (e.value.case, e.value.key) == ("imagesTr/la_002.nii.gz", "label")
    assert len(mx.datalist(decathlon, missing="skip")) == 5
    assert len(mx.datalist(decathlon, missing="keep")) == 6
    with pytest.raises(mx.ParamError, match="missing"):
        mx.datalist(decathlon, missing="ignore")
    with pytest.raises(mx.ParamError, match="no list 'validation'|no list \"validation\""):
        mx.datalist(decathlon, section="validation")


def test_patterns_tables_and_bids(decathlon):
    pattern = {"image": "imagesTr/la_{id}.nii.gz", "label": "labelsTr/la_{id}.nii.gz"}
    cases = mx.datalist(decathlon, pattern=pattern)
    assert cases.ids == [f"{n:03}" for n in range(6)]
    two = mx.datalist(decathlon, pattern={"image": [pattern["image"], pattern["label"]]})
    assert isinstance(two[0]["image"], list) and len(two[0]["image"]) == 2
    table = decathlon / "list.csv"
    table.write_text("id,image,age\n7,imagesTr/la_000.nii.gz,61\n8,imagesTr/la_001.nii.gz,\n")
    assert mx.datalist(table)[0] == {
        "id": "7",
        "image": str(decathlon / "imagesTr" / "la_000.nii.gz"),
        "age": 61,
    }
    assert "age" not in mx.datalist(table)[1]
    anat = decathlon / "sub-1" / "anat"
    anat.mkdir(parents=True)
    (anat / "sub-1_T1w.nii.gz").touch()
    (decathlon / "participants.tsv").write_text("participant_id\tage\nsub-1\t44\n")
    cases = mx.datalist(decathlon, bids={"image": "T1w"})
    assert cases.ids == ["sub-1"] and cases[0]["age"] == 44
    with pytest.raises(mx.ParamError, match="both given"):
        mx.datalist(decathlon, bids={}, pattern={})


def test_lists_of_dicts_keep_what_they_hold(nii):
    volume, points = mx.Volume(ramp(3, 4, 5)), np.zeros((2, 3))
    given = [
        {"image": volume, "points": points, "id": 1, "site": "Bern"},
        {
            "label": nii,
            "image": [nii, nii],
            "weights": np.float32(0.5),
            "pred": nii,
            "age": float("nan"),
        },
    ]
    cases = mx.datalist(given, roles={"pred": "map"}, root=nii.parent)
    assert cases[0]["image"] is volume and cases[0]["points"] is points
    assert list(cases[1]) == ["id", "label", "image", "weights", "pred", "age"]
    assert cases.ids == ["1", "ramp.nii"] and cases.roles == {"pred": "map"}
    assert cases[1]["image"] == [str(nii), str(nii)] and cases[1]["weights"] == 0.5
    with pytest.raises(mx.ParamError, match="entry 2.*pred.*not known"):
        mx.datalist(given, root=nii.parent)
    with pytest.raises(mx.ParamError, match="entry 1: found neither a name nor a file"):
        mx.datalist([{"image": volume}])


def test_the_examples_run():
    done = doctest.testmod(medoxide.datalists)
    assert done.failed == 0 and done.attempted >= 10
