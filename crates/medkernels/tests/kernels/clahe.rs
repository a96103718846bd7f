//! Histograms and CLAHE against their definitions, voxel by voxel.

use medkernels::clahe::{Plane, Rule, Volume};
use medkernels::histogram::{Bins, Tiles, histogram, tile_histograms};
use medkernels::level::{available, force};
use medkernels::stats::Keep;

use super::levels::lock;
use super::oracle::{bits, values};

#[test]
fn histograms_count_each_kept_voxel_once() {
    let voxels: Vec<f32> =
        values(21, 300_000, -4.0, 9.0).into_iter().chain([f32::NAN, f32::INFINITY, -1e30]).collect();
    let mask: Vec<u8> = (0..voxels.len()).map(|n| u8::from(!n.is_multiple_of(3))).collect();
    for (low, high, count) in [(-3.0, 8.0, 7), (-4.0, 9.0, 5000), (0.0, 1.0, 2)] {
        let bins = Bins { low, high, count };
        for (keep, kept) in [
            (Keep::All, (|_| true) as fn(f32) -> bool),
            (Keep::Nonzero, |v| v != 0.0),
            (Keep::Above(2.5), |v| v > 2.5),
        ] {
            let mut wanted = vec![0u32; count];
            let counted = voxels.iter().zip(&mask).filter(|(v, m)| !v.is_nan() && **m != 0 && kept(**v));
            for (v, _) in counted {
                let place = ((f64::from(*v) - low) / (high - low) * count as f64).floor();
                wanted[place.clamp(0.0, count as f64 - 1.0) as usize] += 1;
            }
            let (a, b) = voxels.split_at(1001);
            let (c, d) = mask.split_at(1001);
            assert_eq!(histogram(&[a, b], Some(&[c, d]), keep, &bins), wanted, "{count} bins");
        }
    }
}

#[test]
fn whole_numbers_have_bins_of_their_own() {
    let voxels: Vec<f32> =
        (-40i16..=300).flat_map(|v| vec![f32::from(v); 1 + v.unsigned_abs() as usize % 5]).collect();
    let found = histogram(&[&voxels], None, Keep::All, &Bins::whole(-40, 300));
    let wanted: Vec<u32> = (-40i16..=300).map(|v| 1 + u32::from(v.unsigned_abs()) % 5).collect();
    assert_eq!(found, wanted);
}

/// OpenCV's index beyond the last voxel.
fn mirrored(i: usize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let i = i % (2 * n - 2);
    if i < n { i } else { 2 * n - 2 - i }
}

/// The table of a tile, from the list of its levels.
fn table(tile: &[usize], levels: usize, clip: f64, whole: bool) -> Vec<f32> {
    let mut counts = vec![0usize; levels];
    for v in tile {
        counts[*v] += 1;
    }
    if clip > 0.0 {
        let limit = ((clip * tile.len() as f64 / levels as f64) as usize).max(1);
        let clipped: usize = counts.iter().map(|n| n.saturating_sub(limit)).sum();
        for n in &mut counts {
            *n = (*n).min(limit) + clipped / levels;
        }
        let mut residual = clipped % levels;
        if let Some(step) = levels.checked_div(residual) {
            let step = step.max(1);
            for n in counts.iter_mut().step_by(step) {
                if residual > 0 {
                    *n += 1;
                    residual -= 1;
                }
            }
        }
    }
    let (mut sum, scale) = (0, (levels - 1) as f32 / tile.len() as f32);
    counts
        .iter()
        .map(|n| {
            sum += n;
            let value = sum as f32 * scale;
            if whole { value.round_ties_even() } else { value }
        })
        .collect()
}

/// Levels of a volume, equalised: tables blended along z, y, x; axes of one voxel, with one tile, not at all.
fn oracle(
    levels_of: &[usize],
    shape: [usize; 3],
    tiles: [Tiles; 3],
    levels: usize,
    clip: f64,
    whole: bool,
) -> Vec<f32> {
    let [nx, ny, nz] = shape;
    let at = |x: usize, y: usize, z: usize| levels_of[x + nx * (y + ny * z)];
    let mut tables = vec![];
    for n in 0..tiles.iter().map(|t| t.count).product() {
        let tile =
            [n % tiles[0].count, n / tiles[0].count % tiles[1].count, n / tiles[0].count / tiles[1].count];
        let range = |a: usize| {
            (tile[a] * tiles[a].length..(tile[a] + 1) * tiles[a].length).map(move |i| mirrored(i, shape[a]))
        };
        let mut all = vec![];
        for z in range(2) {
            for y in range(1) {
                all.extend(range(0).map(|x| at(x, y, z)));
            }
        }
        tables.push(table(&all, levels, clip, whole));
    }
    let around = |a: usize, i: usize| {
        let place = i as f32 * (1.0 / tiles[a].length as f32) - 0.5;
        let first = place.floor();
        let last = tiles[a].count as i64 - 1;
        let tile = |t: i64| t.clamp(0, last) as usize;
        ([tile(first as i64), tile(first as i64 + 1)], [1.0 - (place - first), place - first])
    };
    let mut out = vec![];
    for n in 0..levels_of.len() {
        let place = [n % nx, n / nx % ny, n / nx / ny];
        let ([x0, x1], [u0, u1]) = around(0, place[0]);
        let ([y0, y1], [v0, v1]) = around(1, place[1]);
        let ([z0, z1], [w0, w1]) = around(2, place[2]);
        let of = |x: usize, y: usize, z: usize| {
            tables[x + tiles[0].count * (y + tiles[1].count * z)][levels_of[n]]
        };
        let along_z =
            |x: usize, y: usize| if nz == 1 { of(x, y, 0) } else { of(x, y, z0) * w0 + of(x, y, z1) * w1 };
        let along_y = |x: usize| along_z(x, y0) * v0 + along_z(x, y1) * v1;
        out.push(along_y(x0) * u0 + along_y(x1) * u1);
    }
    out
}

const SHAPES: [[usize; 2]; 6] = [[64, 48], [61, 47], [5, 3], [1, 9], [17, 1], [200, 131]];

#[test]
fn pictures_are_equalised_by_the_definition() {
    let _lock = lock();
    for shape in SHAPES {
        let n = shape[0] * shape[1];
        let voxels = values(22, n, 0.0, 255.0);
        // Some levels are frequent.
        let levels: Vec<usize> = voxels.iter().map(|v| if *v < 90.0 { 17 } else { *v as usize }).collect();
        for (count, clip) in [([8, 8], 2.0), ([3, 5], 0.0), ([1, 2], 40.0), ([4, 4], 0.01)] {
            let tiles = Tiles::of(shape, count);
            let solid = [tiles[0], tiles[1], Tiles { count: 1, length: 1 }];
            let wanted = oracle(&levels, [shape[0], shape[1], 1], solid, 256, clip, true);
            let wanted: Vec<u8> = wanted.iter().map(|v| v.round_ties_even() as u8).collect();
            let src: Vec<u8> = levels.iter().map(|v| *v as u8).collect();
            let wide: Vec<u16> = levels.iter().map(|v| (300 * *v % 5003 + 7) as u16).collect();
            let wide_levels: Vec<usize> = wide.iter().map(|v| usize::from(*v)).collect();
            let wide_wanted = oracle(&wide_levels, [shape[0], shape[1], 1], solid, 65536, clip, true);
            let wide_wanted: Vec<u16> = wide_wanted.iter().map(|v| v.round_ties_even() as u16).collect();
            let float_wanted = oracle(&levels, [shape[0], shape[1], 1], solid, 256, clip, false);
            let floats: Vec<f32> = levels.iter().map(|v| *v as f32).collect();
            for level in available() {
                force(Some(level)).unwrap();
                // Its slow axis is blended first, as y of the oracle.
                let plane = Plane { shape, tiles, fast_first: false };
                let mut out = vec![0; n];
                plane.equalize_u8(&src, &mut out, clip);
                assert_eq!(out, wanted, "{shape:?} by {count:?}, clip {clip}, {level}");
                let mut out = vec![0; n];
                plane.equalize_u16(&wide, &mut out, clip);
                assert_eq!(out, wide_wanted, "{shape:?} by {count:?}, clip {clip}, {level}");
                let mut out = vec![0.0; n];
                plane.equalize_f32(&floats, &mut out, &Bins::whole(0, 255), clip);
                assert_eq!(bits(&out), bits(&float_wanted), "{shape:?} by {count:?}, clip {clip}, {level}");
            }
            force(None).unwrap();
            // The same picture with its axes exchanged, blended in the same order.
            let turn = |all: &[u8]| -> Vec<u8> {
                (0..n).map(|i| all[i / shape[1] + i % shape[1] * shape[0]]).collect()
            };
            let plane = Plane { shape: [shape[1], shape[0]], tiles: [tiles[1], tiles[0]], fast_first: true };
            let mut out = vec![0; n];
            plane.equalize_u8(&turn(&src), &mut out, clip);
            assert_eq!(out, turn(&wanted), "{shape:?} turned");
        }
    }
}

#[test]
fn volumes_are_equalised_by_the_definition() {
    for shape in [[24, 16, 8], [13, 11, 7], [5, 1, 9], [40, 3, 2]] {
        let n: usize = shape.iter().product();
        let levels: Vec<usize> =
            values(23, n, 0.0, 60.0).iter().map(|v| if *v < 20.0 { 3 } else { *v as usize }).collect();
        let voxels: Vec<f32> = levels.iter().map(|v| *v as f32).collect();
        let planes: Vec<&[f32]> = voxels.chunks(shape[0] * shape[1]).collect();
        for (count, clip) in [([4, 2, 3], 1.5), ([1, 1, 2], 0.0)] {
            let (tiles, bins) = (Tiles::of(shape, count), Bins::whole(0, 63));
            let counts = tile_histograms(&planes, shape[0], shape[1], tiles, &bins);
            let rule = Rule { clip, levels: 64, whole: false };
            let volume = Volume::new(shape, tiles, &counts, bins, 0, &rule);
            let wanted = oracle(&levels, shape, tiles, 64, clip, false);
            let mut out = voxels.clone();
            for (row, out) in out.chunks_mut(shape[0]).enumerate() {
                let place = [row % shape[1], row / shape[1]];
                // In two parts, which are no other voxels.
                let (a, b) = out.split_at_mut(shape[0] / 2);
                let middle = a.len();
                volume.equalize(a, [0, place[0], place[1]], 0.0, 1.0);
                volume.equalize(b, [middle, place[0], place[1]], 0.0, 1.0);
            }
            assert_eq!(bits(&out), bits(&wanted), "{shape:?} by {count:?}");
        }
    }
}

#[test]
fn tables_of_some_levels_are_those_of_all() {
    let counts: Vec<u32> = (0..4096u32).map(|n| if n.is_multiple_of(7) { n % 900 } else { 0 }).collect();
    let mut all = vec![0; 65536];
    all[1200..5296].copy_from_slice(&counts);
    for clip in [0.0, 0.5, 3.0, 400.0] {
        let rule = Rule { clip, levels: 65536, whole: true };
        let (few, many) = (rule.tables(&counts, 4096, 1200, 261_000), rule.tables(&all, 65536, 0, 261_000));
        assert_eq!(few[..4096], many[1200..5296], "clip {clip}");
    }
}

#[test]
fn nan_stays_and_counts_nowhere() {
    let mut voxels = values(24, 600, 0.0, 1.0);
    let shape = [30, 20];
    voxels[77] = f32::NAN;
    let plane = Plane { shape, tiles: Tiles::of(shape, [3, 2]), fast_first: false };
    let mut out = vec![0.0; 600];
    plane.equalize_f32(&voxels, &mut out, &Bins::about(0.0, 1.0, 64), 2.0);
    assert_eq!(out.iter().filter(|v| v.is_nan()).count(), 1);
    assert!(out[77].is_nan());
}
