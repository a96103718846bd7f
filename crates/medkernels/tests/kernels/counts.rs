//! Counts of values against the slow way, at every level.

use medkernels::counts;
use medkernels::element::Element;
use medkernels::level::{available, force};

use super::levels::lock;
use super::oracle::Noise;

fn check<T: Element + std::fmt::Debug>() {
    let mut noise = Noise::new(3);
    let value = |n: usize| T::from_f64_saturating([7.0, 0.0, 120.0, 3.0][n % 4]);
    for (nx, rows) in [(1, 9), (3, 5), (16, 4), (31, 7), (64, 3), (65, 2), (257, 3), (2050, 2)] {
        for offset in 0..3 {
            let all: Vec<T> = (0..nx * rows + offset).map(|_| value(noise.below(3))).collect();
            let kept: Vec<u8> = (0..nx * rows).map(|_| noise.below(2) as u8).collect();
            let voxels = &all[offset..];
            for (kept, looked_for) in [(None, 0), (None, 3), (Some(&kept[..]), 0), (Some(&kept[..]), 1)] {
                let wanted = value(looked_for);
                let hit = |n: usize| u16::from(voxels[n] == wanted && kept.is_none_or(|kept| kept[n] == 1));
                let places: Vec<u16> = (0..nx * rows).map(|n| 5 + hit(n)).collect();
                let each: Vec<u16> =
                    (0..rows).map(|r| 5 + (r * nx..(r + 1) * nx).map(hit).sum::<u16>()).collect();
                let total: usize = (0..nx * rows).map(|n| usize::from(hit(n))).sum();
                let mut found = vec![5; nx * rows];
                assert_eq!(counts::places(voxels, kept, wanted, &mut found), total, "{nx} × {rows}");
                assert_eq!(found, places, "{nx} × {rows}");
                let mut found = vec![5; rows];
                assert_eq!(counts::rows(voxels, kept, wanted, nx, &mut found), total, "{nx} × {rows}");
                assert_eq!(found, each, "{nx} × {rows}");
            }
        }
    }
}

#[test]
fn values_are_counted_as_often_as_they_are_there() {
    let _lock = lock();
    for level in available() {
        force(Some(level)).unwrap();
        check::<u8>();
        check::<u16>();
        check::<u32>();
        check::<u64>();
        let full = vec![1u8; counts::MOST];
        assert_eq!(counts::rows(&full, None, 1, counts::MOST, &mut [0]), counts::MOST);
        let mut each = vec![0; counts::MOST];
        assert_eq!(counts::places(&full, None, 1, &mut each), counts::MOST);
    }
    force(None).unwrap();
}

#[test]
fn a_nan_is_above_nothing() {
    let _lock = lock();
    let voxels = [0.5, f32::NAN, 1.0, f32::INFINITY, 0.25, f32::NEG_INFINITY];
    for level in available() {
        force(Some(level)).unwrap();
        for repeat in [1, 7, 40] {
            let row = voxels.repeat(repeat);
            let mut kept = [0, 0, 0, 0, 1, 0].repeat(repeat);
            counts::above(&row, 0.5, &mut kept);
            assert_eq!(kept, [0, 0, 1, 1, 1, 0].repeat(repeat));
        }
    }
    force(None).unwrap();
}
