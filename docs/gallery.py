"""The reference as a page with pictures: what every transform does to the ICBM 152 T1 that nilearn ships, its parameters, and what others call it.

    python docs/gallery.py [--out FOLDER] [NAME...]

What can be drawn at random is shown at three strengths, the rest once. A transform of the catalog without an entry here is an error: a test asks.
"""

from __future__ import annotations

import argparse
import html
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import medoxide as mx
import numpy as np
from medoxide._transform import Group

SEED = 5
PLANE = 2.0
"""Inches of a picture's side."""

def template(what: str) -> str:
    """A file of the template, a name without one if nilearn is not there."""
    found = importlib.util.find_spec("nilearn")
    folder = Path(found.origin).parent / "datasets" / "data" if found and found.origin else Path()
    return str(next(folder.glob(f"mni_icbm152_{what}_tal*.nii.gz"), what))


# White matter's map, whose values are distributed otherwise than the scan's.
TEMPLATE = template("wm")

# Parameters at three strengths.
STRENGTHS: dict[str, list[dict[str, Any]]] = {
    "affine": [{"rotate": (0, 0, a), "scale": s, "translate": (t, 0, 0)} for a, s, t in ((5, 1.05, 3), (15, 1.2, 8), (30, 0.7, -15))],
    "anisotropy": [{"factor": f, "axes": 1} for f in (2, 4, 8)],
    "bias_field": [{"coefficients": (-c, c)} for c in (0.2, 0.5, 1.0)],
    "boundary": [{"which": w} for w in ("inner", "outer", "thick")],
    "clahe": [{"clip_limit": c} for c in (1, 2, 8)],
    "coarse_dropout": [{"holes": n, "shape": w} for n, w in ((60, 16), (200, 16), (20, 40))],
    "contrast": [{"factor": f} for f in (0.75, 1.25, 2.0)],
    "displace": [{"field": [[[[0, 0, 0], [9, 0, -6]], [[-9, 5, 4], [6, -8, 0]]], [[[5, 9, 6], [0, 0, -9]], [[-6, 0, 8], [9, 6, 0]]]], "scale": s} for s in (0.5, 1, 2)],
    "distance_transform": [{}, {"signed": True}, {"per_label": True}],
    "elastic": [{"max_displacement": m} for m in (7.5, 15, 25)],
    "elastic_noise": [{"sigma": 6, "magnitude": m} for m in (100, 250, 500)],
    "flip": [{"axes": "x"}, {"axes": "y"}, {"axes": "xy"}],
    "gamma": [{"gamma": g} for g in (0.7, 1.5, 3.0)],
    "gaussian_noise": [{"std": s} for s in (5, 15, 40)],
    "gaussian_sharpen": [{"alpha": a, "sigma1": 1.0, "sigma2": 0.5} for a in (3, 10, 30)],
    "gaussian_smooth": [{"sigma": s, "unit": "mm"} for s in (0.8, 1.5, 3.0)],
    "ghosting": [{"ghosts": n, "intensity": i, "axes": "y"} for n, i in ((4, 0.3), (4, 0.8), (10, 1.5))],
    "gibbs_ringing": [{"alpha": a} for a in (0.4, 0.6, 0.8)],
    "grid_distortion": [{"limits": (-l, l)} for l in (0.1, 0.3, 0.5)],
    "histogram_shift": [{"control_points": n} for n in (20, 10, 5)],
    "k_space_dropout": [{"fraction": f, "axes": "y"} for f in (0.1, 0.3, 0.6)],
    "labels_to_image": [{"mean": (0, 255), "std": (0, s)} for s in (5, 15, 35)],
    "median_smooth": [{"radius": r} for r in (1, 2, 4)],
    "morphology": [{"operation": o, "radius": 2} for o in ("dilate", "erode", "close")],
    "motion": [{"rotate": (-a, a), "translate": (-a, a), "movements": 2, "axes": "y"} for a in (5, 10, 20)],
    "permute_labels": [{"labels": (0, 1, 2)}],
    "poisson_noise": [{"scale": s} for s in (1.0, 0.2, 0.05)],
    "quantize": [{"levels": n} for n in (32, 8, 4)],
    "random_crop": [{"shape": n} for n in (150, 110, 70)],
    "random_crop_by_label": [{"shape": n, "foreground": 1.0} for n in (150, 110, 70)],
    "random_crop_by_weight": [{"shape": n, "map": "weight"} for n in (150, 110, 70)],
    "random_morphology": [{"radius": (1, r)} for r in (2, 4, 8)],
    "remove_random_component": [{"max_share": s} for s in (0.01, 0.15, 1.0)],
    "remove_small_components": [{"min_size": n} for n in (64, 1000, 100000)],
    "rician_noise": [{"std": s} for s in (5, 15, 40)],
    "random_orientation": [{"mirror": m} for m in (False, True, False)],
    "random_sized_crop": [{"smallest": s, "largest": s, "unit": "share"} for s in (0.8, 0.6, 0.4)],
    "rot90": [{"k": k, "axes": "xy"} for k in (1, 2, 3)],
    "salt_and_pepper": [{"fraction": f} for f in (0.005, 0.02, 0.1)],
    "scale_intensity": [{"factor": f} for f in (0.75, 1.25, 2.0)],
    "sharpen": [{"strength": a} for a in (0.5, 1.0, 3.0)],
    "shift_intensity": [{"offset": o} for o in (-60, 30, 90)],
    "smooth_field": [{"values": v} for v in ((0.9, 1.1), (0.7, 1.3), (0.3, 1.7))],
    "speckle_noise": [{"std": s} for s in (0.05, 0.15, 0.4)],
    "sigmoid": [{"centre": 100, "width": w, "out_range": (0, 255)} for w in (60, 25, 5)],
    "simulate_low_resolution": [{"scale": s} for s in (0.5, 0.25, 0.12)],
    "spikes": [{"spikes": 1, "intensity": i} for i in (0.5, 1.0, 2.0)],
    "swap": [{"shape": n, "count": 30} for n in (5, 15, 30)],
    "window": [{"level": 110, "width": w, "out_range": (0, 255)} for w in (200, 100, 40)],
    "wrap_around": [{"fraction": f, "axes": "y"} for f in (0.1, 0.25, 0.4)],
    "zoom": [{"factor": f} for f in (0.8, 1.2, 1.6)],
}

# What draws nothing, as it would be used.
ONCE: dict[str, dict[str, Any]] = {
    "argmax": {"keys": "scores"},
    "bspline_deform": {"control_points": 5, "scale": 2.5, "displacements": [[0, 0, 0] if 0 in p or 4 in p else [9 - 6 * p[1], 4 * p[0] - 8, 0] for p in ((i % 5, i // 5 % 5, i // 25) for i in range(125))]},
    "cast": {"dtype": "uint8"},
    "clamp": {"min": 80, "max": 160},
    "crop": {"start": (40, 40, 40), "shape": (100, 120, 80)},
    "crop_foreground": {"margin": 5},
    "crop_or_pad": {"shape": (230, 180, 100)},
    "fill_holes": {},
    "grey": {"keys": "scores"},
    "crop_to_label": {"values": (2,), "margin": 5},
    "divisible_pad": {"multiple": 64},
    "grid_crop": {"shape": 90},
    "histogram_equalize": {"mask": "nonzero"},
    "histogram_match": {"reference": TEMPLATE, "mask": "nonzero"},
    "histogram_standardize": {"landmarks": (0, 8, 14, 17, 20, 28, 38, 50, 62, 68, 74, 85, 100), "mask": "nonzero"},
    "invert_intensity": {},
    "keep_largest_component": {},
    "label_pyramid": {"scales": (0.5,)},
    "one_hot": {"classes": (0, (1, 2), 2)},
    "laplacian": {},
    "local_normalize": {"sigma": 6},
    "log": {},
    "merge_channels": {"keys": ("scores", "weight")},
    "pad": {"before": (20, 20, 0), "after": (20, 20, 0), "mode": "reflect"},
    "pick_channels": {"channels": (1, 2), "keys": "scores"},
    "remap_labels": {"table": {1: 2}},
    "reorient": {"orientation": "ASR"},
    "resample": {"spacing": 4, "interpolation": "area"},
    "resample_to": {"grid": {"shape": (60, 60, 40), "affine": [[3, 0.5, 0, -90], [-0.5, 3, 0, -100], [0, 0, 4, -70], [0, 0, 0, 1]]}},
    "rescale": {"percentiles": (1, 99)},
    "split_channels": {"keys": "scores"},
    "squeeze": {"keys": "scores"},
    "threshold": {"method": "otsu"},
    "z_normalize": {"mask": "nonzero"},
}

# What is drawn in place of the label, where a transform changes another item.
ITEM = {
    "argmax": "scores",
    "grey": "scores",
    "label_pyramid": "label_2",
    "merge_channels": "scores",
    "pick_channels": "scores",
    "split_channels": "scores_2",
    "squeeze": "scores",
}

# What is shown on labels with specks and holes.
SPECKLED = {"fill_holes", "keep_largest_component", "remove_random_component", "remove_small_components"}

CATEGORY = {name: category for name, _, category in mx._medoxide.transforms()}

# After these the values have another unit, and the picture a grey scale of its own.
OWN_UNIT = {"histogram_equalize", "histogram_standardize", "laplacian", "local_normalize", "log", "rescale", "threshold", "z_normalize"}


def class_of(name: str) -> type:
    """The Python class of a transform."""
    return getattr(mx, "".join(word.capitalize() for word in name.split("_")))


def catalog() -> list[str]:
    """The names of all transforms."""
    classes = [getattr(mx.transforms, name) for name in mx.transforms.__all__]
    names = (c.name for c in classes if issubclass(c, mx.Transform) and not issubclass(c, Group))
    return sorted(set(names))


def missing() -> list[str]:
    """Transforms that have no entry, or two, and entries that are no transforms."""
    shown = [*STRENGTHS, *ONCE]
    return sorted({n for n in {*shown, *catalog()} if shown.count(n) != 1 or n not in catalog()})


def head() -> dict[str, mx.Volume]:
    """The scan, its labels (1 grey, 2 white matter), and a map of where white matter is."""
    found = importlib.util.find_spec("nilearn")
    if found is None or found.origin is None:
        sys.exit("nilearn is not installed: it carries the template")
    folder = Path(found.origin).parent / "datasets" / "data"

    def load(what: str) -> mx.Volume:
        return mx.load(next(folder.glob(f"mni_icbm152_{what}_tal*.nii.gz")))

    image, grey, white = load("t1"), load("gm"), load("wm")
    labels = np.where(np.asarray(white) > np.asarray(white).max() / 2, 2, (np.asarray(grey) > np.asarray(grey).max() / 2)).astype(np.uint8)
    specks = labels.copy()
    rng = np.random.default_rng(3)
    for x, y, z in rng.integers(8, np.array(labels.shape) - 8, (3000, 3)):
        near = (slice(x - 3, x + 2), slice(y - 3, y + 2), slice(z - 2, z + 2))
        specks[near] = rng.choice((0, 1, 2), p=(0.6, 0.2, 0.2))
    return {
        "image": image.reorient("RAS"),
        "label": mx.Volume(labels, affine=image.affine, role="label").reorient("RAS"),
        "specks": mx.Volume(specks, affine=image.affine, role="label").reorient("RAS"),
        "scores": mx.Volume(labels, affine=image.affine, role="label").reorient("RAS").one_hot(3).gaussian_smooth(2),
        "weight": mx.Volume((labels == 2).astype(np.float32), affine=image.affine, role="map").reorient("RAS"),
    }


def plane(v: mx.Volume) -> np.ndarray:
    """The axial plane in the middle as radiologists look at it, channels last."""
    array = np.asarray(v)
    array = array if array.dtype.kind in "ui" else array.astype(np.float32)
    return np.swapaxes(array[::-1, :, array.shape[2] // 2], 0, 1)


def draw(axes: Any, sample: dict[str, mx.Volume], title: str, window: tuple[float, float] | None, item: str = "", filled: bool = False) -> None:
    """The plane of the image, with the label (or another item) as contours or as colours."""
    image, other = plane(sample["image"]), sample[item or "label"]
    low, high = window or (float(image.min()), float(image.max()))
    extent = (0, image.shape[1], 0, image.shape[0])
    axes.imshow(image, origin="lower", cmap="gray", vmin=low, vmax=high, interpolation="nearest", extent=extent)
    over = plane(other)
    if other.role == "label" and not filled:
        across, up = ((np.arange(n) + 0.5) * size / n for n, size in zip(over.shape[::-1], image.shape[::-1], strict=True))
        for value, colour in ((1, "tab:orange"), (2, "tab:cyan")):
            part = over >= value
            if part.any() and not part.all():
                axes.contour(across, up, part, [0.5], colors=colour, linewidths=0.6)
    elif other.role == "label" or over.ndim == 3:
        marks = [over == 1, over == 2] if over.ndim == 2 else [over[..., n] for n in range(over.shape[-1])]
        colours = ((1.0, 0.5, 0.05), (0.1, 0.75, 0.8)) if over.ndim == 2 else ((0.3, 0.3, 0.3), (1.0, 0.5, 0.05), (0.1, 0.75, 0.8))
        for mark, colour in zip(marks, colours, strict=False):
            layer = np.zeros((*mark.shape, 4), np.float32)
            layer[..., :3], layer[..., 3] = colour, 0.55 * mark
            axes.imshow(layer, origin="lower", interpolation="nearest", extent=extent)
    elif filled:
        most = float(np.abs(over).max())
        ways = {"cmap": "RdBu_r", "vmin": -most, "vmax": most} if over.min() < 0 else {"cmap": "viridis"}
        shown = axes.imshow(over, origin="lower", interpolation="nearest", extent=extent, **ways)
        axes.figure.colorbar(shown, ax=axes, shrink=0.6, pad=0.02).ax.tick_params(labelsize=6)
    axes.set_title(title, fontsize=7)
    axes.set_axis_off()


def shown(parameters: dict[str, Any]) -> str:
    """Parameters in a few words."""
    lines = (f"{k}: {json.dumps(v)}" for k, v in parameters.items())
    return "\n".join(line if len(line) < 36 else f"{line[:24]} …" for line in lines) or "defaults"


def picture(name: str, sample: dict[str, mx.Volume], out: Path) -> None:
    """The plane before, and after each of the transform's settings."""
    from matplotlib.figure import Figure

    settings = STRENGTHS.get(name) or [ONCE[name]]
    figure = Figure((PLANE * (1 + len(settings)), PLANE * 1.55), dpi=110, layout="constrained")
    panels = figure.subplots(1, 1 + len(settings))
    before = np.asarray(sample["image"])
    window = (float(before.min()), float(before.max()))
    specks, sample = sample["specks"], {key: v for key, v in sample.items() if key != "specks"}
    if name in SPECKLED:
        sample["label"] = specks
    item, filled = ITEM.get(name, ""), CATEGORY[name] in ("label", "map", "channels", "items") and name != "labels_to_image"
    draw(panels[0], sample, "before", window, item if item in sample else "", filled)
    for n, (panel, parameters) in enumerate(zip(panels[1:], settings, strict=True)):
        made = mx.Pipeline([class_of(name)(**parameters)], seed=SEED)(sample, id=name, epoch=n)
        made = made[len(made) // 2] if isinstance(made, list) else made
        draw(panel, made, shown(parameters), None if name in OWN_UNIT else window, item, filled)
    figure.savefig(out / f"{name}.png")


def reference() -> dict[str, str]:
    """What docs/transforms.md says of each transform, as HTML."""
    page = (Path(__file__).parent / "transforms.md").read_text()
    parts = (part.split("\n## ")[0].split("\n", 1) for part in page.split("\n### ")[1:])
    return {name.strip(): as_html(text) for name, text in parts}


def as_html(text: str) -> str:
    """Paragraphs and tables of the reference page."""
    out = []
    for block in text.strip().split("\n\n"):
        if not block.startswith("|"):
            out.append(f"<p>{inline(block)}</p>")
            continue
        rows = [[cell.strip() for cell in re.split(r"(?<!\\\\)\|", line)[1:-1]] for line in block.split("\n")]
        del rows[1]
        cells = [f"<tr>{''.join(f'<{kind}>{inline(cell)}</{kind}>' for cell in row)}</tr>" for kind, row in zip(["th"] + ["td"] * len(rows), rows, strict=False)]
        out.append(f"<table>{''.join(cells)}</table>")
    return "\n".join(out)


def inline(text: str) -> str:
    """Code and what is bold."""
    text = html.escape(text.replace("\\|", "|"))
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em }
img { max-width: 100%; display: block; margin: .5em 0 }
h2 { margin: 2em 0 0; border-top: 1px solid #ddd; padding-top: .5em }
table { border-collapse: collapse; font-size: 13px }
th, td { border: 1px solid #ddd; padding: .2em .5em; text-align: left; vertical-align: top }
code { background: #f4f4f4; padding: 0 .2em }
nav { columns: 4 12em; font-size: 13px }
"""


def main() -> None:
    """Draws the pictures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="transforms; all if none are given")
    parser.add_argument("--out", type=Path, default=Path("out/gallery"), help="folder to write to")
    given = parser.parse_args()
    if wrong := missing():
        sys.exit(f"docs/gallery.py has no picture, or two, or one that is no transform: {', '.join(wrong)}")
    if unknown := set(given.names) - set(catalog()):
        sys.exit(f"not transforms: {', '.join(sorted(unknown))}; there are {', '.join(catalog())}")
    given.out.mkdir(parents=True, exist_ok=True)
    sample, names, told, parts = head(), given.names or catalog(), reference(), []
    for n, name in enumerate(names):
        print(f"\r{n + 1} of {len(names)}: {name:40}", end="", file=sys.stderr, flush=True)
        picture(name, sample, given.out)
        title = html.escape(name)
        parts.append(f'<h2 id="{title}">{title}</h2>\n<img src="{title}.png" alt="{title}, before and after">\n{told[name]}')
    page = f"<!doctype html><meta charset=utf-8><title>medoxide: transforms in pictures</title>\n<style>{STYLE}</style>\n"
    page += "<h1>What each transform does</h1>\n<p>The ICBM 152 T1 template, an axial plane in radiological view, with grey (orange) and white matter (blue); maps of channels and distances in colours of their own.</p>\n"
    links = "<br>".join(f'<a href="#{n}">{n}</a>' for n in names)
    page += f"<nav>{links}</nav>\n"
    (given.out / "index.html").write_text(page + "\n".join(parts) + "\n")
    print(f"\r{given.out / 'index.html'}: {len(names)} transforms{' ' * 30}", file=sys.stderr)


if __name__ == "__main__":
    main()
