//! A visit of a case: its headers, its plan, and its patches.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use medcore::{Affine, Grid, Place, Points, Role};

use super::assembly::Part;
use super::batch::PatchMeta;
use super::settings::Settings;
use crate::chain::Chain;
use crate::{Case, CaseItem, LazyItem, LazySample, LazyVolume, Pipeline, Result};

/// Cases whose headers are kept at most.
const OPENED: usize = 1 << 14;

/// The headers of cases that were visited, for the epochs to come.
#[derive(Debug)]
pub(super) struct Opened {
    samples: Vec<Mutex<Option<LazySample>>>,
    kept: AtomicUsize,
}

impl Opened {
    pub(super) fn new(cases: usize) -> Opened {
        Opened { samples: (0..cases).map(|_| Mutex::default()).collect(), kept: AtomicUsize::new(0) }
    }

    /// A case's headers, from before or from its files.
    ///
    /// # Errors
    /// As [`Case::open_with`].
    pub(super) fn open(&self, number: usize, case: &Case, settings: &Settings) -> Result<LazySample> {
        // Locks are only tried: a forked child may find one held by a thread that it does not have.
        if let Some(sample) = self.samples[number].try_lock().ok().and_then(|slot| slot.clone()) {
            return Ok(sample);
        }
        let sample = case.open_with(&settings.checkpoints)?;
        let light = volumes(&sample).all(|v| !v.source().shares_memory())
            || case.items.iter().all(|(_, i)| !matches!(i, CaseItem::Files { .. }));
        if light
            && self.kept.load(Ordering::Relaxed) < OPENED
            && let Ok(mut slot) = self.samples[number].try_lock()
        {
            self.kept.fetch_add(usize::from(slot.is_none()), Ordering::Relaxed);
            *slot = Some(sample.clone());
        }
        Ok(sample)
    }
}

/// The volumes of a sample.
pub(super) fn volumes(sample: &LazySample) -> impl Iterator<Item = &LazyVolume> {
    sample.items.iter().filter_map(|(_, i)| if let LazyItem::Volume(v) = i { Some(v) } else { None })
}

/// What a visit may hold of a sample that was opened: all voxels as they are stored, and as float32.
pub(super) fn estimate(sample: &LazySample) -> u64 {
    let of = |v: &LazyVolume| {
        let source = v.source();
        let voxels = source.grid().len() as u64 * source.extra().iter().product::<usize>() as u64;
        let stored = if source.shares_memory() { 0 } else { source.stored_dtype().bytes() as u64 };
        voxels * (stored + 4)
    };
    volumes(sample).map(of).sum()
}

/// What the rest of a visit holds, now that its patches are planned; no less than is `held` where whole volumes are.
pub(super) fn estimate_planned(patches: &[LazySample], held: u64) -> u64 {
    let whole = |chain: &Chain| {
        matches!(chain.source, crate::Source::Shared(_))
            || chain.source.shares_memory()
            || chain.stages.iter().any(|s| s.op.is_whole())
    };
    let mut bytes = 0;
    for v in patches.iter().flat_map(volumes) {
        let Ok(chain) = v.chain() else { return held };
        let first = chain.beginning();
        if whole(first) || chain.stages.iter().any(|s| s.op.is_whole()) {
            return held;
        }
        // The start of a small stream may be decoded as a whole.
        let read =
            if first.source.compressed() { first.source.grid().len() } else { first.source_box().len() };
        let between = if std::ptr::eq(first, chain) { 0 } else { first.grid().len() };
        let voxels = (read + between + chain.grid().len()) as u64 * chain.channels() as u64;
        bytes += voxels * (first.source.stored_dtype().bytes() as u64 + 4);
    }
    bytes.min(held)
}

/// The patches of a case in an epoch, planned.
///
/// # Errors
/// As [`Pipeline::apply_at`]; [`medcore::Error::Shape`] if there are not as many as places.
pub(super) fn plan(
    pipeline: &Pipeline,
    sample: &LazySample,
    id: &str,
    epoch: u64,
    places: &[Place],
) -> Result<Vec<LazySample>> {
    let made = pipeline.apply_at(sample, id, epoch, places)?;
    if made.len() != places.len() {
        let found = format!("{} patches of case {id:?}", made.len());
        let expected = format!("{} as before the epoch", places.len());
        return Err(medcore::Error::shape("loader", found, expected).into());
    }
    Ok(made)
}

/// What a patch takes of each item's array.
///
/// # Errors
/// As [`LazyVolume::facts`].
pub(super) fn parts(patch: &LazySample, settings: &Settings) -> Result<Vec<Part>> {
    let mut parts = vec![];
    for (name, item) in &patch.items {
        let LazyItem::Volume(v) = item else { continue };
        let facts = v.facts()?;
        let [x, y, z] = facts.grid.shape;
        let shape = [facts.channels(), x, y, z];
        parts.push(Part {
            name: name.clone(),
            role: facts.role,
            dtype: settings.dtype(name, facts.role),
            shape,
        });
    }
    Ok(parts)
}

/// The landmarks of a patch.
pub(super) fn points(patch: &LazySample) -> Vec<(String, Points)> {
    let of = |(name, item): &(String, LazyItem)| match item {
        LazyItem::Points(p) => Some((name.clone(), p.clone())),
        LazyItem::Volume(_) => None,
    };
    patch.items.iter().filter_map(of).collect()
}

/// Voxels that a patch interpolates.
pub(super) fn resampled(patch: &LazySample) -> u64 {
    let of = |v: &LazyVolume| {
        let Ok(chain) = v.chain() else { return 0 };
        let of = |c: &Chain| c.stages.iter().map(|s| s.interpolates(c.channels())).sum::<u64>();
        // What is made for several items is that of the first.
        let first = chain.beginning();
        of(chain) + if first.name == chain.name && !std::ptr::eq(first, chain) { of(first) } else { 0 }
    };
    volumes(patch).map(of).sum()
}

/// Bytes read from a sample's files so far, and bytes inflated.
pub(super) fn read(sample: &LazySample) -> [u64; 2] {
    let files = volumes(sample).flat_map(|v| v.source().files());
    files.fold([0; 2], |sum, f| [sum[0] + f.bytes_read(), sum[1] + f.bytes_inflated()])
}

/// The files of a case, by item.
pub(super) fn paths(case: &Case) -> Vec<(String, Vec<std::path::PathBuf>)> {
    let of = |(name, item): &(String, CaseItem)| match item {
        CaseItem::Files { paths, .. } => Some((name.clone(), paths.clone())),
        CaseItem::Volume(v) => {
            Some((name.clone(), v.files().iter().map(|f| f.path().to_path_buf()).collect()))
        }
        _ => None,
    };
    case.items.iter().filter_map(of).collect()
}

/// Where a patch comes from.
pub(super) fn meta(
    case: &Case,
    (visit, patch, epoch, seed): (usize, usize, u64, u64),
    before: &LazySample,
    after: &LazySample,
) -> PatchMeta {
    let grid = |sample: &LazySample| {
        let image = volumes(sample).find(|v| v.role() == Role::Image).or_else(|| volumes(sample).next());
        image.map(LazyVolume::grid)
    };
    let (from, to) = (grid(before), grid(after));
    let affine = to.map_or(Affine::IDENTITY, |g| g.affine);
    let [start, stop] = from.zip(to).and_then(|(from, to)| span(&from, &to)).unwrap_or_default();
    let key = format!("seed {seed}, epoch {epoch}, sample {:?}, patch {patch}", case.id);
    let (id, paths, passed) = (case.id.clone(), paths(case), case.passed.clone());
    PatchMeta { id, paths, visit, patch, epoch, start, stop, affine, key, passed }
}

/// The voxels of a grid among which another one lies: first, and one behind the last.
fn span(from: &Grid, to: &Grid) -> Option<[[i64; 3]; 2]> {
    let map = from.affine.inverse()? * to.affine;
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for corner in 0..8 {
        let last = |axis: usize| (to.shape[axis].max(1) - 1) as f64;
        let at = map.apply([0, 1, 2].map(|axis| if corner >> axis & 1 == 1 { last(axis) } else { 0.0 }));
        for axis in 0..3 {
            low[axis] = low[axis].min(at[axis]);
            high[axis] = high[axis].max(at[axis]);
        }
    }
    // What rounding moves by less than a millionth of a voxel is on the lattice.
    Some([low.map(|v| (v + 1e-6).floor() as i64), high.map(|v| (v - 1e-6).ceil() as i64 + 1)])
}
