//! Summing overlapping predictions, slab by slab.

use std::path::PathBuf;

use medcore::{Error, Grid, Volume};
use medkernels::buffer::Buffer;
use medkernels::overlap::{add, add_weighted, divide};
use medkernels::threads::{PARALLEL_BYTES, for_each_mut};

use super::onto::Onto;
use super::reduce::{Made, Reduce};
use super::{Importance, Windows};
use crate::Result;

const WHO: &str = "stitching windows";

/// Puts predictions of windows together.
///
/// The weighted mean of all predictions of a voxel, in float32, in the order of the windows: the bits depend on nothing else. It is brought onto
/// the grid that was asked for with linear interpolation (edge values up to half a voxel beyond the centres at the edge, as all libraries resize), then
/// reduced. Voxels outside the predicted volume become 0.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{Importance, Reduce, Stitcher, WindowRule, Windows};
///
/// let grid = Grid::new([6, 4, 4], Affine::IDENTITY);
/// let windows = Windows::new(&grid, [4, 4, 4], [0.5; 3], WindowRule::Monai)?;
/// let mut stitcher = Stitcher::new(windows.clone(), Importance::Constant, Reduce::Argmax, &grid)?;
/// for _ in 0..windows.len() {
///     // Two classes, of which the second has more.
///     let voxels: Vec<f32> = (0..128).map(|i| if i < 64 { 0.2 } else { 0.8 }).collect();
///     let bytes = bytemuck::cast_slice(&voxels).to_vec();
///     let window = Grid::new([4; 3], Affine::IDENTITY);
///     stitcher.add(&Volume::packed(std::sync::Arc::new(bytes), medcore::DType::F32, window, vec![2], Default::default())?)?;
/// }
/// let labels = stitcher.finish()?;
/// assert_eq!(labels.dtype(), medcore::DType::U8);
/// assert!(labels.to_f32()?.iter().all(|&v| v == 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Stitcher {
    windows: Windows,
    importance: Vec<f32>,
    next: usize,
    slab: Option<Slab>,
    onto: Onto,
    reduce: Reduce,
    made: Option<Made>,
    folder: Option<PathBuf>,
}

/// What is being summed: planes along x, z fastest in them as in the networks' memory, of which the first is `base` of the padded volume; the one
/// before it is kept, divided, for the interpolation between them.
struct Slab {
    classes: usize,
    base: usize,
    /// Per class: the plane before, then as many planes as a window has.
    sums: Vec<Buffer>,
    /// The same for the weights, without the plane before.
    weights: Buffer,
}

impl Stitcher {
    /// For predictions of these windows, reduced on `onto`: the windows' own grid, a file's, or any other.
    ///
    /// # Errors
    /// [`Error::Param`] if `onto` has an affine that cannot be inverted.
    pub fn new(windows: Windows, importance: Importance, reduce: Reduce, onto: &Grid) -> Result<Stitcher> {
        let importance = importance.map(windows.window(), windows.rule());
        let onto = Onto::new(&windows, onto)?;
        Ok(Stitcher { windows, importance, next: 0, slab: None, onto, reduce, made: None, folder: None })
    }

    /// The same, with the result in a file without a name in this folder, and not in memory: what is finished of it leaves memory slab by slab.
    /// The disk's room is taken when the first prediction comes.
    pub fn on_disk(self, folder: impl Into<PathBuf>) -> Stitcher {
        Stitcher { folder: Some(folder.into()), ..self }
    }

    /// The number of the window whose prediction comes next.
    pub fn next(&self) -> usize {
        self.next
    }

    /// Adds the prediction of the next window: a volume of the window's shape with one channel for each class.
    ///
    /// # Errors
    /// [`Error::Shape`] if it is none, or if all predictions are there; [`Error::Data`] if a mean is infinite or NaN; [`Error::Limit`] if there is
    /// no memory for classes × slab, or for the result; [`Error::File`](crate::Error::File) if the folder's disk has no room.
    pub fn add(&mut self, prediction: &Volume) -> Result<()> {
        let window = self.windows.window();
        let classes = self.slab.as_ref().map_or(prediction.channels(), |s| s.classes);
        if self.next == self.windows.len() {
            let count = format!("{} windows", self.next);
            return Err(Error::shape(WHO, "another prediction", count).into());
        }
        if prediction.grid().shape != window || prediction.channels() != classes || classes == 0 {
            let found = format!("{:?} with {} classes", prediction.grid().shape, prediction.channels());
            return Err(
                Error::shape(WHO, found, format!("{window:?} with {} classes", classes.max(1))).into()
            );
        }
        let start = self.windows.get(self.next).start;
        let [_, ny, nz] = self.windows.padded();
        if self.slab.is_none() {
            self.slab = Some(Slab::new(classes, ny * nz, window[0])?);
            self.made = Some(Made::new(self.reduce, classes, self.onto.grid(), self.folder.as_deref())?);
        }
        let Some(slab) = &mut self.slab else { return Ok(()) };
        slab.add(prediction, start, [ny, nz], window, &self.importance)?;
        self.next += 1;
        let ended = self.next == self.windows.len();
        let upto = if ended { self.windows.padded()[0] } else { self.windows.get(self.next).start[0] };
        if upto > slab.base {
            self.give(upto, ended)?;
        }
        Ok(())
    }

    /// Planes before `upto` have all their predictions: reduces them and moves on.
    fn give(&mut self, upto: usize, ended: bool) -> Result<()> {
        let [_, ny, nz] = self.windows.padded();
        let plane = ny * nz;
        let (Some(slab), Some(made)) = (&mut self.slab, &mut self.made) else { return Ok(()) };
        let count = upto - slab.base;
        slab.divide(count, plane)?;
        let before = usize::from(slab.base > 0);
        let planes: Vec<&[f32]> =
            slab.sums.iter().map(|s| &s.as_slice()[(1 - before) * plane..(1 + count) * plane]).collect();
        self.onto.fill(&planes, slab.base - before, upto, ended, made);
        slab.advance(count, plane);
        Ok(())
    }

    /// The result, once all predictions are there: the reduction's volume on the grid that was asked for.
    ///
    /// # Errors
    /// [`Error::Shape`] if predictions are missing.
    pub fn finish(self) -> Result<Volume> {
        let missing = || {
            let found = format!("predictions of {} windows", self.next);
            Error::shape(WHO, found, format!("of {}", self.windows.len()))
        };
        match self.made {
            Some(made) if self.next == self.windows.len() => self.onto.volume(made),
            _ => Err(missing().into()),
        }
    }
}

impl Slab {
    fn new(classes: usize, plane: usize, planes: usize) -> Result<Slab> {
        let wanted = |count: usize| {
            let bytes = count.checked_mul(plane).and_then(|n| n.checked_mul(4));
            let asked = bytes.unwrap_or(usize::MAX);
            Buffer::zeroed(asked).map_err(|_| Error::Limit {
                what: WHO.into(),
                asked: asked as u64,
                allowed: 0,
            })
        };
        let sums = (0..classes).map(|_| wanted(planes + 1)).collect::<Result<Vec<_>, _>>()?;
        Ok(Slab { classes, base: 0, sums, weights: wanted(planes)? })
    }

    /// Adds a window of a prediction.
    fn add(
        &mut self,
        prediction: &Volume,
        start: [usize; 3],
        [ny, nz]: [usize; 2],
        window: [usize; 3],
        importance: &[f32],
    ) -> Result<()> {
        let [wx, wy, wz] = window;
        // Turned, a tensor's memory is packed.
        let prediction = prediction.clone().permuted([2, 1, 0])?;
        let first = start[0] - self.base;
        // Where rows of the window lie in the slab, behind so many planes, and in the window.
        let rows = move |skipped: usize| {
            (0..wx * wy).map(move |row| {
                let (x, y) = (row / wy, row % wy);
                (((skipped + first + x) * ny + start[1] + y) * nz + start[2], row * wz)
            })
        };
        let weights = self.weights.as_mut_slice::<f32>();
        for (at, from) in rows(0) {
            add(&mut weights[at..at + wz], &importance[from..from + wz]);
        }
        let one = |class: usize, sums: &mut Buffer| -> Result<()> {
            let channel = prediction.channel(class);
            let copied = if channel.as_packed::<f32>().is_some() { vec![] } else { channel.to_f32()? };
            let values = channel.as_packed::<f32>().unwrap_or(&copied);
            let sums = sums.as_mut_slice::<f32>();
            for (at, from) in rows(1) {
                let (importance, values) = (&importance[from..from + wz], &values[from..from + wz]);
                add_weighted(&mut sums[at..at + wz], importance, values);
            }
            Ok(())
        };
        if self.classes * importance.len() * 12 < PARALLEL_BYTES {
            return self.sums.iter_mut().enumerate().try_for_each(|(class, sums)| one(class, sums));
        }
        let mut work: Vec<_> = self.sums.iter_mut().map(|sums| (sums, Ok(()))).collect();
        for_each_mut(&mut work, |class, (sums, done)| *done = one(class, sums));
        work.into_iter().try_for_each(|(_, done)| done)
    }

    /// Sums of the first `count` planes become means.
    fn divide(&mut self, count: usize, plane: usize) -> Result<()> {
        let weights = &self.weights.as_slice::<f32>()[..count * plane];
        let finite = std::sync::atomic::AtomicBool::new(true);
        for_each_mut(&mut self.sums, |_, sums| {
            if !divide(&mut sums.as_mut_slice::<f32>()[plane..(1 + count) * plane], weights) {
                finite.store(false, std::sync::atomic::Ordering::Relaxed);
            }
        });
        if finite.into_inner() {
            return Ok(());
        }
        Err(Error::Data {
            what: WHO.into(),
            found: "predictions that are infinite, NaN, or too large for float32".into(),
            hint: "look at the network's output; half precision overflows above 65504".into(),
        }
        .into())
    }

    /// Forgets the first `count` planes but the last of them.
    fn advance(&mut self, count: usize, plane: usize) {
        self.base += count;
        for_each_mut(&mut self.sums, |_, sums| {
            let sums = sums.as_mut_slice::<f32>();
            sums.copy_within(count * plane.., 0);
            let kept = sums.len() - count * plane;
            sums[kept..].fill(0.0);
        });
        let weights = self.weights.as_mut_slice::<f32>();
        weights.copy_within(count * plane.., 0);
        let kept = weights.len() - count * plane;
        weights[kept..].fill(0.0);
    }
}
