use std::sync::Arc;

use medcore::{Category, Declared, Error, Facts, Global, Key, PerAxis, RawVolume, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Swap pairs of patches within the image, one pair after the other, as is done for learning to restore context.
///
/// Places are drawn for each image; every place inside it is equally likely. Corresponds to TorchIO's `RandomSwap`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"TorchIO": "Swap, RandomSwap"}))]
pub struct Swap {
    /// Voxels of a patch along x, y, z.
    pub shape: PerAxis<usize>,
    /// Number of pairs.
    pub count: usize,
    /// First voxels (x, y, z) of the two patches of each pair, instead of drawn ones.
    pub places: Option<Vec<[[usize; 3]; 2]>>,
}

impl Default for Swap {
    fn default() -> Swap {
        Swap { shape: PerAxis::All(15), count: 100, places: None }
    }
}

impl Declared for Swap {
    const NAME: &'static str = "swap";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("shape");
    const RANDOM: bool = true;
}

impl Transform for Swap {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let (n, shape) = (at.grid.shape, self.shape.each());
        if shape.contains(&0) || (0..3).any(|a| shape[a] > n[a]) {
            let wanted = format!("1 voxel at least, and no more than there are, {n:?}");
            return Err(Error::param(Self::NAME, "shape", format!("{shape:?}"), wanted));
        }
        if self.count > 1 << 20 {
            return Err(Error::param(Self::NAME, "count", self.count, "up to 2^20"));
        }
        let last = [0, 1, 2].map(|a| n[a] - shape[a]);
        let places = if let Some(given) = &self.places {
            if let Some(wrong) = given.iter().flatten().find(|p| (0..3).any(|a| p[a] > last[a])) {
                let wanted = format!("places from which {shape:?} voxels lie inside {n:?}");
                return Err(Error::param(Self::NAME, "places", format!("{wrong:?}"), wanted));
            }
            given.clone()
        } else {
            let key = key.text("places");
            let place = |pair: u64, which: u64| {
                let key = key.index(pair).index(which);
                [0, 1, 2].map(|a| key.index(a as u64).below(last[a] as u64 + 1) as usize)
            };
            (0..self.count as u64).map(|pair| [place(pair, 0), place(pair, 1)]).collect()
        };
        let label = format!("swap {} pairs of patches of {shape:?}", places.len());
        let run = move |v: RawVolume<'_>| {
            let size = v.dtype.bytes();
            let mut held = [(); 2].map(|()| vec![0; shape.iter().product::<usize>() * size]);
            for pair in &places {
                for (patch, place) in held.iter_mut().zip(pair) {
                    rows(v.shape, shape, *place, size, |n, at| {
                        patch[n..][..at.len()].copy_from_slice(&v.bytes[at]);
                    });
                }
                // Where the two overlap, what the second held stays.
                for (patch, place) in held.iter().zip([pair[1], pair[0]]) {
                    rows(v.shape, shape, place, size, |n, at| {
                        let len = at.len();
                        v.bytes[at].copy_from_slice(&patch[n..][..len]);
                    });
                }
            }
            Ok(())
        };
        Ok(vec![Step::Global(Global { label, run: Arc::new(run) })])
    }
}

/// The rows of a patch: where each begins in the patch, and the bytes of the volume that it is.
fn rows(
    n: [usize; 3],
    shape: [usize; 3],
    place: [usize; 3],
    size: usize,
    mut row: impl FnMut(usize, std::ops::Range<usize>),
) {
    for z in 0..shape[2] {
        for y in 0..shape[1] {
            let from = (place[0] + n[0] * (place[1] + y + n[1] * (place[2] + z))) * size;
            row((y + shape[1] * z) * shape[0] * size, from..from + shape[0] * size);
        }
    }
}
