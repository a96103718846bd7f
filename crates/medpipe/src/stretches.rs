//! Measurements that go through a box in the order of its voxels.

use medcore::{Box3, Error};
use medkernels::element::Element;
use medkernels::{threads, weights};

use crate::Result;
use crate::chain::Chain;
use crate::slabs::SLAB;
use crate::tile::{Tile, Want};
use crate::work;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Runs `f` on stretches of a box that follow one another, of at least so many planes, on all threads; what it gives, in order.
pub(crate) fn stretches<T: Send>(
    whole: &Box3,
    least: usize,
    f: impl Fn(&Box3) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let Box3 { start, shape: [nx, ny, nz] } = *whole;
    let (rows, planes) = match SLAB / (nx * ny).max(1) {
        0 if least <= 1 => ((SLAB / nx.max(1)).max(1), 1),
        planes => (ny, planes.min(nz.div_ceil(2 * threads::threads())).max(least)),
    };
    let at = |n: usize, step: usize| (0..n).step_by(step.max(1));
    let mut parts: Vec<(Box3, Option<Result<T>>)> = at(nz, planes)
        .flat_map(|z| at(ny, rows).map(move |y| [y, z]))
        .map(|[y, z]| {
            let b = Box3 {
                start: [start[0], start[1] + y, start[2] + z],
                shape: [nx, rows.min(ny - y), planes.min(nz - z)],
            };
            (b, None)
        })
        .filter(|(b, _)| !b.is_empty())
        .collect();
    work::begin(parts.len());
    let one = |(b, out): &mut (Box3, Option<Result<T>>)| {
        *out = Some(f(b));
        work::finish();
    };
    if whole.len() < threads::PARALLEL_BYTES {
        parts.iter_mut().for_each(one);
    } else {
        threads::for_each_mut(&mut parts, |_, part| one(part));
    }
    parts.into_iter().filter_map(|(_, out)| out).collect()
}

/// The voxels of a packed tile, if they lie as their type wants; a NumPy array may be at an odd address.
pub(crate) fn voxels<T: Element>(tile: &Tile) -> std::borrow::Cow<'_, [T]> {
    let bytes = tile.bytes_packed();
    bytemuck::try_cast_slice(bytes)
        .map_or_else(|_| bytemuck::pod_collect_to_vec(bytes).into(), std::borrow::Cow::Borrowed)
}

impl Chain {
    /// A box of one channel, packed; nothing may be left that needs the whole volume.
    pub(crate) fn packed(&self, channel: usize, b: &Box3, want: Want) -> Result<Tile> {
        self.view(self.stages.len(), channel, b, want)?.into_packed()
    }

    /// Planes that are looked at together: where columns lie together in memory and not planes, as many as a cache line holds, so that it is fetched once.
    pub(crate) fn together(&self) -> usize {
        match self.turn_of_source() {
            Some(turn) if turn[2] != 2 => LINE / self.source.stored_dtype().bytes().max(1),
            _ => 1,
        }
    }

    /// An item of one channel, for a look at its voxels in order.
    pub(crate) fn alone(&self, what: &str) -> Result<Chain> {
        if self.channels() != 1 {
            let found = format!("{} channels in {:?}", self.channels(), self.name);
            return Err(Error::shape(what, found, "one channel").into());
        }
        Ok(self.resolved()?.chain)
    }

    /// Voxels inside a box, drawn with probabilities in proportion to their values; none if all are 0.
    pub(crate) fn drawn(&self, shares: &[f64], inside: &Box3) -> Result<Vec<[usize; 3]>> {
        let map = self.alone("a map of weights")?;
        let nx = inside.shape[0].max(1);
        let mut so_far = vec![];
        for rows in stretches(inside, map.together(), |b| {
            let tile = map.packed(0, b, Want::F32)?;
            let rows = voxels::<f32>(&tile);
            let sums = rows.chunks(nx).map(weights::total).collect::<Option<Vec<f64>>>();
            sums.ok_or_else(|| wrong_weight(&self.name, &rows, b).into())
        })? {
            so_far.extend(rows);
        }
        let mut total = 0.0;
        for sum in &mut so_far {
            total += *sum;
            *sum = total;
        }
        if total <= 0.0 {
            return Ok(vec![]);
        }
        let one = |share: &f64| {
            let aim = share * total;
            // Rounding may take the aim to the very end, where only empty rows follow.
            let last = so_far.partition_point(|&sum| sum < total);
            let row = so_far.partition_point(|&sum| sum <= aim).min(last);
            let ny = inside.shape[1];
            let start = [inside.start[0], inside.start[1] + row % ny, inside.start[2] + row / ny];
            let b = Box3 { start, shape: [inside.shape[0], 1, 1] };
            let tile = map.packed(0, &b, Want::F32)?;
            let mut sum = if row > 0 { so_far[row - 1] } else { 0.0 };
            let mut found = 0;
            for (x, &w) in voxels::<f32>(&tile).iter().enumerate().filter(|(_, w)| **w > 0.0) {
                sum += f64::from(w);
                found = x;
                if sum > aim {
                    break;
                }
            }
            Ok([start[0] + found, start[1], start[2]])
        };
        shares.iter().map(one).collect()
    }
}

fn wrong_weight(name: &str, voxels: &[f32], b: &Box3) -> Error {
    let at = voxels.iter().position(|w| !(*w >= 0.0 && *w < f32::INFINITY)).unwrap_or(0);
    let [nx, ny, _] = b.shape;
    let place = [at % nx, at / nx % ny, at / nx / ny];
    Error::Data {
        what: format!("the weights {name:?}"),
        found: format!(
            "{} at voxel {:?}",
            voxels.get(at).copied().unwrap_or_default(),
            [0, 1, 2].map(|i| b.start[i] + place[i])
        ),
        hint: "weights are finite and not negative".into(),
    }
}
