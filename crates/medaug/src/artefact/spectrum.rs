//! The frequencies of a real volume along all axes, half of them: those of the other half are their conjugates.

use medcore::Result;
use medkernels::buffer::Buffer;
use medkernels::threads;
use rustfft::FftDirection;
use rustfft::num_complex::Complex;

use crate::artefact::k_space::plan;

/// Neighbouring lines that are brought together: their voxels share cache lines.
const TOGETHER: usize = 16;

/// Frequencies 0 to `nx / 2` along x, and all along y and z.
pub(crate) struct Spectrum {
    shape: [usize; 3],
    /// Real and imaginary part of each; y fastest, then x, then z.
    values: Buffer,
}

impl Spectrum {
    /// The frequencies of a packed volume, x fastest, with at least one voxel.
    pub(crate) fn of(voxels: &[f32], shape: [usize; 3]) -> Result<Spectrum> {
        let mut spectrum = Spectrum::of_planes(voxels, shape)?;
        let there = plan(shape[2], FftDirection::Forward);
        spectrum.along_z(|_, _, line, scratch| there.process_with_scratch(line, scratch));
        Ok(spectrum)
    }

    /// The value at a frequency from 0 up along each axis.
    pub(crate) fn at(&self, k: [usize; 3]) -> Complex<f32> {
        let [nx, ny, nz] = self.shape;
        let mirrored = k[0] > nx / 2;
        let [x, y, z] = if mirrored { [nx - k[0], (ny - k[1]) % ny, (nz - k[2]) % nz] } else { k };
        let at = 2 * (y + ny * (x + (nx / 2 + 1) * z));
        let values = self.values.as_slice::<f32>();
        Complex::new(values[at], if mirrored { -values[at + 1] } else { values[at + 1] })
    }

    /// The largest magnitude.
    pub(crate) fn largest(&self) -> f32 {
        let pairs = self.values.as_slice::<f32>().as_chunks::<2>().0;
        pairs.iter().fold(0.0f32, |most, [re, im]| most.max(re * re + im * im)).sqrt()
    }

    /// Along x and y.
    fn of_planes(voxels: &[f32], shape: [usize; 3]) -> Result<Spectrum> {
        let [nx, ny, nz] = shape;
        let columns = nx / 2 + 1;
        let mut values = Buffer::for_overwrite(8 * columns * ny * nz)?;
        let (along_x, along_y) = (plan(nx, FftDirection::Forward), plan(ny, FftDirection::Forward));
        let room = along_x.get_inplace_scratch_len().max(along_y.get_inplace_scratch_len());
        let mut planes: Vec<&mut [f32]> = values.as_mut_slice::<f32>().chunks_mut(2 * columns * ny).collect();
        threads::for_each_mut(&mut planes, |z, out| {
            let mut scratch = vec![Complex::default(); room];
            let mut pair = vec![Complex::default(); nx];
            let mut plane = vec![Complex::default(); columns * ny];
            let rows = &voxels[z * nx * ny..][..nx * ny];
            // Two real rows go through one transform: the sum of one that is even and one that is odd, but for a factor.
            for y in (0..ny).step_by(2) {
                let first = &rows[y * nx..][..nx];
                let second = if y + 1 < ny { Some(&rows[(y + 1) * nx..][..nx]) } else { None };
                for (x, v) in pair.iter_mut().enumerate() {
                    *v = Complex::new(first[x], second.map_or(0.0, |row| row[x]));
                }
                along_x.process_with_scratch(&mut pair, &mut scratch);
                for k in 0..columns {
                    let (here, there) = (pair[k], pair[(nx - k) % nx].conj());
                    plane[k * ny + y] = (here + there) * 0.5;
                    if second.is_some() {
                        let odd = (here - there) * 0.5;
                        plane[k * ny + y + 1] = Complex::new(odd.im, -odd.re);
                    }
                }
            }
            for line in plane.chunks_mut(ny) {
                along_y.process_with_scratch(line, &mut scratch);
            }
            for ([re, im], v) in out.as_chunks_mut::<2>().0.iter_mut().zip(&plane) {
                (*re, *im) = (v.re, v.im);
            }
        });
        Ok(Spectrum { shape, values })
    }

    /// Changes all lines along z: given are the frequencies along x and y, the line, and scratch memory for a transform along it.
    fn along_z(&mut self, change: impl Fn(usize, usize, &mut [Complex<f32>], &mut [Complex<f32>]) + Sync) {
        let [nx, ny, nz] = self.shape;
        let columns = nx / 2 + 1;
        let [there, back] = [FftDirection::Forward, FftDirection::Inverse].map(|d| plan(nz, d));
        let room = there.get_inplace_scratch_len().max(back.get_inplace_scratch_len());
        // The lines of each frequency along x: a piece of each plane.
        let mut lines: Vec<Vec<&mut [f32]>> = (0..columns).map(|_| Vec::with_capacity(nz)).collect();
        for (n, piece) in self.values.as_mut_slice::<f32>().chunks_mut(2 * ny).enumerate() {
            lines[n % columns].push(piece);
        }
        threads::for_each_mut(&mut lines, |kx, pieces| {
            let mut scratch = vec![Complex::default(); room];
            let mut block = vec![Complex::default(); TOGETHER * nz];
            for from in (0..ny).step_by(TOGETHER) {
                let count = TOGETHER.min(ny - from);
                for (z, piece) in pieces.iter().enumerate() {
                    let pairs = &piece.as_chunks::<2>().0[from..from + count];
                    for (line, [re, im]) in pairs.iter().enumerate() {
                        block[line * nz + z] = Complex::new(*re, *im);
                    }
                }
                for (line, values) in block.chunks_mut(nz).take(count).enumerate() {
                    change(kx, from + line, values, &mut scratch);
                }
                for (z, piece) in pieces.iter_mut().enumerate() {
                    let pairs = &mut piece.as_chunks_mut::<2>().0[from..from + count];
                    for (line, [re, im]) in pairs.iter_mut().enumerate() {
                        (*re, *im) = (block[line * nz + z].re, block[line * nz + z].im);
                    }
                }
            }
        });
    }

    /// The volume that has the frequencies along x and y of each plane, times `share`.
    fn into_planes(self, voxels: &mut [f32], share: f32) {
        let [nx, ny, _] = self.shape;
        let columns = nx / 2 + 1;
        let (along_x, along_y) = (plan(nx, FftDirection::Inverse), plan(ny, FftDirection::Inverse));
        let room = along_x.get_inplace_scratch_len().max(along_y.get_inplace_scratch_len());
        let values = self.values.as_slice::<f32>();
        let mut planes: Vec<&mut [f32]> = voxels.chunks_mut(nx * ny).collect();
        threads::for_each_mut(&mut planes, |z, out| {
            let mut scratch = vec![Complex::default(); room];
            let mut pair = vec![Complex::default(); nx];
            let from = values[z * 2 * columns * ny..][..2 * columns * ny].as_chunks::<2>().0;
            let mut plane: Vec<Complex<f32>> = from.iter().map(|[re, im]| Complex::new(*re, *im)).collect();
            for line in plane.chunks_mut(ny) {
                along_y.process_with_scratch(line, &mut scratch);
            }
            for y in (0..ny).step_by(2) {
                let two = y + 1 < ny;
                for k in 0..columns {
                    let a = plane[k * ny + y];
                    let b = if two { plane[k * ny + y + 1] } else { Complex::default() };
                    pair[(nx - k) % nx] = Complex::new(a.re + b.im, b.re - a.im);
                    pair[k] = Complex::new(a.re - b.im, a.im + b.re);
                }
                along_x.process_with_scratch(&mut pair, &mut scratch);
                for (x, v) in pair.iter().enumerate() {
                    out[y * nx + x] = v.re * share;
                    if two {
                        out[(y + 1) * nx + x] = v.im * share;
                    }
                }
            }
        });
    }
}

/// Multiplies frequencies by weights. `weigh` does so to a line along z, given its frequencies along x and y; opposite frequencies must have the same weight, so
/// that real volumes stay real.
pub(crate) fn weigh(
    voxels: &mut [f32],
    shape: [usize; 3],
    weigh: impl Fn(usize, usize, &mut [Complex<f32>]) + Sync,
) -> Result<()> {
    if voxels.is_empty() {
        return Ok(());
    }
    let mut spectrum = Spectrum::of_planes(voxels, shape)?;
    let [there, back] = [FftDirection::Forward, FftDirection::Inverse].map(|d| plan(shape[2], d));
    spectrum.along_z(|kx, ky, line, scratch| {
        there.process_with_scratch(line, scratch);
        weigh(kx, ky, line);
        back.process_with_scratch(line, scratch);
    });
    let share = 1.0 / voxels.len() as f32;
    spectrum.into_planes(voxels, share);
    Ok(())
}
