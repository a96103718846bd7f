//! Laws that hold for every chain: fused is step by step, a part is part of the whole, any number of threads gives the same bits.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod given;

use given::{any_dtype, chain, image, lattice_chain, nodes};
use medcore::{DType, Grid, Role, Volume};
use medpipe::{Cache, Layout, LazyItem, LazySample, LazyVolume, Node, Pipeline};
use proptest::prelude::*;
use serde_json::json;

fn run(volume: &Volume, nodes: &[Node], fuse: bool) -> LazyVolume {
    let pipeline = Pipeline::new(nodes.to_vec()).with_seed(11).with_fuse(fuse);
    pipeline.apply_to_volume(&LazyVolume::from_volume(volume.clone())).expect("a chain of valid steps")
}

fn bits(v: &LazyVolume) -> (Vec<u8>, DType) {
    let v = v.compute().expect("computed");
    let n = v.grid().len() * v.stored_dtype().bytes();
    let mut out = vec![0; n * v.channels()];
    for (c, part) in out.chunks_mut(n.max(1)).enumerate() {
        v.copy_channel(c, part).expect("copied");
    }
    (out, v.stored_dtype())
}

/// The voxels of a volume without channels, z fastest.
fn c_bytes(v: &Volume) -> Vec<u8> {
    let turned = v.clone().permuted([2, 1, 0]).unwrap();
    let mut out = vec![0; v.grid().len() * v.stored_dtype().bytes()];
    turned.copy_channel(0, &mut out).unwrap();
    out
}

/// A file through some steps, kept after the deterministic ones in a cache on disk and in one in memory, made and found, against the same computed there.
fn kept_is_computed(volume: &Volume, steps: &[Node]) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.nii.gz");
    let half = matches!(volume.stored_dtype(), DType::F16 | DType::BF16);
    let storage = if half { medio::Storage::Float16Private } else { medio::Storage::AsIs };
    medio::save(&path, volume, &medio::SaveOptions { storage, sync: false, ..Default::default() }).unwrap();
    let (before, after) = steps.split_at(steps.iter().position(Node::is_random).unwrap_or(steps.len()));
    let chained = |v: LazyVolume, steps: &[Node]| {
        steps.iter().fold(v, |v, step| v.then(step.clone(), Some(11)).expect("a valid step"))
    };
    let first = || chained(LazyVolume::open(&path).unwrap(), before);
    let eager = first();
    eager.compute().unwrap();
    let eager = chained(eager, after);
    for cache in [Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap(), Cache::in_memory(1 << 30)] {
        for visit in 0..2 {
            let kept = chained(first().cached(&cache).unwrap(), after);
            prop_assert_eq!(kept.grid(), eager.grid());
            prop_assert_eq!(bits(&kept), bits(&eager), "visit {} of {:?}", visit, cache);
            let stats = cache.stats();
            prop_assert_eq!((stats.misses, stats.rebuilt, stats.not_kept), (1, 0, 0));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Law A: with at most one interpolation, fusing changes no bit.
    #[test]
    fn fused_is_step_by_step(volume in image(), steps in chain(1)) {
        let (a, b) = (run(&volume, &steps, true), run(&volume, &steps, false));
        prop_assert_eq!(a.grid(), b.grid());
        prop_assert_eq!(bits(&a), bits(&b), "{}", a.explain().unwrap());
    }

    /// Values written where they are wanted are those of a new volume: from memory in both orders and from a file, on one thread and on all.
    #[test]
    fn in_place_is_computed(volume in any_dtype(), float in image(), steps in chain(1), copies in lattice_chain()) {
        let dir = tempfile::tempdir().unwrap();
        for (n, (volume, steps)) in [(&volume, &copies), (&float, &steps)].into_iter().enumerate() {
            let mut sources = vec![LazyVolume::from_volume(volume.clone()), LazyVolume::from_volume(given::c_order(volume))];
            if !matches!(volume.stored_dtype(), DType::F16 | DType::BF16) {
                let path = dir.path().join(format!("{n}.nii.gz"));
                medio::save(&path, volume, &medio::SaveOptions { sync: false, ..Default::default() }).unwrap();
                sources.push(LazyVolume::open(&path).unwrap());
            }
            for source in sources {
                let made = Pipeline::new(steps.clone()).with_seed(11).apply_to_volume(&source).unwrap();
                let have = made.facts().unwrap().dtype;
                for dtype in [have, DType::F32, DType::F64] {
                    if dtype != have && !have.is_real() {
                        continue;
                    }
                    let expected = made.compute_as(Some(dtype), Layout::ZFastest).unwrap();
                    let of = || {
                        let mut out = vec![0xa5; made.bytes_as(dtype).unwrap()];
                        made.compute_into(dtype, &mut out).map(|()| out)
                    };
                    let expected = c_bytes(&expected);
                    prop_assert_eq!(&of().unwrap(), &expected, "{} as {}", have, dtype);
                    prop_assert_eq!(&medkernels::threads::inline(of).unwrap(), &expected, "inline, {} as {}", have, dtype);
                }
            }
        }
    }

    /// Step by step through memory is the same as one chain.
    #[test]
    fn lazy_is_eager(volume in image(), steps in chain(2)) {
        let whole = run(&volume, &steps, false);
        let mut now = LazyVolume::from_volume(volume);
        for (n, step) in steps.iter().enumerate() {
            // The same names for random draws, by naming each step.
            let id = format!("{}#{}", step.name, steps[..n].iter().filter(|s| s.name == step.name).count());
            let one = Pipeline::new(vec![step.clone().with_id(&id)]).with_seed(11);
            let next = one.apply_to_volume(&now).unwrap();
            now = LazyVolume::from_volume(next.compute().unwrap());
        }
        prop_assert_eq!(now.grid(), whole.grid());
        prop_assert_eq!(bits(&now), bits(&whole));
    }

    /// What is kept is what was computed there, and so is what follows.
    #[test]
    fn cached_is_eager(volume in image(), steps in chain(2)) {
        kept_is_computed(&volume, &steps)?;
    }

    /// Voxels of every kind come out of a cache as they went in.
    #[test]
    fn cached_is_eager_for_all_dtypes(volume in any_dtype(), steps in lattice_chain()) {
        kept_is_computed(&volume, &steps)?;
    }

    /// A part computed by itself is that part of the whole: the crop is pushed to the source, and changes nothing.
    #[test]
    fn a_part_is_part_of_the_whole(volume in image(), steps in chain(2), at in prop::array::uniform3(0.0f64..1.0), of in prop::array::uniform3(0.0f64..1.0)) {
        let whole = run(&volume, &steps, true);
        let n = whole.grid().shape;
        let start = [0, 1, 2].map(|i| (at[i] * n[i] as f64) as usize);
        let shape = [0, 1, 2].map(|i| 1 + (of[i] * (n[i] - start[i]) as f64) as usize).iter().zip(n).zip(start).map(|((&s, n), o)| s.min(n - o)).collect::<Vec<_>>();
        let crop = Node::new("crop", json!({"start": start, "shape": shape})).unwrap();
        let mut with = steps.clone();
        with.push(crop.clone());
        let part = run(&volume, &with, true);
        let memory = LazyVolume::from_volume(whole.compute().unwrap());
        let cut = Pipeline::new(vec![crop]).apply_to_volume(&memory).unwrap();
        prop_assert_eq!(bits(&part), bits(&cut));
        prop_assert_eq!(part.grid(), cut.grid());
    }

    /// Any number of threads, and so any tiling, gives the same bits.
    #[test]
    fn threads_change_nothing(volume in image(), steps in chain(2)) {
        let of = |threads| {
            medkernels::threads::set_threads(Some(threads));
            let out = bits(&run(&volume, &steps, true));
            medkernels::threads::set_threads(None);
            out
        };
        let one = of(1);
        prop_assert_eq!(&one, &of(2));
        prop_assert_eq!(&one, &of(7));
    }

    /// The same of pictures and volumes large enough for threads: pieces of slices are measured and computed apart.
    #[test]
    fn threads_change_nothing_in_what_is_large(
        shape in prop::sample::select(vec![[700usize, 409, 1], [397, 601, 1], [301, 250, 3], [90, 81, 40]]),
        seed in any::<u64>(),
        odd in prop::sample::select(vec![0.0f32, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]),
        turned in any::<bool>(),
        step in prop::sample::select(vec![
            json!({"z_normalize": null}),
            json!({"z_normalize": {"mask": {"above": 12.5}}}),
            json!({"rescale": [-1.0, 1.0]}),
            json!({"rescale": {"percentiles": [3.0, 97.0]}}),
            json!({"gaussian_smooth": 1.5}),
        ]),
    ) {
        let grid = Grid::new(shape, medcore::Affine::IDENTITY);
        let key = medcore::Key::new(seed);
        let mut voxels: Vec<f32> =
            (0..grid.len()).map(|i| (key.index(i as u64).uniform() as f32 - 0.3) * 90.0).collect();
        // Odd voxels in the first blocks and in the last: pieces without them know nothing of them.
        for at in [7, grid.len() - 3] {
            voxels[at] = odd;
        }
        let packed = Volume::from_f32(grid, &voxels).unwrap();
        let volume = if turned { given::c_order(&packed) } else { packed };
        let steps = nodes(&[step, json!({"clamp": {"max": 1.5}}), json!({"rescale": {"in_range": [-3.0, 3.0]}})]);
        let of = |threads| {
            medkernels::threads::set_threads(Some(threads));
            let lazy = run(&volume, &steps, true);
            let out = lazy.compute().map_err(|e| e.to_string()).map(|v| {
                v.to_f32().unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            });
            medkernels::threads::set_threads(None);
            out
        };
        let one = of(1);
        prop_assert!(one == of(2));
        prop_assert!(one == of(7));
    }

    /// However the source lies in memory, and in whichever layout the result is wanted, the values are the same.
    #[test]
    fn layouts_change_nothing(volume in image(), steps in chain(1)) {
        let packed = run(&volume, &steps, true);
        let turned = run(&given::c_order(&volume), &steps, true);
        prop_assert_eq!(bits(&packed), bits(&turned));
        let c = packed.compute_as(Some(DType::F32), Layout::ZFastest).unwrap();
        let kept = turned.compute_as(Some(DType::F32), Layout::ZFastest).unwrap();
        let f = packed.compute_as(Some(DType::F32), Layout::XFastest).unwrap();
        let as_bits = |v: &Volume| v.to_f32().unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(as_bits(&c), as_bits(&f));
        prop_assert_eq!(as_bits(&kept), as_bits(&f));
        prop_assert_eq!(c.strides(), kept.strides());
        if c.grid().len() > 1 {
            let [x, y, z] = c.grid().shape;
            prop_assert!(c.strides() == [(y * z) as isize, z as isize, 1] || x * y * z == 1);
        }
    }

    /// Statistics of volumes whose slices are longer than the blocks of a sum, in any order of memory.
    #[test]
    fn statistics_do_not_know_the_order_of_memory(
        shape in prop::sample::select(vec![[130usize, 97, 2], [512, 40, 1], [97, 131, 1], [64, 64, 18], [1, 5000, 1]]),
        seed in any::<u64>(),
        scale in prop::sample::select(vec![1.0f32, 3000.0]),
        step in prop::sample::select(vec![
            json!({"z_normalize": null}),
            json!({"z_normalize": {"mask": {"above": 12.5}}}),
            json!({"z_normalize": {"mask": "nonzero", "outside": "keep"}}),
            json!({"rescale": [-1.0, 1.0]}),
            json!({"rescale": {"percentiles": [3.0, 97.0]}}),
        ]),
    ) {
        let grid = Grid::new(shape, medcore::Affine::IDENTITY);
        let voxel = |i: usize| {
            let u = medcore::Key::new(seed).index(i as u64).uniform();
            if u < 0.1 { 0.0 } else { (u as f32 - 0.4) * 90.0 + scale }
        };
        let voxels: Vec<f32> = (0..grid.len()).map(voxel).collect();
        let packed = Volume::from_f32(grid, &voxels).unwrap();
        let steps = nodes(&[step, json!({"clamp": {"max": 1.5}})]);
        let (packed, turned) = (run(&packed, &steps, true), run(&given::c_order(&packed), &steps, true));
        prop_assert_eq!(bits(&packed), bits(&turned));
        let c = turned.compute_as(None, Layout::ZFastest).unwrap();
        prop_assert_eq!(packed.compute().unwrap().to_f32().unwrap(), c.to_f32().unwrap());
    }

    /// Channels that are measured each by itself are what they would be alone, in any layout.
    #[test]
    fn channels_are_what_they_would_be_alone(small in given::grid(), channels in 1usize..7, seed in any::<u64>(), turned in any::<bool>()) {
        let n = small.len();
        let voxel = |i: usize| (medcore::Key::new(seed).index(i as u64).uniform() * (i / n + 1) as f64 * 50.0) as f32;
        let voxels: Vec<f32> = (0..n * channels).map(voxel).collect();
        let bytes: Vec<u8> = bytemuck::cast_slice(&voxels).to_vec();
        let whole = Volume::packed(std::sync::Arc::new(bytes), DType::F32, small, vec![channels], std::sync::Arc::default()).unwrap();
        let steps = nodes(&[
            json!({"rescale": {"percentiles": [5, 95], "out_range": [0, 9], "channel_wise": true}}),
            json!({"flip": "y"}),
            json!({"z_normalize": {"mask": {"above": 0.5}, "channel_wise": true}}),
            json!({"contrast": {"factor": 1.2, "keep_range": true, "channel_wise": true}}),
            json!({"gamma": {"gamma": 0.7, "keep_stats": true, "channel_wise": true}}),
            json!({"clamp": {"min": -2.0}}),
        ]);
        let layout = if turned { Layout::ZFastest } else { Layout::XFastest };
        let Ok(all) = run(&whole, &steps, true).compute_as(None, layout) else {
            prop_assert!(n < 8, "only a handful of voxels can all lie outside the mask");
            return Ok(());
        };
        for c in 0..channels {
            let one = Volume::from_f32(small, &voxels[c * n..(c + 1) * n]).unwrap();
            let alone = run(&one, &steps, true).compute().unwrap().to_f32().unwrap();
            let found = all.channel(c).to_f32().unwrap();
            prop_assert!(found.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    /// A volume of world coordinates stays one through any chain of regriddings.
    #[test]
    fn the_world_stays(small in given::grid(), steps in given::regrid_chain(), axis in 0usize..3) {
        let grid = Grid::new(small.shape.map(|n| n + 20), small.affine);
        let out = run(&given::ramp(&grid, axis), &steps, true);
        let voxels = out.compute().unwrap().to_f32().unwrap();
        let g = out.grid();
        let mut seen = 0;
        for (n, v) in voxels.iter().enumerate() {
            let at = [n % g.shape[0], n / g.shape[0] % g.shape[1], n / g.shape[0] / g.shape[1]].map(|i| i as f64);
            let world = g.world(at);
            if given::clear_of_edges(&grid, &steps, world) {
                seen += 1;
                prop_assert!((f64::from(*v) - world[axis]).abs() < 1e-3, "{v} is not {} at {at:?}", world[axis]);
            }
        }
        // A chain that leaves no voxel to look at shows nothing; too many of them fail the test.
        prop_assume!(seen > 0);
    }

    /// Labels keep their dtype, and have no value that was not there (or padded).
    #[test]
    fn labels_keep_their_values(volume in given::label(), steps in given::spatial_chain()) {
        let have: std::collections::BTreeSet<i64> = volume.to_f32().unwrap().iter().map(|v| *v as i64).chain([0]).collect();
        let dtype = volume.stored_dtype();
        let image = Volume::from_f32(*volume.grid(), &vec![1.0; volume.grid().len()]).unwrap();
        let sample = LazySample::default()
            .with("image", LazyItem::Volume(LazyVolume::from_volume(image)))
            .with("label", LazyItem::Volume(LazyVolume::from_volume_as(volume, Role::Label).unwrap()));
        let out = Pipeline::new(steps).with_seed(3).apply(&sample, "a", 0).unwrap();
        for sample in out {
            let (image, label) = (sample.volume("image").unwrap(), sample.volume("label").unwrap());
            prop_assert_eq!(image.grid(), label.grid());
            let made = label.compute().unwrap();
            prop_assert_eq!(made.stored_dtype(), dtype);
            for v in made.to_f32().unwrap() {
                prop_assert!(have.contains(&(v as i64)), "{v}");
            }
        }
    }

    /// Copies keep the dtype and every bit, whatever the dtype.
    #[test]
    fn lattices_copy_exactly(volume in any_dtype(), steps in lattice_chain()) {
        let out = run(&volume, &steps, true);
        prop_assert_eq!(out.facts().unwrap().dtype, volume.stored_dtype());
        prop_assert_eq!(bits(&out), bits(&run(&volume, &steps, false)));
    }
}

#[test]
fn the_same_seed_is_the_same_patch_and_the_next_is_another() {
    let volume = Volume::from_f32(Grid::new([9, 8, 7], medcore::Affine::IDENTITY), &[0.0; 504]).unwrap();
    let steps = nodes(&[json!({"gaussian_noise": 1.0}), json!({"random_crop": 4})]);
    let with = |seed, epoch| {
        let sample = LazySample::of_volume(LazyVolume::from_volume(volume.clone()));
        let out = Pipeline::new(steps.clone()).with_seed(seed).apply(&sample, "case", epoch).unwrap();
        bits(out[0].volume("image").unwrap())
    };
    assert_eq!(with(5, 0), with(5, 0));
    assert_ne!(with(5, 0), with(6, 0));
    assert_ne!(with(5, 0), with(5, 1));
}

#[test]
fn inserting_a_step_leaves_the_other_draws_alone() {
    let volume = Volume::from_f32(Grid::new([9, 8, 7], medcore::Affine::IDENTITY), &[0.0; 504]).unwrap();
    let noise = json!({"gaussian_noise": 1.0});
    let alone = run(&volume, &nodes(std::slice::from_ref(&noise)), true);
    let after = run(&volume, &nodes(&[json!({"clamp": {"min": -1, "max": 1}}), noise]), true);
    assert_eq!(bits(&alone), bits(&after));
}

/// Where the input of an interpolation has to be made, it is made in pieces; where it lies in memory, it is read there.
#[test]
fn pieces_of_the_input_change_nothing() {
    // So large that pieces have fewer planes than the volume.
    let grid = Grid::new([211, 199, 31], medcore::Affine::IDENTITY);
    let stored: Vec<i16> =
        (0..grid.len() as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as i16).collect();
    let floats: Vec<f32> = stored.iter().map(|v| f32::from(*v)).collect();
    let bytes: Vec<u8> = stored.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let made =
        Volume::packed(std::sync::Arc::new(bytes), DType::I16, grid, vec![], std::sync::Arc::default());
    let (made, read) = (made.unwrap(), Volume::from_f32(grid, &floats).unwrap());
    for spacing in [[2.0, 2.0, 2.0], [1.9, 2.0, 0.7], [3.0, 3.0, 3.0]] {
        let resample = json!({"resample": {"spacing": spacing}});
        for before in
            [vec![], vec![json!({"flip": [0, 2]}), json!({"pad": 3})], vec![json!({"clamp": {"min": 100}})]]
        {
            let steps = nodes(&[before, vec![resample.clone()]].concat());
            assert_eq!(bits(&run(&made, &steps, true)), bits(&run(&read, &steps, true)), "{spacing:?}");
        }
    }
}
