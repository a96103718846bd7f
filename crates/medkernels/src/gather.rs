//! Elements of a row picked by index.

/// `dst[i] = src[index[i]]` for elements of `element` bytes (1, 2, 3, 4, 6, 8, 12 or 16).
///
/// ```
/// let mut out = [0u8; 3];
/// medkernels::gather::gather_row(&mut out, b"abcd", &[3, 0, 0], 1);
/// assert_eq!(&out, b"daa");
/// ```
///
/// # Panics
/// If `dst` is shorter than `index.len()` elements, if an index lies beyond `src`, or for another element size.
pub fn gather_row(dst: &mut [u8], src: &[u8], index: &[u32], element: usize) {
    match element {
        1 => gather::<1>(dst, src, index),
        2 => gather::<2>(dst, src, index),
        3 => gather::<3>(dst, src, index),
        4 => gather::<4>(dst, src, index),
        6 => gather::<6>(dst, src, index),
        8 => gather::<8>(dst, src, index),
        12 => gather::<12>(dst, src, index),
        16 => gather::<16>(dst, src, index),
        _ => panic!("elements of {element} bytes cannot be gathered; 1, 2, 3, 4, 6, 8, 12 and 16 can"),
    }
}

fn gather<const N: usize>(dst: &mut [u8], src: &[u8], index: &[u32]) {
    let src = src.as_chunks::<N>().0;
    let dst = &mut dst.as_chunks_mut::<N>().0[..index.len()];
    for (d, i) in dst.iter_mut().zip(index) {
        *d = src[*i as usize];
    }
}
