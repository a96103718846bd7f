//! A box of voxels on its way through a chain.

use std::sync::Arc;

use medcore::{Box3, DType, Storage};
use medkernels::buffer::Buffer;
use medkernels::copy::{Strided, copy_strided};
use medkernels::interpolate::StridedF32;

use crate::Result;
use crate::evaluate::scratch;

/// In which form a stage's voxels are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Float32, whatever the dtype.
    F32,
    /// The dtype of the values at that stage.
    Stored,
}

impl Want {
    /// The dtype that voxels of `dtype` are delivered in.
    pub(crate) fn dtype(self, dtype: DType) -> DType {
        match self {
            Want::F32 => DType::F32,
            Want::Stored => dtype,
        }
    }
}

/// One channel of a box, seen through strides (in voxels).
pub(crate) struct Tile {
    pub(crate) store: Arc<dyn Storage>,
    pub(crate) dtype: DType,
    pub(crate) offset: usize,
    pub(crate) strides: [isize; 3],
    pub(crate) shape: [usize; 3],
}

impl Tile {
    pub(crate) fn shared(
        store: Arc<dyn Storage>,
        dtype: DType,
        offset: usize,
        strides: [isize; 3],
        shape: [usize; 3],
    ) -> Tile {
        Tile { store, dtype, offset, strides, shape }
    }

    pub(crate) fn packed(buffer: Buffer, dtype: DType, shape: [usize; 3]) -> Tile {
        Tile { store: Arc::new(buffer), dtype, offset: 0, strides: packed_strides(shape), shape }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.store.bytes()
    }

    /// The whole storage as float32; the tile's first voxel is at `offset`.
    pub(crate) fn f32(&self) -> &[f32] {
        let bytes = self.store.bytes();
        let whole = bytes.len() / 4 * 4;
        bytemuck::try_cast_slice(&bytes[..whole]).unwrap_or_default()
    }

    /// Whether [`Tile::f32`] can be used.
    pub(crate) fn aligned(&self) -> bool {
        self.store.bytes().as_ptr().align_offset(4) == 0
    }

    /// The voxels as one slice, if they are packed, x fastest.
    pub(crate) fn packed_f32(&self) -> Option<&[f32]> {
        let whole = Box3::whole(self.shape);
        self.packed_part(&whole, &whole)
    }

    /// The tile seen through a lattice whose images of `b` all lie inside; `input` is the box that the tile holds.
    pub(crate) fn through(self, lattice: &medcore::Lattice, b: &Box3, input: &Box3) -> Tile {
        let mut strides = [0; 3];
        let mut at = self.offset as isize;
        for j in 0..3 {
            let i = lattice.axes[j];
            let sign = if lattice.flipped[j] { -1 } else { 1 };
            strides[j] = sign as isize * self.strides[i];
            let first = lattice.offset[i] + sign * b.start[j] as i64;
            at += (first - input.start[i] as i64) as isize * self.strides[i];
        }
        Tile { offset: at as usize, strides, shape: b.shape, ..self }
    }

    /// A part of the float32 tile, which holds the box `held`, as one slice, if it is packed, x fastest.
    pub(crate) fn packed_part(&self, held: &Box3, part: &Box3) -> Option<&[f32]> {
        let packed = packed_strides(part.shape);
        let same = (0..3).all(|i| part.shape[i] <= 1 || self.strides[i] == packed[i]);
        let first = self.first(held, part);
        if same { self.f32().get(first..first + part.len()) } else { None }
    }

    /// Copies a part of the tile, which holds the box `held`, into a packed buffer of float32.
    pub(crate) fn copy_part(&self, held: &Box3, part: &Box3, out: &mut [f32]) {
        let (out, packed) = (bytemuck::cast_slice_mut(out), packed_strides(part.shape));
        copy_strided(
            out,
            packed,
            0,
            self.bytes(),
            self.strides,
            self.first(held, part),
            part.shape,
            self.dtype.bytes(),
        );
    }

    /// Where the first voxel of a part lies.
    fn first(&self, held: &Box3, part: &Box3) -> usize {
        (0..3).fold(self.offset as isize, |at, i| {
            at + (part.start[i] - held.start[i]) as isize * self.strides[i]
        }) as usize
    }

    /// The tile, which holds the box `held` of a domain, as the interpolation kernels see it.
    pub(crate) fn strided_f32(&self, held: &Box3, domain: [usize; 3]) -> StridedF32<'_> {
        StridedF32 { data: self.f32(), offset: self.origin(held), strides: self.strides, shape: domain }
    }

    /// Where voxel (0, 0, 0) of the domain would lie.
    fn origin(&self, held: &Box3) -> isize {
        (0..3).fold(self.offset as isize, |at, i| at - held.start[i] as isize * self.strides[i])
    }

    /// The same for voxels of any size.
    pub(crate) fn strided(&self, held: &Box3, domain: [usize; 3]) -> Strided<'_> {
        Strided { bytes: self.bytes(), offset: self.origin(held), strides: self.strides, shape: domain }
    }

    /// Copies the voxels into a strided place.
    pub(crate) fn copy_to(&self, out: &mut [u8], strides: [isize; 3], offset: usize) {
        if self.shape.contains(&0) {
            return;
        }
        copy_strided(
            out,
            strides,
            offset,
            self.bytes(),
            self.strides,
            self.offset,
            self.shape,
            self.dtype.bytes(),
        );
    }

    /// The same voxels, packed.
    pub(crate) fn into_packed(self) -> Result<Tile> {
        let want = packed_strides(self.shape);
        if (0..3).all(|i| self.shape[i] <= 1 || self.strides[i] == want[i]) {
            return Ok(Tile { strides: want, ..self });
        }
        let mut out = scratch(self.shape.iter().product::<usize>() * self.dtype.bytes())?;
        self.copy_to(out.as_bytes_mut(), want, 0);
        Ok(Tile::packed(out, self.dtype, self.shape))
    }

    /// The same packed voxels at an address that suits their dtype; an array of the caller's may lie at any.
    pub(crate) fn into_aligned(self) -> Result<Tile> {
        if self.bytes_packed().as_ptr().align_offset(self.dtype.bytes()) == 0 {
            return Ok(self);
        }
        let mut out = scratch(self.bytes_packed().len())?;
        out.as_bytes_mut().copy_from_slice(self.bytes_packed());
        Ok(Tile::packed(out, self.dtype, self.shape))
    }

    /// The bytes of a packed tile.
    pub(crate) fn bytes_packed(&self) -> &[u8] {
        let size = self.dtype.bytes();
        let n: usize = self.shape.iter().product();
        &self.bytes()[self.offset * size..(self.offset + n) * size]
    }
}

/// Strides of a packed box, x fastest.
pub(crate) fn packed_strides(shape: [usize; 3]) -> [isize; 3] {
    [1, shape[0] as isize, (shape[0] * shape[1]) as isize]
}
