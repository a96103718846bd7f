//! The spatial frequencies of a volume: what an MR scanner measures.
//!
//! Frequency `k` of `n` voxels is `sum over x of v[x] exp(-2 pi i k x / n)`. "Centred" indices have frequency 0 at `n / 2` (rounded down), as after
//! `numpy.fft.fftshift`. Arithmetic is float32, by
//! rustfft's scalar code. Its cosines are the platform's in float64, rounded to float32: two platforms whose cosines differ in the last bit could
//! round one of them apart once in about 2^28.

use std::sync::Arc;

use medcore::{Axes, DType, Error, Global, Key, Point, RawVolume, Result, Step};
use medkernels::buffer::Buffer;
use medkernels::{copy, threads};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftDirection, FftPlannerScalar};

/// Lines that one thread works on at once.
const LINES: usize = 64;

/// Steps that change whole channels of float32 voxels, x fastest.
pub(crate) fn whole_channel(
    label: String,
    change: impl Fn(&mut [f32], [usize; 3]) -> Result<()> + Send + Sync + 'static,
) -> Vec<Step> {
    let run = move |v: RawVolume<'_>| {
        let shape = v.shape;
        let wrong = |e: bytemuck::PodCastError| Error::Data {
            what: "a channel in memory".into(),
            found: e.to_string(),
            hint: "this is a defect of medoxide; please report it".into(),
        };
        change(bytemuck::try_cast_slice_mut(v.bytes).map_err(wrong)?, shape)
    };
    vec![Step::Point(Point::Cast(DType::F32)), Step::Global(Global { label, run: Arc::new(run) })]
}

/// One of some axes, each as likely.
pub(crate) fn drawn_axis(transform: &str, axes: Axes, key: Key) -> Result<usize> {
    let all: Vec<usize> = (0..3).filter(|&i| axes.0[i]).collect();
    if all.is_empty() {
        return Err(Error::param(transform, "axes", "[]", "at least one axis"));
    }
    Ok(all[key.below(all.len() as u64) as usize])
}

/// The centred index of a frequency.
pub(crate) fn centred(frequency: usize, n: usize) -> usize {
    (frequency + n / 2) % n.max(1)
}

/// The frequency of a centred index.
pub(crate) fn frequency(centred: usize, n: usize) -> usize {
    (centred + n.div_ceil(2)) % n.max(1)
}

/// A transform of lines of `n`.
pub(crate) fn plan(n: usize, direction: FftDirection) -> Arc<dyn Fft<f32>> {
    FftPlannerScalar::new().plan_fft(n, direction)
}

/// Multiplies the frequencies along one axis by weights, given by centred index, and takes the real part.
///
/// The real part of a real line's result is that of weights made Hermitian; these keep lines real, so that two go through one complex transform.
pub(crate) fn weigh_lines(
    voxels: &mut [f32],
    shape: [usize; 3],
    axis: usize,
    weight: impl Fn(usize) -> f32,
) -> Result<()> {
    let n = shape[axis];
    if voxels.is_empty() {
        return Ok(());
    }
    let of = |k: usize| weight(centred(k, n));
    let weights: Vec<f32> = (0..n).map(|k| 0.5 * (of(k) + of((n - k) % n)) / n as f32).collect();
    let (there, back) = (plan(n, FftDirection::Forward), plan(n, FftDirection::Inverse));
    // Line after line, the other axes in order.
    let strides = [1, shape[0], shape[0] * shape[1]];
    let others = [[1, 2], [0, 2], [0, 1]][axis];
    let mut lines = Buffer::for_overwrite(voxels.len() * 4)?;
    let mut parts: Vec<&mut [f32]> = lines.as_mut_slice::<f32>().chunks_mut(LINES * n).collect();
    let from: &[f32] = voxels;
    threads::for_each_mut(&mut parts, |p, part| {
        let mut pairs = vec![Complex::<f32>::default(); LINES / 2 * n];
        let room = there.get_inplace_scratch_len().max(back.get_inplace_scratch_len());
        let mut scratch = vec![Complex::default(); room];
        let count = part.len() / n;
        for k in 0..n {
            for line in 0..count {
                let number = p * LINES + line;
                let (a, b) = (number % shape[others[0]], number / shape[others[0]]);
                let v = from[a * strides[others[0]] + b * strides[others[1]] + k * strides[axis]];
                let pair = &mut pairs[line / 2 * n + k];
                if line % 2 == 0 { *pair = Complex::new(v, 0.0) } else { pair.im = v }
            }
        }
        for pair in pairs.chunks_mut(n).take(count.div_ceil(2)) {
            there.process_with_scratch(pair, &mut scratch);
            pair.iter_mut().zip(&weights).for_each(|(v, w)| *v *= *w);
            back.process_with_scratch(pair, &mut scratch);
        }
        for (line, out) in part.chunks_mut(n).enumerate() {
            let pair = &pairs[line / 2 * n..][..n];
            let real = line % 2 == 0;
            out.iter_mut().zip(pair).for_each(|(o, v)| *o = if real { v.re } else { v.im });
        }
    });
    let mut by_line = [0; 3];
    by_line[axis] = 1;
    by_line[others[0]] = n as isize;
    by_line[others[1]] = (n * shape[others[0]]) as isize;
    let packed = strides.map(|s| s as isize);
    copy::copy_strided(bytemuck::cast_slice_mut(voxels), packed, 0, lines.as_bytes(), by_line, 0, shape, 4);
    Ok(())
}
