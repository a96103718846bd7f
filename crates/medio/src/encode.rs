//! Voxels of a volume as the bytes of a file: as they are, cast, or quantised, block by block.

use std::path::Path;

use medcore::{Box3, DType, Scale, Volume, with_element};
use medkernels::convert::{cast_int, decode_f64, encode_from_f64};

use crate::{Error, Result, SaveOptions, Storage};

/// What happens to the voxels on their way to the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Encoding {
    /// Their bytes are written.
    Copy,
    /// Their values are converted, rounded half to even, saturating.
    Cast,
    /// Integers to integers, without a detour through floats.
    CastInteger,
    /// `round((value - intercept) / slope)` as int16.
    Quantise(Scale),
}

/// Voxels to be written: encoding, the dtype in the file, the scale in the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voxels {
    pub(crate) encoding: Encoding,
    pub(crate) dtype: DType,
    pub(crate) scale: Option<Scale>,
}

impl Voxels {
    /// Decides by the options; `int16` looks at all voxels once.
    pub(crate) fn plan(path: &Path, volume: &Volume, options: &SaveOptions) -> Result<Voxels> {
        let stored = volume.stored_dtype();
        let half = |d| matches!(d, DType::F16 | DType::BF16);
        if let Some(d) = options.dtype {
            let clash = match options.storage {
                Storage::AsIs => half(d)
                    .then_some("a dtype of the standard; storage \"float16-private\" writes half precision"),
                Storage::Int16 => (d != DType::I16).then_some("int16, or not given, with storage \"int16\""),
                Storage::Float16Private => {
                    (!half(d)).then_some("float16 or bfloat16 with storage \"float16-private\"")
                }
            };
            if let Some(wanted) = clash {
                return Err(Error::param("dtype", d, wanted));
            }
        }
        let target = match (options.storage, options.dtype) {
            (Storage::Int16, _) => return Voxels::quantised(path, volume, options),
            (_, Some(d)) => d,
            (Storage::Float16Private, None) => {
                if stored == DType::BF16 {
                    stored
                } else {
                    DType::F16
                }
            }
            (Storage::AsIs, None) => {
                if half(stored) {
                    DType::F32
                } else {
                    stored
                }
            }
        };
        if target == stored && (volume.scale().is_none() || options.dtype.is_none() && !half(stored)) {
            return Ok(Voxels { encoding: Encoding::Copy, dtype: stored, scale: volume.scale() });
        }
        if !(target.is_real() && stored.is_real()) {
            let what = format!("casting {stored} voxels to {target}");
            return Err(Error::unsupported(path, what, "write them as they are"));
        }
        let integers = target.is_integer() && stored.is_integer() && volume.scale().is_none();
        let encoding = if integers { Encoding::CastInteger } else { Encoding::Cast };
        Ok(Voxels { encoding, dtype: target, scale: None })
    }

    /// int16 with a slope and an intercept that use its whole range.
    fn quantised(path: &Path, volume: &Volume, options: &SaveOptions) -> Result<Voxels> {
        let stored = volume.stored_dtype();
        let refuse = |what: &str, hint: &str| {
            Err(Error::unsupported(path, format!("storage \"int16\" for {what}"), hint))
        };
        if options.label || volume.meta().intent.0 == 1002 {
            return refuse("a label map", "labels are not quantised; write them as integers");
        }
        if !stored.is_real() {
            return refuse(&format!("{stored} voxels"), "write them as they are");
        }
        if stored == DType::I16 {
            return Ok(Voxels { encoding: Encoding::Copy, dtype: stored, scale: volume.scale() });
        }
        let (low, high) = finite_extent(path, volume)?;
        if stored.is_integer() && volume.scale().is_none() {
            if low >= f64::from(i16::MIN) && high <= f64::from(i16::MAX) {
                return Ok(Voxels { encoding: Encoding::CastInteger, dtype: DType::I16, scale: None });
            }
            return refuse(
                &format!("{stored} voxels from {low} to {high}"),
                "whole numbers beyond int16 may be labels; write them as they are or cast them to float32 first",
            );
        }
        // Rounded to what a NIfTI-1 header holds, before it is used.
        let intercept = f64::from((f64::midpoint(low, high)) as f32);
        let reach = (high - intercept).max(intercept - low);
        let slope = f64::from(((reach / 32767.0) as f32).next_up());
        let usable = slope.is_finite() && intercept.is_finite() && slope >= f64::from(f32::MIN_POSITIVE);
        let scale = if reach == 0.0 || (!usable && reach < f64::from(f32::MIN_POSITIVE)) {
            Scale { slope: 1.0, intercept }
        } else if usable {
            Scale { slope, intercept }
        } else {
            return refuse(&format!("values from {low} to {high}"), "the range does not fit a float32 slope");
        };
        Ok(Voxels { encoding: Encoding::Quantise(scale), dtype: DType::I16, scale: Some(scale) })
    }

    /// Appends the bytes of a block in the file; says the largest difference between a value and what a reader will see.
    pub(crate) fn block(
        &self,
        path: &Path,
        volume: &Volume,
        block: &Block,
        out: &mut Vec<u8>,
    ) -> Result<f64> {
        let stored = volume.stored_dtype();
        let n = block.area.len();
        let gather = |out: &mut [u8]| {
            let copied = volume.copy_box(block.channel, &block.area, out);
            copied.map_err(|e| Error::shape(path, "voxels", e, "a box of the volume"))
        };
        let start = out.len();
        out.resize(start + n * self.dtype.bytes(), 0);
        let out = &mut out[start..];
        if self.encoding == Encoding::Copy {
            gather(out)?;
            return Ok(0.0);
        }
        let mut raw = vec![0; n * stored.bytes()];
        gather(&mut raw)?;
        let mut worst = 0.0f64;
        if self.encoding == Encoding::CastInteger {
            cast_integers(stored, &raw, self.dtype, out);
        }
        let scale = volume.scale().map(|s| (s.slope, s.intercept));
        const PIECE: usize = 4096;
        let (mut values, mut back) = (vec![0.0; PIECE.min(n)], vec![0.0; PIECE.min(n)]);
        for (raw, out) in raw.chunks(PIECE * stored.bytes()).zip(out.chunks_mut(PIECE * self.dtype.bytes())) {
            let values = &mut values[..raw.len() / stored.bytes()];
            let back = &mut back[..values.len()];
            decode(stored, raw, scale, values);
            match self.encoding {
                Encoding::Copy | Encoding::CastInteger => decode(self.dtype, out, None, back),
                Encoding::Cast => {
                    if self.dtype.is_integer() && values.iter().any(|v| v.is_nan()) {
                        let hint = "replace the NaNs first, or write floats";
                        return Err(Error::unsupported(path, format!("writing NaN as {}", self.dtype), hint));
                    }
                    with_element!(self.dtype, T => encode_from_f64::<T>(values, out), else => ());
                    decode(self.dtype, out, None, back);
                }
                Encoding::Quantise(s) => {
                    let scaled: Vec<f64> = values.iter().map(|v| (v - s.intercept) / s.slope).collect();
                    encode_from_f64::<i16>(&scaled, out);
                    decode(DType::I16, out, Some((s.slope, s.intercept)), back);
                }
            }
            for (v, b) in values.iter().zip(back) {
                let error = (v - *b).abs();
                // The same infinity on both sides is no error; the difference is NaN and fails the comparison.
                if error > worst {
                    worst = error;
                }
            }
        }
        Ok(worst)
    }
}

fn decode(dtype: DType, raw: &[u8], scale: Option<(f64, f64)>, out: &mut [f64]) {
    with_element!(dtype, T => decode_f64::<T>(raw, false, scale, out), else => ());
}

/// Casts packed integers; both slices are made of whole elements.
fn cast_integers(from: DType, raw: &[u8], to: DType, out: &mut [u8]) {
    const PIECE: usize = 1024;
    // Aligned pieces on both sides, whatever the buffers' addresses.
    let (mut source, mut target) = ([0u64; PIECE], [0u64; PIECE]);
    for (raw, out) in raw.chunks(PIECE * from.bytes()).zip(out.chunks_mut(PIECE * to.bytes())) {
        let source = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut source)[..raw.len()];
        source.copy_from_slice(raw);
        let target = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut target)[..out.len()];
        with_element!(from, S => with_element!(to, D => {
            cast_int::<S, D>(bytemuck::cast_slice(source), bytemuck::cast_slice_mut(target));
        }, else => ()), else => ());
        out.copy_from_slice(target);
    }
}

/// Smallest and largest value.
fn finite_extent(path: &Path, volume: &Volume) -> Result<(f64, f64)> {
    let (mut low, mut high, mut finite) = (f64::INFINITY, f64::NEG_INFINITY, true);
    let scale = volume.scale().map(|s| (s.slope, s.intercept));
    let stored = volume.stored_dtype();
    let (mut raw, mut values) = (Vec::new(), Vec::new());
    for block in Block::all(volume, 1 << 20) {
        let n = block.area.len();
        raw.resize(n * stored.bytes(), 0);
        values.resize(n, 0.0);
        volume
            .copy_box(block.channel, &block.area, &mut raw)
            .map_err(|e| Error::shape(path, "voxels", e, "a box of the volume"))?;
        decode(stored, &raw, scale, &mut values);
        for &v in &values {
            finite &= v.is_finite();
            low = if v < low { v } else { low };
            high = if v > high { v } else { high };
        }
    }
    if !finite {
        let hint = "replace them first, or write float32";
        return Err(Error::unsupported(path, "storage \"int16\" for NaN or infinite values", hint));
    }
    Ok((low, high))
}

/// A part of a volume, packed in the file's order when written one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block {
    pub(crate) channel: usize,
    pub(crate) area: Box3,
}

impl Block {
    /// The blocks of a volume, each of about `bytes` stored bytes: whole slices, or rows of one slice where a slice is larger.
    pub(crate) fn all(volume: &Volume, bytes: usize) -> Vec<Block> {
        let [nx, ny, nz] = volume.grid().shape;
        if volume.grid().is_empty() {
            return Vec::new();
        }
        let row = (nx * volume.stored_dtype().bytes()).max(1);
        let slice = row.saturating_mul(ny);
        let (rows, slices) =
            if slice > bytes { ((bytes / row).max(1), 1) } else { (ny, (bytes / slice).max(1)) };
        let mut blocks = Vec::new();
        for channel in 0..volume.channels() {
            for z in (0..nz).step_by(slices) {
                for y in (0..ny).step_by(rows) {
                    let shape = [nx, rows.min(ny - y), slices.min(nz - z)];
                    blocks.push(Block { channel, area: Box3 { start: [0, y, z], shape } });
                }
            }
        }
        blocks
    }

    /// Boxes that are, one after the other, the voxels from number `from` to number `to` in the file's order.
    pub(crate) fn range(volume: &Volume, mut from: usize, to: usize) -> Vec<Block> {
        let [nx, ny, nz] = volume.grid().shape;
        let mut blocks = Vec::new();
        while from < to {
            let [x, y, z] = [from % nx, from / nx % ny, from / (nx * ny) % nz];
            let n = to - from;
            // The largest box that begins here and runs through all shorter axes.
            let shape = if x > 0 || n < nx {
                [n.min(nx - x), 1, 1]
            } else if y > 0 || n < nx * ny {
                [nx, (n / nx).min(ny - y), 1]
            } else {
                [nx, ny, (n / (nx * ny)).min(nz - z)]
            };
            blocks.push(Block { channel: from / (nx * ny * nz), area: Box3 { start: [x, y, z], shape } });
            from += shape.iter().product::<usize>();
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use medcore::Affine;

    use super::*;

    #[test]
    fn a_range_is_its_boxes_one_after_the_other() {
        let shape = [3, 4, 5];
        let volume = Volume::packed(
            std::sync::Arc::new(vec![0u8; 120]),
            DType::U8,
            medcore::Grid::new(shape, Affine::IDENTITY),
            vec![2],
            std::sync::Arc::default(),
        )
        .unwrap();
        for from in 0..120 {
            for to in from..=120 {
                let mut at = from;
                let blocks = Block::range(&volume, from, to);
                assert!(blocks.len() <= 10, "{from} {to}: {blocks:?}");
                for b in blocks {
                    for z in b.area.start[2]..b.area.end()[2] {
                        for y in b.area.start[1]..b.area.end()[1] {
                            let row = ((b.channel * 5 + z) * 4 + y) * 3 + b.area.start[0];
                            assert_eq!(row, at);
                            at += b.area.shape[0];
                        }
                    }
                }
                assert_eq!(at, to);
            }
        }
    }
}
