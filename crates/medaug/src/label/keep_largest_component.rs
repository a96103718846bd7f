use std::collections::HashMap;
use std::sync::Arc;

use medcore::{Category, Declared, Error, Facts, Global, Key, RawVolume, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Keep only the largest connected component of each label; all other voxels of it become 0.
///
/// Of components of the same size, the one whose first voxel (x fastest) comes first is kept. Corresponds to MONAI's
/// `KeepLargestConnectedComponent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepLargestComponent {
    /// Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners (26).
    pub connectivity: u8,
    /// Whether each label value is looked at by itself; otherwise all voxels that are not 0 count as one.
    pub per_label: bool,
}

impl Default for KeepLargestComponent {
    fn default() -> KeepLargestComponent {
        KeepLargestComponent { connectivity: 3, per_label: true }
    }
}

impl Declared for KeepLargestComponent {
    const NAME: &'static str = "keep_largest_component";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("connectivity");
}

impl Transform for KeepLargestComponent {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        if !(1..=3).contains(&self.connectivity) {
            return Err(Error::param(Self::NAME, "connectivity", self.connectivity, "1, 2 or 3"));
        }
        let (connectivity, per_label) = (self.connectivity, self.per_label);
        let run = move |v: RawVolume<'_>| {
            match v.dtype.bytes() {
                1 => keep::<u8>(v, connectivity, per_label),
                2 => keep::<u16>(v, connectivity, per_label),
                4 => keep::<u32>(v, connectivity, per_label),
                8 => keep::<u64>(v, connectivity, per_label),
                _ => return Err(Error::not_numeric(Self::NAME, v.dtype)),
            }
            Ok(())
        };
        let label = format!("keep the largest component, connectivity {connectivity}");
        Ok(vec![Step::Global(Global { label, run: Arc::new(run) })])
    }
}

/// Labels are compared by their bits, so the unsigned type of their size serves for all.
trait Bits: Copy + Eq + std::hash::Hash + Default {
    fn get(bytes: &[u8], at: usize) -> Self;
}

macro_rules! bits {
    ($($t:ty)*) => {$(impl Bits for $t {
        fn get(bytes: &[u8], at: usize) -> Self {
            const N: usize = size_of::<$t>();
            let mut word = [0; N];
            word.copy_from_slice(&bytes[at * N..(at + 1) * N]);
            <$t>::from_ne_bytes(word)
        }
    })*};
}
bits!(u8 u16 u32 u64);

/// Root of a voxel's tree, with path halving.
fn root(parent: &mut [u32], mut i: u32) -> u32 {
    while parent[i as usize] != i {
        parent[i as usize] = parent[parent[i as usize] as usize];
        i = parent[i as usize];
    }
    i
}

fn keep<T: Bits>(v: RawVolume<'_>, connectivity: u8, per_label: bool) {
    let [nx, ny, nz] = v.shape;
    let zero = T::default();
    // Provisional component per voxel (0: background); joined by union-find, the lower number always the root.
    let mut component = vec![0u32; nx * ny * nz];
    let mut parent = vec![0u32];
    let before = neighbours_before(connectivity);
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let at = x + nx * (y + ny * z);
                let value = T::get(v.bytes, at);
                if value == zero {
                    continue;
                }
                let mut mine = 0;
                for &(dx, dy, dz) in &before {
                    let (px, py, pz) = (x as i64 + dx, y as i64 + dy, z as i64 + dz);
                    if px < 0 || py < 0 || pz < 0 || px >= nx as i64 || py >= ny as i64 {
                        continue;
                    }
                    let other = px as usize + nx * (py as usize + ny * pz as usize);
                    if component[other] == 0 || (per_label && T::get(v.bytes, other) != value) {
                        continue;
                    }
                    let theirs = root(&mut parent, component[other]);
                    if mine == 0 {
                        mine = theirs;
                    } else if mine != theirs {
                        let (low, high) = (mine.min(theirs), mine.max(theirs));
                        parent[high as usize] = low;
                        mine = low;
                    }
                }
                if mine == 0 {
                    mine = parent.len() as u32;
                    parent.push(mine);
                }
                component[at] = mine;
            }
        }
    }
    let mut size = vec![0u64; parent.len()];
    for c in component.iter_mut().filter(|c| **c != 0) {
        *c = root(&mut parent, *c);
        size[*c as usize] += 1;
    }
    let mut best: HashMap<T, u32> = HashMap::new();
    for (at, &c) in component.iter().enumerate().filter(|(_, c)| **c != 0) {
        let group = if per_label { T::get(v.bytes, at) } else { zero };
        let champion = best.entry(group).or_insert(c);
        if size[c as usize] > size[*champion as usize] {
            *champion = c;
        }
    }
    let width = size_of::<T>();
    for (at, &c) in component.iter().enumerate().filter(|(_, c)| **c != 0) {
        let group = if per_label { T::get(v.bytes, at) } else { zero };
        if best.get(&group) != Some(&c) {
            v.bytes[at * width..(at + 1) * width].fill(0);
        }
    }
}

/// Offsets of the neighbours that a scan with x fastest has already seen.
fn neighbours_before(connectivity: u8) -> Vec<(i64, i64, i64)> {
    let mut out = vec![];
    for dz in -1..=0i64 {
        for dy in -1..=1i64 {
            for dx in -1..=1i64 {
                let seen = dz < 0 || dy < 0 || (dy == 0 && dx < 0);
                let steps = dx.abs() + dy.abs() + dz.abs();
                if seen && (1..=i64::from(connectivity)).contains(&steps) {
                    out.push((dx, dy, dz));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_neighbours_come_before() {
        for (c, n) in [(1, 3), (2, 9), (3, 13)] {
            assert_eq!(neighbours_before(c).len(), n);
        }
    }

    #[test]
    fn keeps_the_larger_of_two_and_joins_a_u() {
        // A U of 7 voxels that only joins in its last row, and one voxel apart.
        let mut v: Vec<u8> = vec![1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1];
        let want: Vec<u8> = vec![1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0];
        keep::<u8>(RawVolume { bytes: &mut v, dtype: medcore::DType::U8, shape: [5, 3, 1] }, 1, true);
        assert_eq!(v, want);
    }
}
