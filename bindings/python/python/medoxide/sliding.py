"""Prediction of a volume window by window."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from . import _arrays
from ._medoxide import SlidingCore
from .errors import ShapeError
from .volume import Volume

if TYPE_CHECKING:
    import torch

    Rule = Literal["monai", "nnunet", "torchio"]
    Importance = Literal["constant", "gaussian", "hann"]
    Reduce = Literal["argmax", "threshold", "mean"]
    Predictor = Callable[[torch.Tensor], torch.Tensor]


def _three(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence | np.ndarray) else [value] * 3


class SlidingWindow:
    """Cuts a volume into overlapping windows and puts the predictions of a network together again.

    Overlapping predictions are averaged with weights, in float32 and always in the same order. What
    is summed is kept for one slab of windows only and reduced as soon as its last window is in: with
    many classes that is a small part of the memory that the whole volume would take. With `onto` the
    averages are brought onto another grid, such as that of the file before resampling, by one
    linear interpolation, before they are reduced; voxels outside the predicted volume become 0.

    A volume smaller than the window is padded on both sides. To predict:

    >>> import numpy as np
    >>> import medoxide as mx
    >>> volume = mx.Volume(np.random.default_rng(0).random((40, 30, 20), np.float32))
    >>> sliding = mx.SlidingWindow(volume, 16, overlap=0.5, importance="gaussian")
    >>> for batch in sliding.batches(4, tensors=False):  # (4, 1, 16, 16, 16)
    ...     sliding.add(np.concatenate([1 - batch, batch], axis=1))  # two classes
    >>> labels = sliding.result()
    >>> labels.shape, labels.dtype, labels.role
    ((40, 30, 20), dtype('uint8'), 'label')

    Parameters
    ----------
    volume : Volume
        What the network sees, after all preprocessing. It is computed once.
    window : int or sequence of 3 ints
        Shape of a window (x, y, z) in voxels.
    overlap : float or sequence of 3 floats, default 0.25
        How much neighbouring windows overlap, as a part of the window, from 0 to below 1. nnU-Net's
        `tile_step_size` is 1 - overlap.
    rule : "monai", "nnunet" or "torchio", default "monai"
        Where windows lie. MONAI (`dense_patch_slices`): steps of whole voxels, rounded down, the
        last window shifted back. nnU-Net (`compute_steps_for_sliding_window`): windows spread evenly.
        TorchIO (`GridSampler`): as MONAI with an even overlap.
    importance : "constant", "gaussian" or "hann", default "constant"
        Weights of a window's voxels. "gaussian" is nnU-Net's (`compute_gaussian`) under its rule and
        MONAI's (`compute_importance_map`) else, both with a deviation of an eighth of the window;
        "hann" is TorchIO's (`GridAggregator`).
    reduce : "argmax", "threshold" or "mean", default "argmax"
        What becomes of the classes: the number of the largest, uint8 (uint16 above 256 classes), the
        first of equal ones; for each class, as a channel, whether it is above `threshold`, uint8;
        or the averages themselves, float32 channels, which take classes x volume of memory.
    threshold : float, default 0.5
        For "threshold".
    onto : Volume, default `volume`
        The grid of the result.
    pad_value : float, default 0
        What a volume smaller than the window is padded with.
    scratch : path, optional
        A folder on a disk for the result, which then leaves memory as soon as its slab is done: for
        "mean" and "threshold" of many classes. It lies there in a file without a name, which goes with
        the volume; save the volume to keep it.
    """

    def __init__(
        self,
        volume: Volume,
        window: int | Sequence[int],
        *,
        overlap: float | Sequence[float] = 0.25,
        rule: Rule = "monai",
        importance: Importance = "constant",
        reduce: Reduce = "argmax",
        threshold: float = 0.5,
        onto: Volume | None = None,
        pad_value: float = 0.0,
        scratch: str | os.PathLike[str] | None = None,
    ) -> None:
        window, overlap = _three(window), _three(overlap)
        folder = None if scratch is None else os.fspath(scratch)
        self._core = SlidingCore(
            volume, window, overlap, rule, importance, reduce, threshold, onto, folder
        )
        before, after = zip(*self._core.padding(), strict=True)
        padded = any(before) or any(after)
        self._volume = volume.pad(before=before, after=after, value=pad_value) if padded else volume

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._core)

    def __repr__(self) -> str:
        return f"SlidingWindow({len(self)} windows over {self._volume!r})"

    def windows(self) -> list[tuple[slice, slice, slice]]:
        """Where the windows lie in the padded volume, in the order of prediction: z fastest."""
        out = []
        for index in range(len(self)):
            (a, b, c), (d, e, f) = self._core.window(index)
            out.append((slice(a, d), slice(b, e), slice(c, f)))
        return out

    def prepare(self) -> None:
        """Computes the volume, which `batches` does otherwise."""
        # A part of it keeps the whole: what a volume keeps of itself goes when newer results need the room.
        self._volume = self._volume.compute()[:]

    def batches(self, size: int = 1, *, tensors: bool = True) -> Iterator[Any]:
        """The windows in order, up to `size` of them at once: float32 tensors (B, C, X, Y, Z).

        `tensors=False` gives NumPy arrays instead.
        """
        self.prepare()
        places = self.windows()
        for first in range(0, len(places), size):
            some = [
                self._volume[place]._channel_first("float32", True)[0]
                for place in places[first : first + size]
            ]
            batch = np.stack(some)
            yield _arrays.to_tensor(batch) if tensors else batch

    def add(self, predictions: torch.Tensor | np.ndarray[Any, Any]) -> None:
        """Adds the predictions of the next windows: (B, classes, X, Y, Z) of any real dtype."""
        array = _arrays.as_array(predictions)
        if array.ndim != 5:
            raise ShapeError(
                f"sliding windows: found predictions of shape {array.shape}; expected (B, classes, X, Y, Z)",
                what="sliding windows",
                found=str(array.shape),
                expected="(B, classes, X, Y, Z)",
            )
        for one in array:
            self._core.add(Volume(one, channel_axis=0))

    def result(self) -> Volume:
        """The prediction of the whole volume, once all windows are in. It can be taken once."""
        return self._core.finish()


@overload
def sliding_window_inference(
    volume: Volume, window: int | Sequence[int], predictor: Predictor, **options: Any
) -> Volume: ...


@overload
def sliding_window_inference(
    volume: Iterable[Volume | tuple[Volume, Volume]],
    window: int | Sequence[int],
    predictor: Predictor,
    **options: Any,
) -> Iterator[Volume]: ...


def sliding_window_inference(
    volume: Volume | Iterable[Volume | tuple[Volume, Volume]],
    window: int | Sequence[int],
    predictor: Predictor,
    *,
    batch_size: int = 1,
    device: torch.device | str | None = None,
    **options: Any,
) -> Volume | Iterator[Volume]:
    """Predicts volumes window by window: `predictor` maps (B, C, X, Y, Z) to (B, classes, X, Y, Z).

    Of several volumes the next one is read and preprocessed while one is predicted:

    >>> import numpy as np
    >>> import medoxide as mx
    >>> scans = [mx.Volume(np.full((20, 20, 20), n, np.float32)) for n in range(3)]
    >>> ready = (scan.resample(2) for scan in scans)  # lazy: nothing is computed here
    >>> def network(x):  # two classes
    ...     return x.new_tensor([0.0, 1.0]).reshape(1, 2, 1, 1, 1) * x
    >>> for labels in mx.sliding_window_inference(ready, 8, network):  # doctest: +SKIP
    ...     labels.save("prediction.nii.gz")

    Parameters
    ----------
    volume : Volume, or iterable of volumes
        One volume gives its prediction. An iterable of volumes, or of pairs (volume, onto), gives
        an iterator over their predictions, in order; at most two volumes are in memory.
    window, **options
        As for `SlidingWindow`: `overlap`, `rule`, `importance`, `reduce`, `threshold`, `onto`, `pad_value`,
        `scratch`.
    predictor : callable
        The network; called without gradients, in the thread of the caller.
    batch_size : int, default 1
        Windows that are predicted at once.
    device : torch device, default the CPU
        Where the batches are put.
    """

    def predicted(sliding: SlidingWindow) -> Volume:
        import torch

        with torch.inference_mode():
            for batch in sliding.batches(batch_size):
                sliding.add(predictor(batch if device is None else batch.to(device)))
        return sliding.result()

    if isinstance(volume, Volume):
        return predicted(SlidingWindow(volume, window, **options))
    return (predicted(sliding) for sliding in _ahead(volume, window, options))


def _ahead(
    subjects: Iterable[Volume | tuple[Volume, Volume]],
    window: int | Sequence[int],
    options: dict[str, Any],
) -> Iterator[SlidingWindow]:
    """The windows of each volume, which is computed while the caller works on the one before."""

    def begin(subject: Volume | tuple[Volume, Volume]) -> Callable[[], SlidingWindow]:
        made: list[SlidingWindow | BaseException] = []

        def make() -> None:
            try:
                volume, onto = subject if isinstance(subject, tuple) else (subject, options.get("onto"))
                sliding = SlidingWindow(volume, window, **{**options, "onto": onto})
                sliding.prepare()
                made.append(sliding)
            except BaseException as error:  # it is the caller's, where its volume comes
                made.append(error)

        # Nobody waits for a daemon when the interpreter ends, or the caller stops.
        thread = threading.Thread(target=make, name="medoxide-ahead", daemon=True)
        thread.start()

        def ready() -> SlidingWindow:
            thread.join()
            if isinstance(made[0], BaseException):
                raise made[0]
            return made[0]

        return ready

    under_way: Callable[[], SlidingWindow] | None = None
    for subject in subjects:
        one = under_way() if under_way else None
        under_way = begin(subject)
        if one:
            yield one
            one = None  # what is predicted is not kept while the next is
    if under_way:
        yield under_way()
