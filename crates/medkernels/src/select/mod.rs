//! Exact percentiles: order statistics with NumPy's linear interpolation, never binned.
//!
//! A sample of the data brackets each wanted rank between two values; one pass counts what lies below and
//! keeps what lies inside, and the rank is found among those. If a bracket misses, a histogram of the keys'
//! top bits finds it. Either way the answer is the exact order statistic.

pub(crate) mod keys;

use std::sync::Mutex;
use std::sync::PoisonError;

use thiserror::Error;

use crate::stats::Keep;
use crate::threads;
use keys::{Bracket, DROPPED, Part, TILE, for_keys, key, scan, value};

/// Values per task of a pass.
const PART: usize = 1 << 16;

/// Values looked at to bracket the ranks: one in so many, but at least and at most these.
const SAMPLE_SHARE: usize = 64;
const SAMPLE: std::ops::RangeInclusive<usize> = 1024..=8192;

/// Below this many values all keys are gathered and selected from directly.
const SMALL: usize = 1 << 14;

/// Why percentiles cannot be given.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SelectError {
    /// No voxel is kept.
    #[error("no voxel to take percentiles of")]
    Empty,
    /// A percentile outside 0..=100.
    #[error("percentile {found} is not in 0..=100")]
    Percentile {
        /// The one that was given.
        found: f64,
    },
    /// Masks that do not match the blocks.
    #[error("the masks differ from the blocks in number or length")]
    Masks,
}

/// The percentiles `q` (each in 0..=100) of all kept voxels of all blocks together, as `numpy.percentile(…,
/// method="linear")`.
///
/// `masks` has one mask per block, as long as the block; a voxel counts if its byte is not zero *and* `keep`
/// keeps it. With [`Keep::Mask`] the mask runs over the blocks one after the other. A NaN among the kept
/// voxels makes every result NaN. Runs on the library's threads from 2 MiB on.
///
/// ```
/// use medkernels::select::percentiles;
/// use medkernels::stats::Keep;
/// let values = percentiles(&[&[4.0, 1.0], &[3.0, 2.0]], None, Keep::All, &[0.0, 50.0, 100.0])?;
/// assert_eq!(values, [1.0, 2.5, 4.0]);
/// # Ok::<(), medkernels::select::SelectError>(())
/// ```
///
/// # Errors
/// [`SelectError::Empty`] if nothing is kept, [`SelectError::Percentile`] for a `q` outside 0..=100,
/// [`SelectError::Masks`] if masks and blocks do not match.
pub fn percentiles(
    blocks: &[&[f32]],
    masks: Option<&[&[u8]]>,
    keep: Keep,
    q: &[f64],
) -> Result<Vec<f64>, SelectError> {
    if let Some(&found) = q.iter().find(|q| !(0.0..=100.0).contains(*q)) {
        return Err(SelectError::Percentile { found });
    }
    let parts = parts(blocks, masks, keep)?;
    let total: usize = parts.iter().map(|part| part.values.len()).sum();
    if total <= SMALL {
        return select_among(&parts, q);
    }
    let Some(brackets) = brackets(&parts, total, q) else { return select_by_radix(&parts, q) };
    let counted = run(&parts, |part| count(part, &brackets));
    let mut whole = Counted::new(brackets.len());
    for part in counted {
        whole.merge(part);
    }
    if whole.nan > 0 {
        return Ok(vec![f64::NAN; q.len()]);
    }
    if whole.n == 0 {
        return Err(SelectError::Empty);
    }
    let ranks = ranks(q, whole.n);
    let mut found = Vec::with_capacity(q.len());
    for rank in &ranks {
        let Some(pair) = whole.pair(&brackets, rank) else { return select_by_radix(&parts, q) };
        found.push(rank.interpolate(pair));
    }
    Ok(found)
}

fn parts<'a>(
    blocks: &[&'a [f32]],
    masks: Option<&[&'a [u8]]>,
    keep: Keep<'a>,
) -> Result<Vec<Part<'a>>, SelectError> {
    let same = |masks: &[&[u8]]| {
        masks.len() == blocks.len() && masks.iter().zip(blocks).all(|(m, b)| m.len() == b.len())
    };
    if !masks.is_none_or(same) {
        return Err(SelectError::Masks);
    }
    let total: usize = blocks.iter().map(|block| block.len()).sum();
    if let Keep::Mask(mask) = keep
        && mask.len() != total
    {
        return Err(SelectError::Masks);
    }
    let mut parts = Vec::with_capacity(blocks.len() + total / PART);
    let mut before = 0;
    for (index, block) in blocks.iter().enumerate() {
        let mask = masks.map(|masks| masks[index]);
        for (chunk, values) in block.chunks(PART).enumerate() {
            let start = chunk * PART;
            let keep = match keep {
                Keep::Mask(mask) => Keep::Mask(&mask[before + start..][..values.len()]),
                other => other,
            };
            parts.push(Part { values, mask: mask.map(|mask| &mask[start..start + values.len()]), keep });
        }
        before += block.len();
    }
    Ok(parts)
}

/// `f` of groups of parts of about [`PART`] values, on the threads if that pays; results in any order.
fn run<T: Send>(parts: &[Part], f: impl Fn(&Part) -> T + Sync) -> Vec<T> {
    let total: usize = parts.iter().map(|part| part.values.len()).sum();
    if total * 4 < threads::PARALLEL_BYTES {
        return parts.iter().map(f).collect();
    }
    let results = Mutex::new(Vec::with_capacity(parts.len()));
    let mut groups = Vec::new();
    let mut start = 0;
    let mut size = 0;
    for (index, part) in parts.iter().enumerate() {
        size += part.values.len();
        if size >= PART || index + 1 == parts.len() {
            groups.push(start..index + 1);
            start = index + 1;
            size = 0;
        }
    }
    threads::for_each(groups.len(), |group| {
        let mut made: Vec<T> = parts[groups[group].clone()].iter().map(&f).collect();
        results.lock().unwrap_or_else(PoisonError::into_inner).append(&mut made);
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A position between two ranks.
struct Rank {
    below: usize,
    above: usize,
    share: f64,
}

impl Rank {
    /// NumPy's `_lerp`: from the nearer end, so that it is monotonic and exact at both. The difference is
    /// taken in f32, as NumPy takes it for float32 arrays.
    fn interpolate(&self, (a, b): (f32, f32)) -> f64 {
        let difference = (b - a) as f64;
        // Beyond infinities the difference is NaN where NumPy's is, except between equals.
        if a == b {
            return a as f64;
        }
        if self.share >= 0.5 {
            b as f64 - difference * (1.0 - self.share)
        } else {
            a as f64 + difference * self.share
        }
    }
}

fn ranks(q: &[f64], n: usize) -> Vec<Rank> {
    let rank = |q: &f64| {
        let position = (n - 1) as f64 * (q / 100.0);
        let below = (libm::floor(position) as usize).min(n - 1);
        Rank { below, above: (below + 1).min(n - 1), share: position - below as f64 }
    };
    q.iter().map(rank).collect()
}

/// A number that shares no pattern with its index (the finaliser of MurmurHash3).
fn mixed(index: usize) -> usize {
    let mut h = (index as u32).wrapping_add(0x9e37_79b9);
    for factor in [0x85eb_ca6bu32, 0xc2b2_ae35] {
        h = (h ^ (h >> 15)).wrapping_mul(factor);
    }
    (h ^ (h >> 16)) as usize
}

/// Brackets that very likely hold each wanted rank, sorted and disjoint; `None` if the sample is too small to
/// say.
fn brackets(parts: &[Part], total: usize, q: &[f64]) -> Option<Vec<Bracket>> {
    let step = total / (total / SAMPLE_SHARE).clamp(*SAMPLE.start(), *SAMPLE.end());
    let step = step.max(1);
    let mut sample = Vec::with_capacity(SAMPLE.end() + 1);
    // One place drawn from every stretch of `step` values: a fixed stride would meet the same columns of a volume again and again.
    let place = |stretch: usize| stretch * step + mixed(stretch) % step;
    let (mut stretch, mut start) = (0, 0);
    for part in parts {
        while place(stretch) < start + part.values.len() {
            let position = place(stretch) - start;
            let x = part.values[position];
            let is_kept = part.mask.is_none_or(|mask| mask[position] != 0)
                && match part.keep {
                    Keep::All => true,
                    Keep::Nonzero => x != 0.0,
                    Keep::Above(limit) => x > limit,
                    Keep::Mask(mask) => mask[position] != 0,
                };
            if is_kept && !x.is_nan() {
                sample.push(key(x));
            }
            stretch += 1;
        }
        start += part.values.len();
    }
    if sample.len() < 64 {
        return None;
    }
    let m = sample.len() as f64;
    // Places of a bracket's ends in the sorted sample, if it does not go beyond it.
    let ends = |q: &f64| {
        let p = q / 100.0;
        let margin = 3.5 * (m * p * (1.0 - p)).sqrt() + 3.0;
        let low = p * (m - 1.0) - margin;
        let high = p * (m - 1.0) + margin;
        [(low >= 0.0).then_some(low as usize), (high < m - 1.0).then_some(high as usize + 1)]
    };
    let mut places: Vec<usize> = q.iter().flat_map(ends).flatten().collect();
    places.sort_unstable();
    settle(&mut sample, &places, 0);
    let around = |q: &f64| {
        let [low, high] = ends(q);
        Bracket { low: low.map_or(i32::MIN, |at| sample[at]), high: high.map_or(DROPPED, |at| sample[at]) }
    };
    let mut all: Vec<Bracket> = q.iter().map(around).collect();
    all.sort_unstable_by_key(|bracket| (bracket.low, bracket.high));
    let mut merged: Vec<Bracket> = Vec::with_capacity(all.len());
    for bracket in all {
        match merged.last_mut() {
            Some(last) if bracket.low <= last.high => last.high = last.high.max(bracket.high),
            _ => merged.push(bracket),
        }
    }
    Some(merged)
}

/// Puts at some places, which rise and are counted from `first` on, what is there if all are sorted: what lies between two of them is looked at for these alone.
fn settle(keys: &mut [i32], places: &[usize], first: usize) {
    let Some(&middle) = places.get(places.len() / 2) else { return };
    let (below, _, above) = keys.select_nth_unstable(middle - first);
    let (before, after) =
        (places.partition_point(|at| *at < middle), places.partition_point(|at| *at <= middle));
    settle(below, &places[..before], first);
    settle(above, &places[after..], middle + 1);
}

/// What a pass found for one bracket.
#[derive(Clone, Debug, Default)]
struct Inside {
    below: usize,
    at_low: usize,
    at_high: usize,
    keys: Vec<i32>,
}

/// What a pass found.
struct Counted {
    n: usize,
    nan: usize,
    inside: Vec<Inside>,
}

impl Counted {
    fn new(brackets: usize) -> Self {
        Counted { n: 0, nan: 0, inside: vec![Inside::default(); brackets] }
    }

    fn merge(&mut self, other: Counted) {
        self.n += other.n;
        self.nan += other.nan;
        for (a, mut b) in self.inside.iter_mut().zip(other.inside) {
            a.below += b.below;
            a.at_low += b.at_low;
            a.at_high += b.at_high;
            a.keys.append(&mut b.keys);
        }
    }

    /// The values at both ranks, if one bracket holds them.
    fn pair(&mut self, brackets: &[Bracket], rank: &Rank) -> Option<(f32, f32)> {
        for (bracket, inside) in brackets.iter().zip(&mut self.inside) {
            let count = inside.at_low + inside.keys.len() + inside.at_high;
            if rank.below >= inside.below && rank.above < inside.below + count {
                let mut at = |rank: usize| {
                    let rank = rank - inside.below;
                    if rank < inside.at_low {
                        value(bracket.low)
                    } else if rank - inside.at_low < inside.keys.len() {
                        value(*inside.keys.select_nth_unstable(rank - inside.at_low).1)
                    } else {
                        value(bracket.high)
                    }
                };
                return Some((at(rank.below), at(rank.above)));
            }
        }
        None
    }
}

fn count(part: &Part, brackets: &[Bracket]) -> Counted {
    let mut counted = Counted::new(brackets.len());
    let mut inside = [0i32; TILE + 1];
    let (n, nan) = for_keys(part, |keys| {
        for (bracket, found) in brackets.iter().zip(&mut counted.inside) {
            let [below, at_low, at_high, kept] = scan(keys, *bracket, &mut inside);
            found.below += below as usize;
            found.at_low += at_low as usize;
            found.at_high +=
                if bracket.high == bracket.low || bracket.high == DROPPED { 0 } else { at_high as usize };
            found.keys.extend_from_slice(&inside[..kept as usize]);
        }
    });
    counted.n = n;
    counted.nan = nan;
    counted
}

/// Gathers all keys and selects among them.
fn select_among(parts: &[Part], q: &[f64]) -> Result<Vec<f64>, SelectError> {
    let mut keys = Vec::new();
    let (mut n, mut nan) = (0, 0);
    for part in parts {
        let (kept, bad) = for_keys(part, |tile| keys.extend(tile.iter().filter(|k| **k != DROPPED)));
        n += kept;
        nan += bad;
    }
    if nan > 0 {
        return Ok(vec![f64::NAN; q.len()]);
    }
    if n == 0 {
        return Err(SelectError::Empty);
    }
    let mut at = |rank: usize| value(*keys.select_nth_unstable(rank).1);
    Ok(ranks(q, n).iter().map(|rank| rank.interpolate((at(rank.below), at(rank.above)))).collect())
}

/// Bins of the histogram: the key's top 11 bits.
const BINS: usize = 2048;

fn bin(key: i32) -> usize {
    ((key as u32 ^ 0x8000_0000) >> 21) as usize
}

/// A histogram of the keys' top bits, then the keys of the bins that hold wanted ranks.
fn select_by_radix(parts: &[Part], q: &[f64]) -> Result<Vec<f64>, SelectError> {
    let mut bins = vec![0usize; BINS];
    let (mut n, mut nan) = (0, 0);
    for (kept, bad, found) in run(parts, histogram) {
        n += kept;
        nan += bad;
        bins.iter_mut().zip(found).for_each(|(sum, count)| *sum += count as usize);
    }
    if nan > 0 {
        return Ok(vec![f64::NAN; q.len()]);
    }
    if n == 0 {
        return Err(SelectError::Empty);
    }
    let mut before = 0;
    let starts: Vec<usize> = bins
        .iter()
        .map(|count| {
            before += count;
            before - count
        })
        .collect();
    let holding = |rank: usize| starts.partition_point(|&start| start <= rank) - 1;
    let ranks = ranks(q, n);
    let mut wanted: Vec<usize> =
        ranks.iter().flat_map(|rank| [holding(rank.below), holding(rank.above)]).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut place = vec![usize::MAX; BINS];
    wanted.iter().enumerate().for_each(|(index, &bin)| place[bin] = index);
    let mut members: Vec<Vec<i32>> = vec![Vec::new(); wanted.len()];
    let gather = |part: &Part| {
        let mut found: Vec<Vec<i32>> = vec![Vec::new(); wanted.len()];
        for_keys(part, |keys| {
            for &k in keys.iter().filter(|k| **k != DROPPED) {
                if let Some(list) = found.get_mut(place[bin(k)]) {
                    list.push(k);
                }
            }
        });
        found
    };
    for found in run(parts, gather) {
        members.iter_mut().zip(found).for_each(|(all, mut some)| all.append(&mut some));
    }
    let mut at = |rank: usize| {
        let bin = holding(rank);
        value(*members[place[bin]].select_nth_unstable(rank - starts[bin]).1)
    };
    Ok(ranks.iter().map(|rank| rank.interpolate((at(rank.below), at(rank.above)))).collect())
}

fn histogram(part: &Part) -> (usize, usize, Vec<u32>) {
    // Four interleaved histograms: equal neighbours do not wait for each other's sums.
    let mut bins = vec![[0u32; 4]; BINS];
    let (n, nan) = for_keys(part, |keys| {
        for (index, &k) in keys.iter().enumerate() {
            bins[bin(k)][index % 4] += u32::from(k != DROPPED);
        }
    });
    (n, nan, bins.iter().map(|lanes| lanes.iter().sum()).collect())
}
