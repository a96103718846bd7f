//! Medians against sorted windows.

use medkernels::level::{available, force};
use medkernels::median::{Median, Ordered, Room, of_sort_keys, sort_keys};

use super::levels::lock;
use super::oracle::{bits, values, wild};

fn holds<T: Ordered + std::fmt::Debug>(voxel: impl Fn(f32) -> T) {
    let _lock = lock();
    for (width, rows) in [
        (1, 1),
        (3, 1),
        (1, 3),
        (3, 3),
        (5, 5),
        (3, 9),
        (1, 9),
        (5, 3),
        (7, 1),
        (5, 25),
        (3, 49),
        (15, 15),
        (13, 17),
    ] {
        for len in [1, 2, 61, 62, 63, 255, 300] {
            let long = len + width - 1;
            let all: Vec<T> = values(31, long * rows, 0.0, 40.0).into_iter().map(&voxel).collect();
            let src: Vec<&[T]> = all.chunks(long).collect();
            let median = Median::of(width, rows);
            let wanted: Vec<T> = (0..len)
                .map(|i| {
                    let mut window: Vec<T> = src.iter().flat_map(|row| row[i..i + width].to_vec()).collect();
                    window.sort_unstable();
                    window[window.len() / 2]
                })
                .collect();
            for level in available() {
                force(Some(level)).unwrap();
                let mut out = vec![T::zeroed(); len];
                median.row(&src, &mut out, &mut Room::of(&median));
                assert_eq!(out, wanted, "{width} times {rows}, {len} voxels, {level}");
            }
            force(None).unwrap();
        }
    }
}

#[test]
fn medians_are_in_the_middle() {
    holds(|v| v as u8);
    holds(|v| v as i8 - 20);
    holds(|v| v as u16 * 1601);
    holds(|v| v as i16 * 801 - 16000);
    holds(|v| v.to_bits() as i32);
}

#[test]
fn every_order_of_zeros_and_ones() {
    // By the 0-1 principle a network that is right for these is right for all.
    for (width, rows) in [(3, 3), (3, 5), (5, 3), (15, 1), (1, 15)] {
        let (median, n) = (Median::of(width, rows), width * rows);
        let mut room = Room::of(&median);
        for word in 0..1u32 << n {
            let all: Vec<u8> = (0..n).map(|i| (word >> i & 1) as u8).collect();
            let src: Vec<&[u8]> = all.chunks(width).collect();
            let mut out = [9];
            median.row(&src, &mut out, &mut room);
            assert_eq!(u32::from(out[0]), u32::from(word.count_ones() as usize > n / 2));
        }
    }
}

#[test]
fn every_order_of_zeros_and_ones_of_25() {
    // Columns are sorted first: each order of one, then each number of ones in all.
    let (median, mut room) = (Median::of(5, 5), Room::of(&Median::of(5, 5)));
    let columns = (0..32u32).map(|word| [word, 0b00111, 0b11000, 0b00011, 0b00001]);
    let numbers = (0..6u32.pow(5)).map(|n| [0, 1, 2, 3, 4].map(|c| 31u32 >> (n / 6u32.pow(c) % 6)));
    for words in columns.chain(numbers) {
        let all: Vec<u8> = (0..25).map(|i| (words[i % 5] >> (i / 5) & 1) as u8).collect();
        let src: Vec<&[u8]> = all.chunks(5).collect();
        let mut out = [9];
        median.row(&src, &mut out, &mut room);
        let ones: u32 = words.iter().map(|word| word.count_ones()).sum();
        assert_eq!(u32::from(out[0]), u32::from(ones > 12));
    }
}

#[test]
fn keys_sort_as_voxels_and_come_back() {
    let row = wild(32, 5000);
    let (mut keys, mut back) = (vec![0; row.len()], vec![0.0; row.len()]);
    sort_keys(&row, &mut keys);
    of_sort_keys(&keys, &mut back);
    let zero = |v: f32| if v.is_nan() { f32::NAN } else { v + 0.0 };
    assert_eq!(bits(&back), bits(&row.iter().map(|v| zero(*v)).collect::<Vec<_>>()));
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    of_sort_keys(&sorted, &mut back);
    assert!(back.windows(2).all(|w| w[0] <= w[1] || w[1].is_nan()));
}
