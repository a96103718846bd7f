//! What stored bytes become: themselves, or values.

use medcore::{DType, with_element};
use medkernels::convert::{decode_f32, decode_f32_rows, decode_f32_stream, decode_f64, swap_bytes};

/// What stored bytes become.
pub(crate) trait Target: Sync {
    /// An element of the output.
    type Item: Send;
    /// Elements for one voxel.
    fn per_voxel(&self) -> usize;
    /// Decodes packed voxels.
    fn decode(&self, raw: &[u8], out: &mut [Self::Item]);
    /// Decodes rows of `row` bytes that start `step` bytes apart; each becomes `width` elements.
    fn decode_rows(&self, raw: &[u8], step: usize, row: usize, width: usize, out: &mut [Self::Item]) {
        for (r, out) in out.chunks_exact_mut(width).enumerate() {
            self.decode(&raw[r * step..][..row], out);
        }
    }
    /// The output as bytes, if stored bytes can be read straight into it.
    fn direct<'a>(&self, _out: &'a mut [Self::Item]) -> Option<&'a mut [u8]> {
        None
    }
    /// What is left to do after a direct read.
    fn after_direct(&self, _out: &mut [Self::Item]) {}
}

/// As stored, in native byte order.
pub(crate) struct Raw {
    pub(crate) size: usize,
    /// Bytes of the unit to swap; 1 if there is nothing to swap.
    pub(crate) unit: usize,
}

impl Target for Raw {
    type Item = u8;

    fn per_voxel(&self) -> usize {
        self.size
    }

    fn decode(&self, raw: &[u8], out: &mut [u8]) {
        out.copy_from_slice(raw);
        swap_bytes(self.unit, out);
    }

    fn direct<'a>(&self, out: &'a mut [u8]) -> Option<&'a mut [u8]> {
        Some(out)
    }

    fn after_direct(&self, out: &mut [u8]) {
        swap_bytes(self.unit, out);
    }
}

/// float32 values.
pub(crate) struct ValuesF32 {
    pub(crate) dtype: DType,
    pub(crate) swap: bool,
    pub(crate) scale: Option<(f64, f64)>,
    pub(crate) stream: bool,
}

impl Target for ValuesF32 {
    type Item = f32;

    fn per_voxel(&self) -> usize {
        1
    }

    fn decode(&self, raw: &[u8], out: &mut [f32]) {
        with_element!(self.dtype, T => if self.stream {
            decode_f32_stream::<T>(raw, self.swap, self.scale, out);
        } else {
            decode_f32::<T>(raw, self.swap, self.scale, out);
        }, else => ());
    }

    fn decode_rows(&self, raw: &[u8], step: usize, row: usize, width: usize, out: &mut [f32]) {
        if self.stream {
            return out
                .chunks_exact_mut(width)
                .enumerate()
                .for_each(|(r, out)| self.decode(&raw[r * step..][..row], out));
        }
        with_element!(self.dtype, T => decode_f32_rows::<T>(raw, step, width, self.swap, self.scale, out), else => ());
    }

    fn direct<'a>(&self, out: &'a mut [f32]) -> Option<&'a mut [u8]> {
        (self.dtype == DType::F32 && self.scale.is_none()).then(|| bytemuck::cast_slice_mut(out))
    }

    fn after_direct(&self, out: &mut [f32]) {
        if self.swap {
            swap_bytes(4, bytemuck::cast_slice_mut(out));
        }
    }
}

/// float64 values.
pub(crate) struct ValuesF64 {
    pub(crate) dtype: DType,
    pub(crate) swap: bool,
    pub(crate) scale: Option<(f64, f64)>,
}

impl Target for ValuesF64 {
    type Item = f64;

    fn per_voxel(&self) -> usize {
        1
    }

    fn decode(&self, raw: &[u8], out: &mut [f64]) {
        with_element!(self.dtype, T => decode_f64::<T>(raw, self.swap, self.scale, out), else => ());
    }
}
