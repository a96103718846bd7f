use medcore::{
    Category, DType, Declared, Derived, Error, Facts, Filter, Items, Key, Of, Point, RawTile, Result, Role,
    Step, Transform,
};
use medkernels::element::Element;
use medkernels::histogram::Bins;
use medkernels::points;
use medkernels::stats::floor_f32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;
use crate::histogram::{Binning, over_histogram};

/// Keep the voxels between two values: as a mask of 1 and 0, or as they are.
///
/// The values are given, or measured. Corresponds to SimpleITK's `BinaryThreshold` and `OtsuThreshold`, scikit-image's `threshold_otsu`, and with `result: keep` to
/// MONAI's `ThresholdIntensity` (which leaves out the threshold itself). NaN is outside. Where values are given, integers of 8 and 16 bits keep their dtype; all else becomes float32,
/// and what is made `into` a label uint8.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "ThresholdIntensity", "SimpleITK": "BinaryThreshold, OtsuThreshold", "scikit-image": "filters.threshold_otsu"}))]
pub struct Threshold {
    /// The lowest value that is inside; no limit if not given. With a `method`, one that is measured.
    pub lower: Option<f64>,
    /// The highest value that is inside; no limit if not given.
    pub upper: Option<f64>,
    /// How values are measured.
    pub method: ThresholdMethod,
    /// The lowest and the highest percentile (0 to 100) that are inside, for method `percentiles`.
    pub percentiles: Option<[f64; 2]>,
    /// Number of bins for Otsu's method, 2 to 65536; if not given, one for each value of integer voxels, and 256 for others.
    pub bins: Option<usize>,
    /// Voxels that are measured.
    pub mask: Mask,
    /// What becomes of voxels.
    pub result: ThresholdResult,
    /// What voxels outside become with `result: keep`.
    pub value: f64,
    /// The name of a label item that is made of the mask, while the image stays as it is.
    pub into: Option<String>,
    /// Whether each channel (or frame) is measured by itself.
    pub channel_wise: bool,
}

/// How thresholds are measured: not at all (`values`); `otsu`: above the middle of the bin that divides the histogram so that the variance between both parts is the largest
/// (scikit-image); `otsu_end`: above that bin's end (ITK); `mean`: above the mean; `percentiles`: between two of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMethod {
    /// As given.
    #[default]
    Values,
    /// Above the middle of a bin.
    Otsu,
    /// Above the end of a bin.
    OtsuEnd,
    /// Above the mean.
    Mean,
    /// Between percentiles.
    Percentiles,
}

/// What becomes of voxels: a `mask`, 1 inside and 0 outside; or `keep` those inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdResult {
    /// 1 inside, 0 outside.
    #[default]
    Mask,
    /// Voxels inside stay as they are.
    Keep,
}

impl Default for Threshold {
    fn default() -> Threshold {
        Threshold {
            lower: None,
            upper: None,
            method: ThresholdMethod::Values,
            percentiles: None,
            bins: None,
            mask: Mask::All,
            result: ThresholdResult::Mask,
            value: 0.0,
            into: None,
            channel_wise: false,
        }
    }
}

impl Declared for Threshold {
    const NAME: &'static str = "threshold";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("lower");
}

impl Threshold {
    /// The percentiles that are measured, where they are.
    fn check(&self) -> Result<Option<[f64; 2]>> {
        let (low, high) = (self.lower.unwrap_or(f64::NEG_INFINITY), self.upper.unwrap_or(f64::INFINITY));
        if low.is_nan() || high.is_nan() || low > high {
            let found = format!("{low} with upper {high}");
            return Err(Error::param(Self::NAME, "lower", found, "lower not above upper"));
        }
        if self.method != ThresholdMethod::Values && self.lower.is_some() {
            return Err(Error::param(Self::NAME, "lower", low, "none where it is measured"));
        }
        if self.into.is_some() && self.result == ThresholdResult::Keep {
            return Err(Error::param(Self::NAME, "into", "given with result keep", "result: mask"));
        }
        match (self.method, self.percentiles) {
            (ThresholdMethod::Percentiles, Some([a, b])) if 0.0 <= a && a <= b && b <= 100.0 => {
                Ok(Some([a, b]))
            }
            (ThresholdMethod::Percentiles, found) => Err(Error::param(
                Self::NAME,
                "percentiles",
                format!("{found:?}"),
                "two numbers from 0 to 100",
            )),
            (_, Some(found)) => {
                Err(Error::param(Self::NAME, "percentiles", format!("{found:?}"), "method: percentiles"))
            }
            (_, None) => Ok(None),
        }
    }

    /// The same on voxels of a dtype that stays, if it is a small one and holds what comes out.
    fn kept(&self, dtype: Option<DType>, lower: f64, upper: f64) -> Option<Filter> {
        let keep = self.result == ThresholdResult::Keep;
        let outside = if keep { self.value } else { 0.0 };
        match dtype? {
            DType::U8 => Limits::<u8>::of(lower, upper, keep, outside).map(Limits::filter),
            DType::I8 => Limits::<i8>::of(lower, upper, keep, outside).map(Limits::filter),
            DType::U16 => Limits::<u16>::of(lower, upper, keep, outside).map(Limits::filter),
            DType::I16 => Limits::<i16>::of(lower, upper, keep, outside).map(Limits::filter),
            _ => None,
        }
    }

    /// The point for values that are known.
    fn between(&self) -> impl Fn(f32, f32) -> Step + Send + Sync + Clone + 'static {
        let (result, value) = (self.result, self.value as f32);
        move |low, high| {
            let label = format!("from {low} to {high}");
            Step::point_from(label, move |row| match result {
                ThresholdResult::Mask => points::inside(row, low, high, 1.0, 0.0),
                ThresholdResult::Keep => points::keep_inside(row, low, high, value),
            })
        }
    }
}

/// Limits of integers, and what becomes of them.
#[derive(Clone, Copy)]
struct Limits<T> {
    range: [T; 2],
    inside: Option<T>,
    outside: T,
}

impl<T: Element> Limits<T> {
    /// `None` where what comes out does not fit the dtype.
    fn of(lower: f64, upper: f64, keep: bool, outside: f64) -> Option<Limits<T>> {
        let (least, most) =
            (T::from_f64_saturating(f64::NEG_INFINITY), T::from_f64_saturating(f64::INFINITY));
        let (lower, upper) = (lower.ceil(), upper.floor());
        let empty = lower > most.to_f64() || upper < least.to_f64();
        let range = if empty { [most, least] } else { [lower, upper].map(T::from_f64_saturating) };
        let other = T::from_f64_saturating(outside);
        let inside = (!keep).then(|| T::from_f64_saturating(1.0));
        (other.to_f64() == outside).then_some(Limits { range, inside, outside: other })
    }

    fn filter(self) -> Filter {
        let [low, high] = self.range.map(Element::to_f64);
        let run = move |tile: &RawTile<'_>, out: &mut [u8]| {
            let (src, dst) = (bytemuck::cast_slice(tile.bytes), bytemuck::cast_slice_mut(out));
            points::within(src, dst, self.range, self.inside, self.outside);
            Ok(())
        };
        // Each voxel by itself: no order matters.
        Filter::kept(format!("from {low} to {high}"), [0; 3], run).with_turned(move |_| Some(self.filter()))
    }
}

/// The float32 ends of what lies above one number and not above another.
fn above(low: f64, high: f64) -> [f32; 2] {
    [floor_f32(low).next_up(), floor_f32(high)]
}

/// The float32 ends of what lies between two numbers.
fn ends(low: f64, high: f64) -> [f32; 2] {
    [-floor_f32(-low), floor_f32(high)]
}

/// The bin after which Otsu's division is made: the first for which the variance between both parts is the largest.
fn otsu(counts: &[u32], bins: &Bins) -> usize {
    let all = || counts.iter().enumerate().map(|(bin, n)| (bins.centre(bin), f64::from(*n)));
    let total: [f64; 2] = all().fold([0.0; 2], |[n, sum], (v, c)| [n + c, sum + v * c]);
    let (mut below, mut best) = ([0.0; 2], (0, -1.0));
    for (bin, (value, count)) in all().enumerate().take(counts.len().saturating_sub(1)) {
        below = [below[0] + count, below[1] + value * count];
        let above = [total[0] - below[0], total[1] - below[1]];
        let apart = below[1] / below[0] - above[1] / above[0];
        let between = below[0] * above[0] * apart * apart;
        if between > best.1 {
            best = (bin, between);
        }
    }
    best.0
}

impl Transform for Threshold {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let percentiles = self.check()?;
        let upper = self.upper.unwrap_or(f64::INFINITY);
        let (point, name, each) = (self.between(), Self::NAME, self.channel_wise);
        let step = match self.method {
            ThresholdMethod::Values => {
                let lower = self.lower.unwrap_or(f64::NEG_INFINITY);
                let [low, high] = ends(lower, upper);
                let dtype = at.item.map(|i| i.dtype).filter(|_| self.into.is_none());
                self.kept(dtype, lower, upper).map_or_else(|| point(low, high), Step::Filter)
            }
            ThresholdMethod::Mean => {
                let label = "above the mean of the voxels".to_owned();
                self.mask.measured(name, at, label, Of::Moments, each, move |m, _| {
                    let [low, high] = above(m.mean, upper);
                    Ok(vec![point(low, high)])
                })?
            }
            ThresholdMethod::Percentiles => {
                let label = "between percentiles of the voxels".to_owned();
                let of = Of::Percentiles(percentiles.into_iter().flatten().collect());
                self.mask.measured(name, at, label, of, each, move |m, _| {
                    let [low, high] = ends(m.percentiles[0], m.percentiles[1]);
                    Ok(vec![point(low, high)])
                })?
            }
            ThresholdMethod::Otsu | ThresholdMethod::OtsuEnd => {
                let binning = Binning::of(name, self.bins, at)?;
                let half = if self.method == ThresholdMethod::Otsu { 0.0 } else { 0.5 };
                let label = "above Otsu's threshold of the voxels".to_owned();
                over_histogram((name, &self.mask, at), label, binning, each, move |m, bins| {
                    let threshold = bins.centre(otsu(&m.counts, bins)) + half * bins.width();
                    let [low, high] = above(threshold, upper);
                    Ok(vec![point(low, high)])
                })?
            }
        };
        Ok(vec![match &self.into {
            Some(name) => {
                let steps = vec![step, Step::Point(Point::Cast(DType::U8))];
                let items = vec![Derived { name: name.clone(), role: Role::Label, steps }];
                Step::Items(Items::Derive { items, whole: false, instead: false })
            }
            None => step,
        }])
    }

    fn derives(&self) -> bool {
        self.into.is_some()
    }
}
