//! Histograms of images, and what follows from them.

use std::sync::Arc;

use medcore::{DType, Error, Facts, Measure, Measured, Of, Result, Step};
use medkernels::histogram::Bins;

use crate::Mask;

/// How the bins of a histogram are chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binning {
    /// How many, from the smallest to the largest value; if not given, one for each value of integers of up to 65536 values, and 256 else.
    pub(crate) bins: Option<usize>,
    /// Whether voxels are integers.
    pub(crate) whole: bool,
}

impl Binning {
    /// For an item; a number of bins is from 2 to 65536.
    pub(crate) fn of(transform: &str, bins: Option<usize>, at: &Facts<'_>) -> Result<Binning> {
        if let Some(n) = bins.filter(|n| !(2..=65536).contains(n)) {
            return Err(Error::param(transform, "bins", n, "2 to 65536"));
        }
        Ok(Binning { bins, whole: at.item.is_some_and(|i| is_whole(i.dtype)) })
    }

    /// The bins of a range; none if it has no width.
    pub(crate) fn over(self, [low, high]: [f64; 2]) -> Option<Bins> {
        let width = high - low;
        if !(width > 0.0 && width.is_finite()) {
            return None;
        }
        Some(match self.bins {
            None if self.whole && width < 65536.0 => Bins::whole(low as i64, high as i64),
            bins => Bins { low, high, count: bins.unwrap_or(256) },
        })
    }
}

/// Whether a dtype holds whole numbers alone.
pub(crate) fn is_whole(dtype: DType) -> bool {
    dtype.is_integer()
}

/// The histogram of the voxels of a mask, and what follows from it, its bins and the count of its voxels; nothing if all voxels have one value.
pub(crate) fn over_histogram(
    (transform, mask, at): (&'static str, &Mask, &Facts<'_>),
    label: String,
    binning: Binning,
    channel_wise: bool,
    then: impl Fn(&Measured, &Bins) -> Result<Vec<Step>> + Send + Sync + 'static,
) -> Result<Step> {
    let then = Arc::new(then);
    let what = label.clone();
    mask.measured(transform, at, label, Of::Extent, channel_wise, move |m, keep| {
        if m.count == 0 {
            return Err(Error::Data {
                what: transform.into(),
                found: "no finite voxel to count".into(),
                hint: "choose another mask".into(),
            });
        }
        let Some(bins) = binning.over(m.extent) else { return Ok(vec![]) };
        let then = then.clone();
        Ok(vec![Step::Measure(Measure {
            label: what.clone(),
            item: None,
            of: Of::Histogram { bins, tiles: None },
            keep: keep.clone(),
            per_channel: channel_wise,
            then: Arc::new(move |m| then(m, &bins)),
        })])
    })
}

/// The share of voxels in each bin and those below it.
pub(crate) fn shares(counts: &[u32]) -> Vec<f64> {
    let total: f64 = counts.iter().map(|n| f64::from(*n)).sum();
    let below = counts.iter().scan(0.0, |sum, n| {
        *sum += f64::from(*n);
        Some(*sum)
    });
    below.map(|sum| sum / total).collect()
}

/// A point that is linear between the values of bins' middles.
pub(crate) fn by_bins(label: String, bins: &Bins, values: &[f64]) -> Step {
    let next = values.iter().skip(1).chain(values.last());
    let table: Vec<[f32; 2]> = values.iter().zip(next).map(|(v, n)| [*v as f32, (n - v) as f32]).collect();
    let (first, inverse) = (bins.centre(0) as f32, (1.0 / bins.width()) as f32);
    Step::point(label, move |row| medkernels::points::between_even(row, first, inverse, &table))
}

/// A point that gives every voxel of a bin the bin's value, so that what many voxels share stays one value wherever it lies in its bin.
pub(crate) fn bin_by_bin(label: String, bins: &Bins, values: &[f64]) -> Step {
    let table: Vec<[f32; 2]> = values.iter().map(|v| [*v as f32, 0.0]).collect();
    let (first, inverse) = (bins.low as f32, (1.0 / bins.width()) as f32);
    Step::point(label, move |row| medkernels::points::between_even(row, first, inverse, &table))
}
