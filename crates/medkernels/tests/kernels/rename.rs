//! Renamed values against the slow way, at every level.

use medkernels::element::Element;
use medkernels::level::{available, force};
use medkernels::rename::rename;

use super::levels::lock;
use super::oracle::Noise;

fn check<T: Element + std::fmt::Debug>() {
    let mut noise = Noise::new(8);
    let value = |n: usize| T::from_f64_saturating(n as f64);
    for n in [0, 1, 31, 64, 65, 1023, 1024, 1025, 5000] {
        let voxels: Vec<T> = (0..n).map(|_| value(noise.below(9))).collect();
        for pairs in [&[][..], &[(3, 4)], &[(1, 2), (2, 1), (7, 0)], &[(0, 5), (5, 100), (100, 1)]] {
            let pairs: Vec<(T, T)> = pairs.iter().map(|&(a, b)| (value(a), value(b))).collect();
            let new = |v: &T| pairs.iter().find(|(old, _)| old == v).map_or(*v, |(_, new)| *new);
            let want: Vec<T> = voxels.iter().map(new).collect();
            let mut found = voxels.clone();
            rename(&mut found, &pairs);
            assert_eq!(found, want, "{n} voxels");
        }
    }
}

#[test]
fn values_are_renamed_at_once() {
    let _lock = lock();
    for level in available() {
        force(Some(level)).unwrap();
        check::<u8>();
        check::<i16>();
        check::<u32>();
        check::<i64>();
    }
    force(None).unwrap();
}
