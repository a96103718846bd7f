//! Law B: interpolations that are joined into one are closer to the truth than one after the other.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use medcore::{Affine, Grid, Volume};
use medpipe::{LazyVolume, Node, Pipeline};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Spacings and rotations that keep most of the volume in view; flips may stand between them.
fn chain() -> impl Strategy<Value = Vec<Value>> {
    let spacing = prop::array::uniform3(0.8f64..1.4).prop_map(|s| json!({"resample": {"spacing": s}}));
    let rotate = (prop::array::uniform3(-9.0f64..9.0), 0.95f64..1.05)
        .prop_map(|(r, s)| json!({"affine": {"rotate": r, "scale": s, "affine": "update"}}));
    let flip = (0usize..3).prop_map(|axis| json!({"flip": axis}));
    let warp = || prop_oneof![1 => spacing.clone(), 2 => rotate.clone()];
    (warp(), prop::option::of(flip), prop::collection::vec(warp(), 1..3))
        .prop_map(|(first, flip, rest)| std::iter::once(first).chain(flip).chain(rest).collect())
}

/// A smooth function of the world, known everywhere.
fn truth(waves: [f64; 3], p: [f64; 3]) -> f64 {
    libm::sin(p[0] * waves[0]) * libm::cos(p[1] * waves[1]) + libm::sin(p[2] * waves[2])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn joined_is_closer_to_the_truth(steps in chain(), waves in prop::array::uniform3(0.2f64..0.5)) {
        let grid = Grid::new([33, 30, 28], Affine::IDENTITY);
        let at = |n: usize, s: [usize; 3]| [n % s[0], n / s[0] % s[1], n / s[0] / s[1]].map(|i| i as f64);
        let voxels: Vec<f32> =
            (0..grid.len()).map(|n| truth(waves, grid.world(at(n, grid.shape))) as f32).collect();
        let image = LazyVolume::from_volume(Volume::from_f32(grid, &voxels).unwrap());
        let nodes: Vec<Node> = steps
            .iter()
            .map(|step| {
                let (name, value) = step.as_object().unwrap().iter().next().unwrap();
                Node::new(name, value.clone()).unwrap()
            })
            .collect();
        let warps = steps.iter().filter(|step| step.get("flip").is_none()).count();
        let fused = Pipeline::new(nodes.clone()).apply_to_volume(&image).unwrap();
        let plain = Pipeline::new(nodes).with_fuse(false).apply_to_volume(&image).unwrap();
        let plan = fused.explain().unwrap();
        prop_assert!(plan.contains(&format!("{warps} joined into one")), "{plan}");
        prop_assert_eq!(fused.grid(), plain.grid());
        let out = fused.grid();
        let error = |v: &LazyVolume| {
            let (mut sum, mut count) = (0.0, 0);
            for (n, x) in v.compute().unwrap().to_f32().unwrap().iter().enumerate() {
                let world = out.world(at(n, out.shape));
                // Away from the edge, whose outside no interpolation knows.
                if world.iter().zip(grid.shape).all(|(w, n)| *w > 6.0 && *w < n as f64 - 7.0) {
                    sum += (f64::from(*x) - truth(waves, world)).powi(2);
                    count += 1;
                }
            }
            assert!(count > 500, "{count} voxels are too few to judge by");
            (sum / f64::from(count)).sqrt()
        };
        let (one, many) = (error(&fused), error(&plain));
        prop_assert!(one < many, "joined {one}, one by one {many}");
    }
}
