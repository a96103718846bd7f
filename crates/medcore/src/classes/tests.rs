//! An index against lists of voxels.

use proptest::prelude::*;

use super::*;

/// The index of a label, looked at in stretches of `each` voxels.
fn indexed(label: &[i64], shape: [usize; 3], each: usize) -> ClassIndex {
    let mut all = ClassRuns::default();
    for (n, part) in label.chunks(each).enumerate() {
        let mut one = ClassRuns::default();
        let from = (n * each) as u64;
        let mut start = 0;
        for at in 1..=part.len() {
            if at == part.len() || part[at] != part[start] {
                one.push(part[start], from + start as u64, from + at as u64).unwrap();
                start = at;
            }
        }
        all = all.followed_by(one).unwrap();
    }
    all.index(shape).unwrap()
}

fn places(label: &[i64], shape: [usize; 3], value: i64) -> Vec<[usize; 3]> {
    let [nx, ny, _] = shape;
    let at = label.iter().enumerate().filter(|(_, v)| **v == value);
    at.map(|(n, _)| [n % nx, n / nx % ny, n / nx / ny]).collect()
}

fn agree(index: &ClassIndex, label: &[i64], shape: [usize; 3], b: &Box3) {
    let mut values = label.to_vec();
    values.sort_unstable();
    values.dedup();
    assert_eq!(index.values().collect::<Vec<_>>(), values);
    for value in values {
        let want = places(label, shape, value);
        assert_eq!(index.count(value), want.len() as u64);
        for (n, voxel) in want.iter().enumerate() {
            assert_eq!(index.voxel(value, n as u64), Some(*voxel), "voxel {n} of {value}");
            assert_eq!(index.value(*voxel), Some(value), "{voxel:?}");
            assert!(index.has(*voxel, value) && !index.has(*voxel, value ^ 1), "{voxel:?}");
        }
        assert_eq!(index.voxel(value, want.len() as u64), None);
        let low = [0, 1, 2].map(|i| want.iter().map(|v| v[i]).min().unwrap());
        let high = [0, 1, 2].map(|i| want.iter().map(|v| v[i]).max().unwrap() + 1);
        assert_eq!(index.bounds(value).map(|b| (b.start, b.end())), Some((low, high)));
        let inside = |v: &&[usize; 3]| (0..3).all(|i| v[i] >= b.start[i] && v[i] < b.end()[i]);
        let want: Vec<_> = want.iter().filter(inside).collect();
        assert_eq!(index.count_in(value, b), want.len() as u64);
        for (n, voxel) in want.iter().enumerate() {
            assert_eq!(index.voxel_in(value, b, n as u64), Some(**voxel));
        }
        assert_eq!(index.voxel_in(value, b, want.len() as u64), None);
    }
}

/// Labels of long and short runs, small values and values beyond what floats hold.
fn label() -> impl Strategy<Value = (Vec<i64>, [usize; 3])> {
    let axis = || prop_oneof![Just(1usize), Just(2), 3..9usize, Just(40)];
    let value =
        prop_oneof![Just(0i64), Just(1), Just(2), Just((1 << 53) + 1), Just(-3), Just(256), any::<i64>()];
    let runs = prop::collection::vec((value, prop_oneof![1..4usize, 10..20usize, 100..400usize]), 1..60);
    ([axis(), axis(), axis()], runs).prop_map(|(shape, runs)| {
        let n = shape.iter().product();
        let all = runs.iter().cycle().flat_map(|&(v, len)| std::iter::repeat_n(v, len));
        (all.take(n).collect(), shape)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_voxel_is_found_however_the_label_was_divided(
        (label, shape) in label(),
        each in prop_oneof![1..3usize, 5..70usize, Just(usize::MAX)],
        corner in prop::array::uniform3(0usize..9),
        size in prop::array::uniform3(0usize..30),
    ) {
        let index = indexed(&label, shape, each.min(label.len()));
        let start = [0, 1, 2].map(|i| corner[i].min(shape[i]));
        let b = Box3 { start, shape: [0, 1, 2].map(|i| size[i].min(shape[i] - start[i])) };
        agree(&index, &label, shape, &b);
        prop_assert_eq!(&index, &indexed(&label, shape, label.len()));
        prop_assert_eq!(&ClassIndex::from_bytes(&index.to_bytes()).unwrap(), &index);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_index(
        (label, shape) in label(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = indexed(&label, shape, label.len()).to_bytes();
        prop_assert!(ClassIndex::from_bytes(&whole[..cut.index(whole.len())]).is_err());
        let mut bytes = whole.clone();
        bytes[at.index(whole.len())] = byte;
        if let Ok(index) = ClassIndex::from_bytes(&bytes) {
            // What is accepted can be used: every voxel lies in the volume.
            let n: usize = index.shape().iter().product();
            let all: u64 = index.values().map(|v| index.count(v)).sum();
            prop_assert!(all <= n as u64);
            for value in index.values() {
                let last = index.voxel(value, index.count(value) - 1).unwrap();
                prop_assert!((0..3).all(|i| last[i] < index.shape()[i]));
            }
            prop_assert_eq!(index.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..200), name in any::<bool>()) {
        if name && bytes.len() > 40 {
            bytes[..8].copy_from_slice(&MAGIC);
            // Sizes that could be real.
            for at in [9, 17, 25, 33] {
                bytes[at..at + 7].fill(0);
            }
        }
        let _ = ClassIndex::from_bytes(&bytes);
    }
}

#[test]
fn an_empty_volume_has_no_classes() {
    let index = ClassRuns::default().index([3, 0, 2]).unwrap();
    assert_eq!((index.values().count(), index.count(0), index.bounds(0)), (0, 0, None));
    assert_eq!(ClassIndex::from_bytes(&index.to_bytes()).unwrap(), index);
}

#[test]
fn many_values_are_an_error() {
    let mut runs = ClassRuns::default();
    for v in 0..MOST_CLASSES as u64 {
        runs.push(v as i64, v, v + 1).unwrap();
    }
    let e = runs.push(-1, MOST_CLASSES as u64, MOST_CLASSES as u64 + 1).unwrap_err();
    assert!(e.to_string().contains("65536 values"), "{e}");
}

#[test]
fn memory_stays_within_what_is_promised() {
    let shape = [64, 64, 64];
    let noise = |values: u64| -> Vec<i64> {
        (0..64u64.pow(3)).map(|n| crate::Key::new(1).index(n).below(values) as i64).collect()
    };
    for (values, bytes) in [(2, 0.7), (4, 1.1), (16, 1.6), (256, 2.9)] {
        let index = indexed(&noise(values), shape, 1 << 18);
        let each = index.memory() as f64 / 64f64.powi(3);
        assert!(each < bytes, "{values} values: {each} bytes for each voxel");
    }
    let ball: Vec<i64> = (0..1 << 18)
        .map(|n: i64| {
            let r = [n % 64, n / 64 % 64, n / 4096].map(|v| (v - 32).pow(2)).iter().sum::<i64>();
            i64::from(r < 400) + i64::from(r < 100)
        })
        .collect();
    let each = indexed(&ball, shape, 1 << 18).memory() as f64 / 64f64.powi(3);
    assert!(each < 0.05, "a smooth label: {each} bytes for each voxel");
}

#[test]
fn rows_tell_where_each_voxel_lies() {
    let shape = [5, 4, 6];
    let label: Vec<i64> = (0..120).map(|n: i64| n * n / 7 % 5 - 1).collect();
    let boxes = [
        Box3::whole(shape),
        Box3 { start: [1, 1, 2], shape: [3, 2, 4] },
        Box3 { start: [0, 2, 0], shape: [5, 1, 6] },
        Box3 { start: [0, 0, 3], shape: [5, 4, 1] },
    ];
    for (inside, turned) in boxes.into_iter().flat_map(|b| [(b, false), (b, true)]) {
        let [_, ny, nz] = inside.shape;
        let strides = if turned { [nz, 1] } else { [1, ny] };
        let holds = |v: &[usize; 3]| (0..3).all(|i| (inside.start[i]..inside.end()[i]).contains(&v[i]));
        let mine = |value| places(&label, shape, value).into_iter().filter(holds).collect::<Vec<_>>();
        let counts = |value| {
            let mut counts = vec![0; ny * nz];
            for [_, y, z] in mine(value) {
                counts[(y - inside.start[1]) * strides[0] + (z - inside.start[2]) * strides[1]] += 1;
            }
            (value, counts)
        };
        // One that does not occur is none of them.
        let rows = ClassRows::new(inside, strides, [3, 9, -1, 0, 2, 1].map(counts).to_vec());
        let there: Vec<i64> = (-1..4).filter(|&value| !mine(value).is_empty()).collect();
        assert_eq!(rows.values().collect::<Vec<_>>(), there);
        for value in [-1, 0, 1, 2, 3, 9] {
            let want = mine(value);
            assert_eq!(rows.count(value), want.len() as u64);
            assert_eq!(rows.row(value, want.len() as u64), None);
            for (n, [_, y, z]) in want.iter().enumerate() {
                let before = want[..n].iter().filter(|v| v[1..] == [*y, *z]).count() as u64;
                assert_eq!(rows.row(value, n as u64), Some(([inside.start[0], *y, *z], before)));
            }
        }
    }
}
