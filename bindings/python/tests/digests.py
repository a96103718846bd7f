"""Prints a digest of each transform's result, for comparison between threads and instruction sets."""

import json
import sys
import warnings
from hashlib import sha256

import numpy as np
from chains import OPS
from given import AFFINES, blobs, labels, random_array, volume

import medoxide as mx

warnings.simplefilter("ignore")
# Large enough for several threads and tiles: above 2 MiB, odd in every axis.
SHAPE = (131, 97, 83)
RANDOM = {
    "noise": mx.GaussianNoise(std={"uniform": [0.5, 2]}),
    "noise_maybe": mx.GaussianNoise(std=1.0, p=0.5),
    "random_crop": mx.RandomCrop(shape=(64, 50, 40)),
    "random_affine": mx.Affine(rotate=[-20, 20], scale=[0.8, 1.2], mode="reflect"),
    "random_smooth": mx.GaussianSmooth(sigma=[0.5, 1.5]),
    "random_low": mx.SimulateLowResolution(scale=[0.3, 0.9]),
    "random_turns": mx.Rot90(k={"choice": [0, 1, 2, 3]}),
}


def digest(v) -> str:
    array = np.asarray(v)
    h = sha256(array.tobytes(order="F"))
    h.update(np.asarray(v.affine).tobytes())
    return h.hexdigest()[:16]


def main() -> None:
    affine = AFFINES["oblique_permuted"]
    start = volume(blobs(SHAPE), affine)
    short = volume(random_array(SHAPE, "int16"), affine)
    out = {}
    for name, op in OPS.items():
        out[name] = digest(op.run(start))
        out[f"{name} of int16"] = digest(op.run(short))
    for name, transform in RANDOM.items():
        for seed in (0, 1):
            out[f"{name} {seed}"] = digest(mx.Pipeline([transform], seed=seed)(start))
    chain = [OPS[n].transform for n in ("reorient", "resample", "affine", "smooth", "z_normalize")]
    out["chain"] = digest(mx.Pipeline([*chain, RANDOM["noise"]], seed=5)(short))
    seg = labels(SHAPE)
    for rule in ({"foreground": 0.7}, {"classes": {1: 1, 2: 5}, "image": "image"}, {"forced": 0.5}):
        pipe = mx.Pipeline([mx.RandomCropByLabel(40, count=3, **rule)], seed=2)
        for n, patch in enumerate(pipe({"image": start, "label": volume(seg, affine, "label")})):
            out[f"by label {rule} {n}"] = digest(patch["image"])
    weights = volume(np.abs(blobs(SHAPE)), affine, "map")
    by_weight = mx.Pipeline([mx.RandomCropByWeight(40, count=3)], seed=2)
    for n, patch in enumerate(by_weight({"image": start, "map": weights})):
        out[f"by weight {n}"] = digest(patch["image"])
    out["components"] = digest(volume(labels(SHAPE), affine, "label").keep_largest_component())
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
