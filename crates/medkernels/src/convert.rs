//! Decoding stored voxels to floats, encoding floats to stored voxels, and byte order.
//!
//! Stored bytes may lie at any address; conversions work in tiles that stay in the first cache.

use crate::element::Element;
use crate::intrinsics;
use crate::kernel::kernel;

/// Bytes of a tile. Two of them fit the smallest first-level cache in use.
const TILE: usize = 8 << 10;

/// A tile at a boundary that suits every element type.
#[repr(C, align(64))]
struct Tile([u8; TILE]);

impl Tile {
    const fn new() -> Self {
        Tile([0; TILE])
    }
}

/// Calls `f` with `src` as elements in native order, tile by tile, and the index of the tile's first element.
#[inline(always)]
fn for_tiles<T: Element>(src: &[u8], swap: bool, mut f: impl FnMut(usize, &[T])) {
    let whole = src.len() / T::BYTES * T::BYTES;
    match bytemuck::try_cast_slice::<u8, T>(&src[..whole]) {
        Ok(elements) if !swap || T::BYTES == 1 => {
            for (index, part) in elements.chunks(TILE / T::BYTES).enumerate() {
                f(index * (TILE / T::BYTES), part);
            }
        }
        _ => {
            let mut tile = Tile::new();
            for (index, part) in src[..whole].chunks(TILE).enumerate() {
                let bytes = &mut tile.0[..part.len()];
                bytes.copy_from_slice(part);
                if swap {
                    swap_bytes(T::BYTES, bytes);
                }
                f(index * (TILE / T::BYTES), bytemuck::cast_slice(bytes));
            }
        }
    }
}

/// Slope and intercept such that adding the intercept 0 changes nothing, not even the sign of zero.
fn neutral((slope, inter): (f64, f64)) -> (f64, f64) {
    (slope, if inter == 0.0 { -0.0 } else { inter })
}

/// Decodes stored voxels to f32 with nibabel's arithmetic.
///
/// `src` holds `dst.len()` elements of type `T`, in the other byte order if `swap`. With a scale `(slope,
/// inter)` the value is `f64(raw) * slope + inter`, rounded once to f32; the product is skipped for slope 1,
/// the sum for intercept 0. Without, it is the raw value, rounded once.
///
/// ```
/// use medkernels::convert::decode_f32;
/// let mut voxels = [0.0f32; 2];
/// decode_f32::<i16>(&[0x01, 0x00, 0xff, 0xff], false, Some((0.5, 10.0)), &mut voxels);
/// # if cfg!(target_endian = "little") {
/// assert_eq!(voxels, [10.5, 9.5]);
/// # }
/// ```
///
/// # Panics
/// If `src.len() != dst.len() * T::BYTES`.
pub fn decode_f32<T: Element>(src: &[u8], swap: bool, scale: Option<(f64, f64)>, dst: &mut [f32]) {
    assert_eq!(src.len(), dst.len() * T::BYTES, "bytes of the source and elements of the output differ");
    for_tiles::<T>(src, swap, |start, part| {
        let (row, out) = (part.len(), &mut dst[start..start + part.len()]);
        match scale.map(neutral) {
            Some((slope, inter)) => scale_to_f32(part, row, row, slope, inter, out),
            None => cast_to_f32(part, row, row, out),
        }
    });
}

/// As [`decode_f32`] on rows of `row` elements that start `step` bytes apart, into a packed output: many short rows at
/// little more than the cost of one long one.
///
/// # Panics
/// If `dst` is no whole number of rows, or `src` ends before the last of them.
pub fn decode_f32_rows<T: Element>(
    src: &[u8],
    step: usize,
    row: usize,
    swap: bool,
    scale: Option<(f64, f64)>,
    dst: &mut [f32],
) {
    assert!(row > 0 && dst.len().is_multiple_of(row), "{} elements are no rows of {row}", dst.len());
    let whole = src.len() / T::BYTES * T::BYTES;
    match bytemuck::try_cast_slice::<u8, T>(&src[..whole]) {
        Ok(elements) if (!swap || T::BYTES == 1) && step.is_multiple_of(T::BYTES) => {
            match scale.map(neutral) {
                Some((slope, inter)) => scale_to_f32(elements, step / T::BYTES, row, slope, inter, dst),
                None => cast_to_f32(elements, step / T::BYTES, row, dst),
            }
        }
        _ => {
            for (r, out) in dst.chunks_exact_mut(row).enumerate() {
                decode_f32::<T>(&src[r * step..][..row * T::BYTES], swap, scale, out);
            }
        }
    }
}

/// As [`decode_f32`], with stores that bypass the caches.
///
/// For outputs too large to stay in cache (16 MiB and more). The bits are the same.
///
/// # Panics
/// If `src.len() != dst.len() * T::BYTES`.
pub fn decode_f32_stream<T: Element>(src: &[u8], swap: bool, scale: Option<(f64, f64)>, dst: &mut [f32]) {
    assert_eq!(src.len(), dst.len() * T::BYTES, "bytes of the source and elements of the output differ");
    // From the first cache line of the output on, whole lines.
    let head = dst.as_ptr().align_offset(64).min(dst.len());
    let (dst_head, dst) = dst.split_at_mut(head);
    let (src_head, src) = src.split_at(head * T::BYTES);
    decode_f32::<T>(src_head, swap, scale, dst_head);
    for_tiles::<T>(src, swap, |start, part| {
        let out = &mut dst[start..start + part.len()];
        match scale.map(neutral) {
            Some((slope, inter)) => scale_streamed(part, slope, inter, out),
            None => cast_streamed(part, out),
        }
    });
    intrinsics::stream_end();
}

kernel! {
    fn scale_streamed[T: Element](src: &[T], slope: f64, inter: f64, dst: &mut [f32]) {
        streamed(src, dst, |v| (v.to_f64() * slope + inter) as f32);
    }
}

kernel! {
    fn cast_streamed[T: Element](src: &[T], dst: &mut [f32]) {
        streamed(src, dst, T::to_f32);
    }
}

#[inline(always)]
fn streamed<T: Element>(src: &[T], dst: &mut [f32], convert: impl Fn(T) -> f32) {
    let (lines, tail) = dst.as_chunks_mut::<16>();
    let (groups, rest) = src.as_chunks::<16>();
    for (line, group) in lines.iter_mut().zip(groups) {
        let mut values = [0.0; 16];
        for i in 0..16 {
            values[i] = convert(group[i]);
        }
        intrinsics::stream_line(bytemuck::cast_mut(line), bytemuck::cast_ref(&values));
    }
    for (d, s) in tail.iter_mut().zip(rest) {
        *d = convert(*s);
    }
}

/// As [`decode_f32`], to f64: no rounding but f64's own.
///
/// # Panics
/// If `src.len() != dst.len() * T::BYTES`.
pub fn decode_f64<T: Element>(src: &[u8], swap: bool, scale: Option<(f64, f64)>, dst: &mut [f64]) {
    assert_eq!(src.len(), dst.len() * T::BYTES, "bytes of the source and elements of the output differ");
    for_tiles::<T>(src, swap, |start, part| {
        let out = &mut dst[start..start + part.len()];
        // Multiplying by 1 and adding -0 changes no value.
        let (slope, inter) = scale.map_or((1.0, -0.0), neutral);
        scale_to_f64(part, slope, inter, out);
    });
}

kernel! {
    /// Rows of `row` elements, `step` apart in the source.
    fn scale_to_f32[T: Element](src: &[T], step: usize, row: usize, slope: f64, inter: f64, dst: &mut [f32]) {
        for (r, out) in dst.chunks_exact_mut(row).enumerate() {
            for (d, s) in out.iter_mut().zip(&src[r * step..][..row]) {
                *d = (s.to_f64() * slope + inter) as f32;
            }
        }
    }
}

kernel! {
    fn cast_to_f32[T: Element](src: &[T], step: usize, row: usize, dst: &mut [f32]) {
        for (r, out) in dst.chunks_exact_mut(row).enumerate() {
            for (d, s) in out.iter_mut().zip(&src[r * step..][..row]) {
                *d = s.to_f32();
            }
        }
    }
}

kernel! {
    fn scale_to_f64[T: Element](src: &[T], slope: f64, inter: f64, dst: &mut [f64]) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = s.to_f64() * slope + inter;
        }
    }
}

/// Reverses the bytes of each element of `size` bytes (2, 4, 8 or 16), in place. Any other size: nothing to do.
///
/// Bytes left over at the end stay.
pub fn swap_bytes(size: usize, bytes: &mut [u8]) {
    match size {
        2 => swap_2(bytes),
        4 => swap_4(bytes),
        8 => swap_8(bytes),
        16 => bytes.as_chunks_mut::<16>().0.iter_mut().for_each(|e| e.reverse()),
        _ => {}
    }
}

kernel! {
    fn swap_2(bytes: &mut [u8]) {
        for e in bytes.as_chunks_mut::<2>().0 {
            *e = u16::from_ne_bytes(*e).swap_bytes().to_ne_bytes();
        }
    }
}

kernel! {
    fn swap_4(bytes: &mut [u8]) {
        for e in bytes.as_chunks_mut::<4>().0 {
            *e = u32::from_ne_bytes(*e).swap_bytes().to_ne_bytes();
        }
    }
}

kernel! {
    fn swap_8(bytes: &mut [u8]) {
        for e in bytes.as_chunks_mut::<8>().0 {
            *e = u64::from_ne_bytes(*e).swap_bytes().to_ne_bytes();
        }
    }
}

/// Calls `f` for each tile of `dst` with the tile's first element's index and the tile as elements.
#[inline(always)]
fn into_tiles<T: Element>(dst: &mut [u8], mut f: impl FnMut(usize, &mut [T])) {
    let whole = dst.len() / T::BYTES * T::BYTES;
    let dst = &mut dst[..whole];
    if let Ok(elements) = bytemuck::try_cast_slice_mut::<u8, T>(dst) {
        for (index, part) in elements.chunks_mut(TILE / T::BYTES).enumerate() {
            f(index * (TILE / T::BYTES), part);
        }
        return;
    }
    let mut tile = Tile::new();
    for (index, part) in dst.chunks_mut(TILE).enumerate() {
        let bytes = &mut tile.0[..part.len()];
        f(index * (TILE / T::BYTES), bytemuck::cast_slice_mut(bytes));
        part.copy_from_slice(bytes);
    }
}

/// Encodes floats as stored voxels in native byte order: half to even, saturating, NaN to 0 for integers.
///
/// # Panics
/// If `dst.len() != src.len() * T::BYTES`.
pub fn encode_from_f32<T: Element>(src: &[f32], dst: &mut [u8]) {
    assert_eq!(dst.len(), src.len() * T::BYTES, "elements of the source and bytes of the output differ");
    into_tiles::<T>(dst, |start, part| round_f32(&src[start..start + part.len()], part));
}

/// As [`encode_from_f32`], from f64.
///
/// # Panics
/// If `dst.len() != src.len() * T::BYTES`.
pub fn encode_from_f64<T: Element>(src: &[f64], dst: &mut [u8]) {
    assert_eq!(dst.len(), src.len() * T::BYTES, "elements of the source and bytes of the output differ");
    into_tiles::<T>(dst, |start, part| round_f64(&src[start..start + part.len()], part));
}

kernel! {
    fn round_f32[T: Element](src: &[f32], dst: &mut [T]) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = T::from_f32_saturating(*s);
        }
    }
}

kernel! {
    fn round_f64[T: Element](src: &[f64], dst: &mut [T]) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = T::from_f64_saturating(*s);
        }
    }
}

/// Converts between integer types, exactly where the value fits, saturating where it does not.
///
/// Goes through tiles of 64-bit integers, so 24 small kernels serve all pairs. Floats may stand on either
/// side: as source they round half to even (NaN gives 0) and saturate at 64 bits, as destination they are
/// rounded to f64 and then to their type.
///
/// # Panics
/// If the lengths differ.
pub fn cast_int<S: Element, D: Element>(src: &[S], dst: &mut [D]) {
    assert_eq!(src.len(), dst.len(), "lengths of source and output differ");
    const LANES: usize = TILE / 8;
    let mut tile = [0u64; LANES];
    for (s, d) in src.chunks(LANES).zip(dst.chunks_mut(LANES)) {
        let tile = &mut tile[..s.len()];
        widen(s, tile);
        narrow(tile, S::SIGNED, d);
    }
}

kernel! {
    fn widen[T: Element](src: &[T], dst: &mut [u64]) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = s.widen();
        }
    }
}

kernel! {
    fn narrow[T: Element](src: &[u64], signed: bool, dst: &mut [T]) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = T::narrow(*s, signed);
        }
    }
}

kernel! {
    /// Quantises to 16 bits: `(x - inter) / slope`, half to even, saturating, NaN to 0.
    ///
    /// Returns the largest `|decoded - x|`, in the units of `src`, where `decoded = q * slope + inter` in
    /// f64. NaNs are not counted; the caller refuses them. `slope` is not 0. Lengths beyond the shorter slice
    /// are ignored.
    pub fn quantize_i16(src: &[f32], slope: f64, inter: f64, dst: &mut [i16]) -> f64 {
        const LANES: usize = 16;
        #[inline(always)]
        fn one(x: f32, slope: f64, inter: f64, worst: f64) -> (i16, f64) {
            let x = x as f64;
            let q = i16::from_f64_saturating((x - inter) / slope);
            let error = ((q as f64 * slope + inter) - x).abs();
            (q, if error > worst { error } else { worst })
        }
        let mut worst = [0.0f64; LANES];
        let (src_body, src_tail) = src.as_chunks::<LANES>();
        let (dst_body, dst_tail) = dst.as_chunks_mut::<LANES>();
        for (d, s) in dst_body.iter_mut().zip(src_body) {
            for i in 0..LANES {
                (d[i], worst[i]) = one(s[i], slope, inter, worst[i]);
            }
        }
        for (d, s) in dst_tail.iter_mut().zip(src_tail) {
            (*d, worst[0]) = one(*s, slope, inter, worst[0]);
        }
        worst.into_iter().fold(0.0, |a, b| if b > a { b } else { a })
    }
}
