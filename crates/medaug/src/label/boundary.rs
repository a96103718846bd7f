use medcore::{Category, Declared, Facts, Key, Result, Step, Transform};
use medkernels::edges;
use medkernels::element::Element;
use medkernels::threads;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole::{OnLabels, check_connectivity, whole};

/// Keep the outlines of labels: voxels next to another value become 1, all others 0.
///
/// The axes of length 1 count as none. Corresponds to scikit-image's `find_boundaries`; with `connectivity: 3`, `which: inner` and `at_edge` to MONAI's `LabelToContour` on a label of 0 and 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "LabelToContour",
    "TorchIO": "Contour",
    "SimpleITK": "LabelContour, BinaryContour",
    "scikit-image": "segmentation.find_boundaries"
}))]
pub struct Boundary {
    /// Which voxels of the two sides.
    pub which: BoundarySide,
    /// Which voxels are next to one another: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners (26).
    pub connectivity: u8,
    /// Whether voxels of labels at the volume's edge are on the boundary, as if 0 lay beyond.
    pub at_edge: bool,
}

/// Which side of a boundary: `inner`, `outer` or `thick`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoundarySide {
    /// Voxels of labels.
    #[default]
    Inner,
    /// Voxels that are 0; between labels that touch, also within corners, both.
    Outer,
    /// Both.
    Thick,
}

impl Default for Boundary {
    fn default() -> Boundary {
        Boundary { which: BoundarySide::Inner, connectivity: 1, at_edge: false }
    }
}

impl Declared for Boundary {
    const NAME: &'static str = "boundary";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("which");
}

impl Transform for Boundary {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        check_connectivity(Self::NAME, self.connectivity)?;
        let which = match self.which {
            BoundarySide::Inner => "inner",
            BoundarySide::Outer => "outer",
            BoundarySide::Thick => "thick",
        };
        let label = format!("{which} boundaries of labels, connectivity {}", self.connectivity);
        Ok(vec![whole(Self::NAME, label, self.clone())])
    }
}

/// Planes that one thread changes, and the two that lie beside them as they were.
struct Slab<'a, T> {
    below: Option<Vec<T>>,
    planes: &'a mut [T],
    above: Option<Vec<T>>,
    first: usize,
}

impl OnLabels for Boundary {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        let (plane, nz) = (shape[0] * shape[1], shape[2]);
        if voxels.is_empty() {
            return;
        }
        let depth = nz.div_ceil(threads::threads()).max(1);
        let copy = |z: usize| voxels[z * plane..(z + 1) * plane].to_vec();
        let starts = (0..nz).step_by(depth);
        let beside: Vec<_> =
            starts.map(|z| (z.checked_sub(1).map(copy), (z + depth < nz).then(|| copy(z + depth)))).collect();
        let mut slabs: Vec<Slab<'_, T>> = voxels
            .chunks_mut(plane * depth)
            .zip(beside)
            .enumerate()
            .map(|(n, (planes, (below, above)))| Slab { below, planes, above, first: n * depth })
            .collect();
        threads::for_each_mut(&mut slabs, |_, slab| self.slab(slab, shape));
    }
}

impl Boundary {
    fn slab<T: Element>(&self, slab: &mut Slab<'_, T>, shape: [usize; 3]) {
        let plane = shape[0] * shape[1];
        let mut below = slab.below.take();
        for n in 0..slab.planes.len() / plane {
            let (here, rest) = slab.planes[n * plane..].split_at_mut(plane);
            let above = if rest.is_empty() { slab.above.as_deref() } else { Some(&rest[..plane]) };
            let before = here.to_vec();
            self.plane([below.as_deref(), Some(&before), above], slab.first + n, shape, here);
            below = Some(before);
        }
    }

    /// One plane, of it as it was and its neighbours.
    fn plane<T: Element>(&self, from: [Option<&[T]>; 3], z: usize, shape: [usize; 3], out: &mut [T]) {
        let [nx, ny, nz] = shape;
        let (zero, one) = (T::from_f64_saturating(0.0), T::from_f64_saturating(1.0));
        let edge = |at: usize, n: usize| self.at_edge && n > 1 && (at == 0 || at + 1 == n);
        let (mut differs, mut meets) = (vec![0; nx], vec![0; nx]);
        for (y, out) in out.chunks_mut(nx).enumerate() {
            let row = |dy: isize, dz: usize| {
                let y = y.checked_add_signed(dy).filter(|y| *y < ny)?;
                from[dz].map(|plane| &plane[y * nx..(y + 1) * nx])
            };
            let Some(here) = row(0, 1) else { continue };
            differs.fill(0);
            meets.fill(0);
            for (dz, dy) in (0..3).flat_map(|dz| (-1..=1).map(move |dy| (dz, dy))) {
                let Some(there) = row(dy, dz) else { continue };
                for dx in -1isize..=1 {
                    let steps = dy.unsigned_abs() + dz.abs_diff(1) + dx.unsigned_abs();
                    let (to, of) = shifted(nx, dx);
                    let (mine, theirs) = (&here[to.clone()], &there[of]);
                    if (1..=self.connectivity as usize).contains(&steps) {
                        edges::differ(mine, theirs, &mut differs[to.clone()]);
                    }
                    if self.which == BoundarySide::Outer {
                        edges::differ_from_labels(mine, theirs, &mut meets[to]);
                    }
                }
            }
            let all = edge(y, ny) || edge(z, nz);
            for (x, (((v, out), differs), meets)) in
                here.iter().zip(out).zip(&differs).zip(&meets).enumerate()
            {
                let of_label = *v != zero;
                let on = (*differs == 1 || (of_label && (all || edge(x, nx))))
                    && match self.which {
                        BoundarySide::Inner => of_label,
                        BoundarySide::Outer => *meets == 1,
                        BoundarySide::Thick => true,
                    };
                *out = if on { one } else { zero };
            }
        }
    }
}

/// Places of a row, and those of another that lie so far from them along x.
fn shifted(nx: usize, dx: isize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    match dx {
        -1 => (1.min(nx)..nx, 0..nx.saturating_sub(1)),
        1 => (0..nx.saturating_sub(1), 1.min(nx)..nx),
        _ => (0..nx, 0..nx),
    }
}
