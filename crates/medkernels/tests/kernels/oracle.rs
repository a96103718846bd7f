//! Inputs and the slow ways: plain f64 loops that say what the kernels should give.

use medkernels::interpolate::Boundary;

/// SplitMix64: a generator that is none of ours.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Noise(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}

/// `n` numbers in `low..high`.
pub(crate) fn values(seed: u64, n: usize, low: f64, high: f64) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    (0..n).map(|_| (low + noise.unit() * (high - low)) as f32).collect()
}

/// `n` numbers of every kind: all exponents, both zeros, subnormals, infinities, NaN, whole numbers and halves.
pub(crate) fn wild(seed: u64, n: usize) -> Vec<f32> {
    const SPECIAL: [f32; 12] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.5,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN_POSITIVE,
        1e-45,
    ];
    let mut noise = Noise::new(seed);
    (0..n)
        .map(|_| match noise.below(8) {
            0 => SPECIAL[noise.below(SPECIAL.len())],
            1 => noise.below(4000) as f32 / 2.0 - 1000.0,
            2 | 3 => f32::from_bits(noise.bits() as u32),
            _ => (noise.unit() * 2000.0 - 1000.0) as f32,
        })
        .collect()
}

pub(crate) fn bytes(seed: u64, n: usize) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    (0..n).map(|_| noise.bits() as u8).collect()
}

/// Bits with all NaNs made one: processors differ in the NaN they make.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| if v.is_nan() { 0x7fc0_0000 } else { v.to_bits() }).collect()
}

/// The distance in units in the last place of the f32 nearest to `wanted`.
pub(crate) fn ulps(found: f32, wanted: f64) -> f64 {
    if wanted.is_nan() || found.is_nan() {
        return if wanted.is_nan() == found.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if f64::from(found) == wanted || found == wanted as f32 && found.is_infinite() {
        return 0.0;
    }
    let near = (wanted as f32).abs().clamp(f32::MIN_POSITIVE, f32::MAX);
    let exponent = i32::try_from(near.to_bits() >> 23).unwrap_or(0) - 127 - 23;
    ((f64::from(found) - wanted) / libm::exp2(f64::from(exponent))).abs()
}

/// Mean and sum of squared deviations, by two passes with compensated sums.
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    let sum = |values: &mut dyn Iterator<Item = f64>| {
        let (mut sum, mut lost) = (0.0, 0.0);
        for v in values {
            let y: f64 = v - lost;
            let t: f64 = sum + y;
            lost = (t - sum) - y;
            sum = t;
        }
        sum
    };
    let mean = sum(&mut values.iter().copied()) / values.len() as f64;
    (mean, sum(&mut values.iter().map(|v| (v - mean) * (v - mean))))
}

/// NumPy's percentile of sorted values, in f64.
pub(crate) fn percentile(sorted: &[f32], q: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * (q / 100.0);
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (a, b) = (f64::from(sorted[below]), f64::from(sorted[above]));
    a + (b - a) * (position - below as f64)
}

/// The index that stands for `i`, by walking from the edge inwards one voxel at a time.
pub(crate) fn mapped(boundary: Boundary, i: i64, n: usize) -> Option<usize> {
    let n = n as i64;
    let mut i = i;
    for _ in 0..10_000 {
        if (0..n).contains(&i) {
            return Some(i as usize);
        }
        i = match boundary {
            Boundary::Constant(_) | Boundary::ZerosBlended => return None,
            Boundary::Edge if i < 0 => 0,
            Boundary::Edge => n - 1,
            Boundary::Wrap if i < 0 => i + n,
            Boundary::Wrap => i - n,
            Boundary::Reflect if i < 0 => -1 - i,
            Boundary::Reflect => 2 * n - 1 - i,
            Boundary::Mirror if n == 1 => 0,
            Boundary::Mirror if i < 0 => -i,
            Boundary::Mirror => 2 * n - 2 - i,
        };
    }
    panic!("index {i} of {n} never comes inside");
}

/// The trilinear sample of a packed volume at a coordinate, as the weighted sum of eight neighbours in f64.
pub(crate) fn linear(data: &[f32], shape: [usize; 3], at: [f64; 3], boundary: Boundary) -> f64 {
    let fill = if let Boundary::Constant(v) = boundary { f64::from(v) } else { 0.0 };
    let mut sum = 0.0;
    for corner in 0..8 {
        let mut weight = 1.0;
        let mut place = Some([0usize; 3]);
        for axis in 0..3 {
            let below = at[axis].floor();
            let upper = (corner >> axis) & 1 == 1;
            weight *= if upper { at[axis] - below } else { 1.0 - (at[axis] - below) };
            let index = mapped(boundary, below as i64 + i64::from(upper), shape[axis]);
            place = place.zip(index).map(|(mut place, index)| {
                place[axis] = index;
                place
            });
        }
        let value = place.map_or(fill, |[x, y, z]| f64::from(data[(z * shape[1] + y) * shape[0] + x]));
        if weight != 0.0 {
            sum += weight * value;
        }
    }
    sum
}
