//! A label at several resolutions.

use medcore::{Affine, Grid, Role, Volume};
use medpipe::{Case, CaseItem, LazyItem, LazySample, LazyVolume, Loader, Next, Node, Pipeline, Settings};
use serde_json::{Value, json};

use super::label::{SPACING, labels, volume};

fn pipeline(nodes: &[(&str, Value)]) -> Pipeline {
    let of = |(name, value): &(&str, Value)| Node::new(name, value.clone()).unwrap();
    Pipeline::new(nodes.iter().map(of).collect()).with_seed(3)
}

fn sample(shape: [usize; 3]) -> LazySample {
    let grid = Grid::new(shape, Affine::from_spacing(SPACING));
    let image = Volume::from_f32(grid, &vec![1.0; grid.len()]).unwrap();
    let image = LazyItem::Volume(LazyVolume::from_volume(image));
    let label = LazyItem::Volume(volume(shape, &labels(shape, 3, 6)));
    LazySample::default().with("image", image).with("label", label)
}

/// Voxel `d` of `m` is voxel `floor((d + 1/2) n / m)` of `n`.
fn nearest(v: &[u8], n: [usize; 3], m: [usize; 3]) -> Vec<u8> {
    let place = |i: usize, axis: usize| (2 * i + 1) * n[axis] / (2 * m[axis]);
    let of = |i: usize| {
        let [x, y, z] = [place(i % m[0], 0), place(i / m[0] % m[1], 1), place(i / m[0] / m[1], 2)];
        v[x + n[0] * (y + n[1] * z)]
    };
    (0..m.iter().product()).map(of).collect()
}

#[test]
fn lower_labels_are_nearest_voxels() {
    for n in [[16, 8, 4], [13, 10, 7], [106, 3, 20], [1, 5, 2]] {
        let scales = json!([0.5, [1, 0.5, 0.25], 0.3, 1]);
        let made = pipeline(&[("label_pyramid", scales)]).apply(&sample(n), "a", 0).unwrap().remove(0);
        let names: Vec<&str> = made.items.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["image", "label", "label_2", "label_3", "label_4", "label_5"]);
        let before = labels(n, 3, 6);
        for (name, scale) in [
            ("label", [1.0; 3]),
            ("label_2", [0.5; 3]),
            ("label_3", [1.0, 0.5, 0.25]),
            ("label_4", [0.3; 3]),
            ("label_5", [1.0; 3]),
        ] {
            let m = [0, 1, 2].map(|i| ((n[i] as f64 * scale[i]).round_ties_even() as usize).max(1));
            let v = made.volume(name).unwrap();
            assert_eq!((v.role(), v.grid().shape), (Role::Label, m), "{name}");
            assert_eq!(v.compute().unwrap().storage().bytes(), nearest(&before, n, m), "{name} of {n:?}");
            // The field of view is the same: its corners, half a voxel beyond the outermost centres.
            for corner in [[0.0; 3], [1.0, 0.0, 1.0], [1.0; 3]] {
                let place = |shape: [usize; 3]| [0, 1, 2].map(|i| corner[i] * shape[i] as f64 - 0.5);
                let wide = Grid::new(n, Affine::from_spacing(SPACING)).world(place(n));
                let here = v.grid().world(place(m));
                assert!((0..3).all(|i| (wide[i] - here[i]).abs() < 1e-9), "{wide:?} {here:?}");
            }
        }
    }
}

/// As a pipeline without the pyramid and the definition make it, whatever comes before and however often it is asked for.
#[test]
fn it_comes_of_the_label_as_it_stands() {
    let before = [
        ("affine", json!({"rotate": [-30, 30], "label_interpolation": "linear"})),
        ("random_crop", json!({"shape": [8, 6, 4], "count": 3})),
        ("flip", json!({"axes": "x", "p": 0.5})),
    ];
    let with: Vec<_> = before.iter().cloned().chain([("label_pyramid", json!([0.5, 0.25]))]).collect();
    let bytes =
        |s: &LazySample, name: &str| s.volume(name).unwrap().compute().unwrap().storage().bytes().to_vec();
    for epoch in 0..4 {
        let plain = pipeline(&before).apply(&sample([20, 14, 11]), "a", epoch).unwrap();
        let made = pipeline(&with).apply(&sample([20, 14, 11]), "a", epoch).unwrap();
        assert_eq!((plain.len(), made.len()), (3, 3));
        for (plain, made) in plain.iter().zip(&made) {
            let label = bytes(plain, "label");
            assert_eq!(bytes(made, "label_3"), nearest(&label, [8, 6, 4], [2, 2, 1]));
            assert_eq!(bytes(made, "label"), label);
            assert_eq!(bytes(made, "label_2"), nearest(&label, [8, 6, 4], [4, 3, 2]));
            // The rotation is done once for all three.
            let text = made.volume("label_2").unwrap().explain().unwrap();
            assert!(text.contains("made once for all that come of it"), "{text}");
        }
    }
}

#[test]
fn two_labels_have_pyramids_of_their_own_and_names_are_not_taken_twice() {
    let label = LazyItem::Volume(volume([8, 8, 8], &labels([8, 8, 8], 2, 9)));
    let two = sample([8, 8, 8]).with("seg", label.clone());
    let pyramid = ("label_pyramid", json!([0.5]));
    let made = pipeline(std::slice::from_ref(&pyramid)).apply(&two, "a", 0).unwrap().remove(0);
    let names: Vec<&str> = made.items.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image", "label", "seg", "label_2", "seg_2"]);
    let taken = sample([8, 8, 8]).with("label_2", label);
    let error = pipeline(std::slice::from_ref(&pyramid)).apply(&taken, "a", 0).unwrap_err().to_string();
    assert!(error.contains("label_2") && error.contains("label_pyramid"), "{error}");
    let moved = [pyramid, ("flip", json!("x"))];
    let error = pipeline(&moved).apply(&sample([8, 8, 8]), "a", 0).unwrap_err().to_string();
    assert!(error.contains("label_2"), "{error}");
}

#[test]
fn a_method_of_a_volume_gives_the_one_that_comes_of_it() {
    let v = volume([8, 6, 4], &labels([8, 6, 4], 2, 1));
    let one = v.then(Node::new("label_pyramid", json!([0.5])).unwrap(), None).unwrap();
    assert_eq!(one.grid().shape, [4, 3, 2]);
    let error = v.then(Node::new("label_pyramid", json!([0.5, 0.25])).unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("3 items"), "{error}");
    let same = pipeline(&[("label_pyramid", json!([0.5]))]).apply_to_volume(&v).unwrap();
    assert_eq!(same.compute().unwrap().storage().bytes(), one.compute().unwrap().storage().bytes());
}

#[test]
fn batches_have_an_array_for_each() {
    let case = |n: usize| {
        let items = sample([12, 10, 8]).items.into_iter();
        items.fold(Case::new(format!("case {n}")), |case, (name, item)| match item {
            LazyItem::Volume(v) => case.with(&name, CaseItem::Volume(v)),
            other => panic!("{other:?}"),
        })
    };
    let nodes =
        [("random_crop", json!({"shape": 8, "count": 2})), ("label_pyramid", json!([0.5, [0.25, 0.5, 1]]))];
    let settings = Settings { batch_size: 3, ..Settings::default() };
    let loader = Loader::new((0..3).map(case).collect::<Vec<Case>>(), pipeline(&nodes), settings).unwrap();
    let mut batches = loader.batches(0, 0).unwrap();
    for _ in 0..2 {
        let Next::Batch(Ok(batch)) = batches.next_within(None) else { panic!("no batch") };
        let shapes: Vec<(&str, [usize; 5])> =
            batch.items.iter().map(|i| (i.name.as_str(), i.shape)).collect();
        let want = [
            ("image", [3, 1, 8, 8, 8]),
            ("label", [3, 1, 8, 8, 8]),
            ("label_2", [3, 1, 4, 4, 4]),
            ("label_3", [3, 1, 2, 4, 8]),
        ];
        assert_eq!(shapes, want);
        // z fastest: voxel (x, y, z) of the half is (2x + 1, 2y + 1, 2z + 1) of the whole.
        let values = |n: usize| bytemuck::cast_slice::<u8, i16>(batch.items[n].data.as_bytes());
        for row in 0..3 {
            for i in 0..64 {
                let [x, y, z] = [i / 16, i / 4 % 4, i % 4].map(|c| 2 * c + 1);
                assert_eq!(values(2)[row * 64 + i], values(1)[row * 512 + (x * 8 + y) * 8 + z]);
            }
        }
    }
}
