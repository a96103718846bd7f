//! Strided copies and gathers against loops over indices.

use medkernels::copy::{Strided, copy_strided};
use medkernels::gather::{Picks, gather_row};

use super::oracle::{Noise, bytes};

/// A random layout of `shape`: strides of any sign and order, gaps, and the elements it needs.
fn layout(noise: &mut Noise, shape: [usize; 3]) -> ([isize; 3], usize, usize) {
    let mut order = [0, 1, 2];
    for i in (1..3).rev() {
        order.swap(i, noise.below(i + 1));
    }
    let mut strides = [0isize; 3];
    let mut size = 1 + noise.below(2) * noise.below(2);
    for axis in order {
        strides[axis] = size as isize;
        size = size * shape[axis] + noise.below(2) * noise.below(4);
    }
    let mut offset = noise.below(3);
    for axis in 0..3 {
        if noise.below(3) == 0 {
            offset += strides[axis] as usize * (shape[axis] - 1);
            strides[axis] = -strides[axis];
        }
    }
    (strides, offset, size + 6)
}

fn place(strides: [isize; 3], offset: usize, index: [usize; 3]) -> usize {
    index.iter().zip(strides).fold(offset as isize, |at, (&i, s)| at + i as isize * s) as usize
}

fn check(noise: &mut Noise, shape: [usize; 3], element: usize) {
    let (to, to_offset, to_size) = layout(noise, shape);
    let (from, from_offset, from_size) = layout(noise, shape);
    let src = bytes(noise.bits(), from_size * element);
    let mut dst = vec![0xa5u8; to_size * element];
    let mut want = dst.clone();
    for z in 0..shape[2] {
        for y in 0..shape[1] {
            for x in 0..shape[0] {
                let d = place(to, to_offset, [x, y, z]) * element;
                let s = place(from, from_offset, [x, y, z]) * element;
                want[d..d + element].copy_from_slice(&src[s..s + element]);
            }
        }
    }
    copy_strided(&mut dst, to, to_offset, &src, from, from_offset, shape, element);
    assert!(dst == want, "{shape:?} {element} bytes, to {to:?} from {from:?}");
}

#[test]
fn copies_equal_index_loops() {
    let mut noise = Noise::new(1);
    for element in [1, 2, 3, 4, 6, 8, 12, 16] {
        for _ in 0..300 {
            let shape = [0; 3].map(|_| [1, 2, 3, 5, 16, 17, 33, 70][noise.below(8)]);
            check(&mut noise, shape, element);
        }
    }
    // Large enough for the threads.
    for element in [1, 2, 4, 8] {
        for _ in 0..6 {
            check(&mut noise, [97, 131, 103], element);
        }
    }
}

/// Turned planes with sides about those of a tile and of a small one, forwards and backwards.
#[test]
fn turned_planes_of_all_sides() {
    for element in [1usize, 2, 3, 4, 6, 8, 12, 16] {
        let (small, side) = ((16 / element).max(1), (64 / element).max(4));
        let sides = [1, small.max(2) - 1, small, small + 1, side - 1, side, side + 1, 2 * side + 3];
        for (nx, ny) in sides.iter().flat_map(|&x| sides.map(|y| (x, y))) {
            let shape = [nx, ny, 2];
            let src = bytes(nx as u64, 2 * nx * ny * element);
            for (flip_x, flip_y) in [(false, false), (true, false), (false, true), (true, true)] {
                let (mut from, mut offset) = ([ny as isize, 1, (nx * ny) as isize], 0);
                if flip_x {
                    offset += (nx - 1) * ny;
                    from[0] = -from[0];
                }
                if flip_y {
                    offset += ny - 1;
                    from[1] = -from[1];
                }
                let mut dst = vec![0xa5u8; src.len()];
                Strided { bytes: &src, offset: offset as isize, strides: from, shape }
                    .copy_packed(element, &mut dst);
                for (n, voxel) in dst.chunks(element).enumerate() {
                    let at = place(from, offset, [n % nx, n / nx % ny, n / nx / ny]) * element;
                    assert_eq!(voxel, &src[at..at + element], "{shape:?}, {element} bytes, from {from:?}");
                }
            }
        }
    }
}

#[test]
fn packed_copies_of_views() {
    let src: Vec<u8> = (0..24).collect();
    let view = Strided { bytes: &src, offset: 23, strides: [-1, -2, -6], shape: [2, 3, 4] };
    let mut dst = vec![0; 24];
    view.copy_packed(1, &mut dst);
    assert_eq!(dst, (0..24).rev().collect::<Vec<u8>>());
}

#[test]
fn nothing_is_copied_from_empty_shapes() {
    copy_strided(&mut [], [1, 1, 1], 0, &[], [1, 1, 1], 0, [0, 5, 5], 4);
}

#[test]
#[should_panic(expected = "leaves the source")]
fn reading_outside_is_refused() {
    copy_strided(&mut [0; 8], [1, 8, 8], 0, &[0; 8], [-1, 8, 8], 6, [8, 1, 1], 1);
}

#[test]
#[should_panic(expected = "leaves the destination")]
fn writing_outside_is_refused() {
    copy_strided(&mut [0; 7], [1, 8, 8], 0, &[0; 8], [1, 8, 8], 0, [8, 1, 1], 1);
}

#[test]
#[should_panic(expected = "leaves the destination")]
fn products_that_overflow_are_refused() {
    copy_strided(&mut [0; 7], [isize::MAX, 8, 8], 0, &[0; 8], [1, 8, 8], 0, [usize::MAX, 1, 1], 1);
}

#[test]
fn gathers_pick_elements() {
    let mut noise = Noise::new(2);
    for element in [1, 2, 3, 4, 6, 8, 12, 16] {
        for len in 0..70 {
            let src = bytes(3, 50 * element);
            let index: Vec<u32> = (0..len).map(|_| noise.below(50) as u32).collect();
            let mut dst = vec![0; len * element];
            gather_row(&mut dst, &src, &index, element);
            let want: Vec<u8> =
                index.iter().flat_map(|&i| src[i as usize * element..][..element].to_vec()).collect();
            assert_eq!(dst, want);
        }
    }
}

#[test]
fn picks_are_gathers() {
    let mut noise = Noise::new(4);
    let all = bytes(5, 400 * 16);
    for element in [1, 2, 3, 4, 6, 8, 12, 16] {
        for len in (0..70).chain([131, 160]) {
            for step in [0.0, 0.3, 0.8, 1.0, 1.7, 2.0, 2.4] {
                let mut index: Vec<u32> = (0..len).map(|i| (i as f64 * step) as u32).collect();
                match noise.below(3) {
                    0 => index.reverse(),
                    1 if step == 0.0 => index.fill_with(|| noise.below(400) as u32),
                    _ => {}
                }
                // Up to the last element that is picked, and a little more.
                let held =
                    index.iter().max().map_or(0, |&i| i as usize + 1) + noise.below(3) * noise.below(40);
                let src = &all[..held.min(400) * element];
                let mut found = vec![0; len * element];
                let mut want = found.clone();
                gather_row(&mut want, src, &index, element);
                Picks::new(index, element).gather(&mut found, src);
                assert_eq!(found, want, "{len} elements of {element} bytes, step {step}, {held} held");
            }
        }
    }
}

#[test]
#[cfg(not(target_family = "wasm"))]
fn picks_beyond_the_source_panic() {
    for len in [3, 16, 80] {
        let picks = Picks::new((0..len).collect(), 1);
        let short = std::panic::catch_unwind(|| picks.gather(&mut [0; 80], &[0; 2]));
        let narrow = std::panic::catch_unwind(|| picks.gather(&mut [0; 2], &[0; 160]));
        assert!(short.is_err() && narrow.is_err(), "{len}");
    }
}
