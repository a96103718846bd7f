//! Random numbers by name: Philox 4x32-10, a function from (counter, key) to 128 bits.
//!
//! Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), and its
//! Random123 library, whose published answers the tests check. A voxel's value depends on its index in the
//! logical grid and on the stream, never on how rows are split.

use crate::elementary::{cos_sin_turn, ln_normal_32};
use crate::kernel::kernel;

const MUL_0: u32 = 0xD251_1F53;
const MUL_1: u32 = 0xCD9E_8D57;
const WEYL_0: u32 = 0x9E37_79B9;
const WEYL_1: u32 = 0xBB67_AE85;

/// Philox 4x32 with 10 rounds: four words for a counter and a key.
///
/// ```
/// let words = medkernels::philox::block([0; 4], [0; 2]);
/// assert_eq!(words, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
pub const fn block(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut k0, mut k1] = key;
    let mut round = 0;
    while round < 10 {
        let p = a as u64 * MUL_0 as u64;
        let q = c as u64 * MUL_1 as u64;
        (a, b, c, d) = ((q >> 32) as u32 ^ b ^ k0, q as u32, (p >> 32) as u32 ^ d ^ k1, p as u32);
        k0 = k0.wrapping_add(WEYL_0);
        k1 = k1.wrapping_add(WEYL_1);
        round += 1;
    }
    [a, b, c, d]
}

/// A named stream of numbers, one for each voxel index.
///
/// Voxel `i` takes word `i % 4` of the block with counter `[low(i / 4), high(i / 4), hi[0], hi[1]]` and this
/// key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The key.
    pub key: [u32; 2],
    /// The upper half of the counter.
    pub hi: [u32; 2],
}

/// Counters worked on at once.
const WIDTH: usize = 16;

/// Fills `dst` with numbers in 0..1, voxel `start + i` in `dst[i]`: multiples of 2^-24, 1 excluded.
pub fn uniform_row(dst: &mut [f32], stream: Stream, start: u64) {
    fill(dst, stream, start, uniform_body);
}

/// Fills `dst` with normal numbers of mean 0 and deviation 1, voxel `start + i` in `dst[i]`.
///
/// Box and Muller's transform of words (0, 1) and (2, 3) of each block: radius from the first (31 bits, so up
/// to 6.66), angle from the second.
pub fn normal_row(dst: &mut [f32], stream: Stream, start: u64) {
    fill(dst, stream, start, normal_body);
}

/// Adds normal numbers of a mean and a deviation to `dst`: those of [`normal_row`], each times `std`, plus `mean`.
pub fn add_normal_row(dst: &mut [f32], stream: Stream, start: u64, std: f32, mean: f32) {
    fill(dst, stream, start, |dst, stream, counter| add_normal_body(dst, stream, counter, std, mean));
}

/// Whole groups go straight to `dst`, the ends by way of a group of their own.
fn fill(dst: &mut [f32], stream: Stream, start: u64, body: impl Fn(&mut [[f32; 4 * WIDTH]], Stream, u64)) {
    let skip = (start % 4) as usize;
    let mut counter = start / 4;
    let mut dst = dst;
    if skip > 0 && !dst.is_empty() {
        let mut group = [[0.0; 4 * WIDTH]];
        // To the end of the first block only, so that what follows is aligned to blocks.
        let count = (4 - skip).min(dst.len());
        group[0][skip..skip + count].copy_from_slice(&dst[..count]);
        body(&mut group, stream, counter);
        dst[..count].copy_from_slice(&group[0][skip..skip + count]);
        dst = &mut dst[count..];
        counter = counter.wrapping_add(1);
    }
    let (groups, tail) = dst.as_chunks_mut::<{ 4 * WIDTH }>();
    body(groups, stream, counter);
    if !tail.is_empty() {
        let mut group = [[0.0; 4 * WIDTH]];
        group[0][..tail.len()].copy_from_slice(tail);
        body(&mut group, stream, counter.wrapping_add((groups.len() * WIDTH) as u64));
        tail.copy_from_slice(&group[0][..tail.len()]);
    }
}

kernel! {
    fn uniform_body(dst: &mut [[f32; 4 * WIDTH]], stream: Stream, counter: u64) {
        for (index, group) in dst.iter_mut().enumerate() {
            let words = blocks(stream, counter.wrapping_add((index * WIDTH) as u64));
            for i in 0..WIDTH {
                for lane in 0..4 {
                    group[4 * i + lane] = uniform(words[lane][i]);
                }
            }
        }
    }
}

/// 24 bits as a number in 0..1.
#[inline(always)]
fn uniform(word: u32) -> f32 {
    (word >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
}

kernel! {
    fn normal_body(dst: &mut [[f32; 4 * WIDTH]], stream: Stream, counter: u64) {
        for (index, group) in dst.iter_mut().enumerate() {
            let normal = normal_lanes(stream, counter.wrapping_add((index * WIDTH) as u64));
            for i in 0..WIDTH {
                for lane in 0..4 {
                    group[4 * i + lane] = normal[lane][i];
                }
            }
        }
    }
}

kernel! {
    fn add_normal_body(dst: &mut [[f32; 4 * WIDTH]], stream: Stream, counter: u64, std: f32, mean: f32) {
        for (index, group) in dst.iter_mut().enumerate() {
            let normal = normal_lanes(stream, counter.wrapping_add((index * WIDTH) as u64));
            for i in 0..WIDTH {
                for lane in 0..4 {
                    group[4 * i + lane] += normal[lane][i] * std + mean;
                }
            }
        }
    }
}

/// Normal numbers of [`WIDTH`] counters, word by word.
#[inline(always)]
fn normal_lanes(stream: Stream, counter: u64) -> [[f32; WIDTH]; 4] {
    let words = blocks(stream, counter);
    let mut normal = [[0.0f32; WIDTH]; 4];
    for pair in 0..2 {
        for i in 0..WIDTH {
            let (x, y) = normal_pair(words[2 * pair][i], words[2 * pair + 1][i]);
            normal[2 * pair][i] = x;
            normal[2 * pair + 1][i] = y;
        }
    }
    normal
}

/// Two independent normal numbers from two words.
#[inline(always)]
fn normal_pair(radius: u32, angle: u32) -> (f32, f32) {
    // In (0, 1]: at least 2^-32.
    let u = (radius >> 1) as i32 as f32 * (1.0 / 2_147_483_648.0) + (0.5 / 2_147_483_648.0);
    let r = (-2.0 * ln_normal_32(u)).sqrt();
    let (c, s) = cos_sin_turn(angle);
    (r * c, r * s)
}

/// The blocks of [`WIDTH`] counters from `counter` on, word by word.
#[inline(always)]
fn blocks(stream: Stream, counter: u64) -> [[u32; WIDTH]; 4] {
    // 32-bit words in 64-bit lanes: the products need no widening.
    const LOW: u64 = 0xffff_ffff;
    let mut a = [0u64; WIDTH];
    let mut b = [0u64; WIDTH];
    let mut c = [u64::from(stream.hi[0]); WIDTH];
    let mut d = [u64::from(stream.hi[1]); WIDTH];
    for i in 0..WIDTH {
        let full = counter.wrapping_add(i as u64);
        a[i] = full & LOW;
        b[i] = full >> 32;
    }
    let [mut k0, mut k1] = stream.key;
    for _ in 0..10 {
        for i in 0..WIDTH {
            let p = (a[i] & LOW) * MUL_0 as u64;
            let q = (c[i] & LOW) * MUL_1 as u64;
            a[i] = (q >> 32) ^ (b[i] & LOW) ^ u64::from(k0);
            b[i] = q;
            c[i] = (p >> 32) ^ (d[i] & LOW) ^ u64::from(k1);
            d[i] = p;
        }
        k0 = k0.wrapping_add(WEYL_0);
        k1 = k1.wrapping_add(WEYL_1);
    }
    let mut words = [[0u32; WIDTH]; 4];
    for i in 0..WIDTH {
        words[0][i] = a[i] as u32;
        words[1][i] = b[i] as u32;
        words[2][i] = c[i] as u32;
        words[3][i] = d[i] as u32;
    }
    words
}
