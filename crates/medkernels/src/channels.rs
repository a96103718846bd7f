//! Label values as channels, channels as label values, and channels that lie side by side.

use crate::element::Element;
use crate::kernel::kernel;

kernel! {
    /// Sets to 1 the bytes of voxels that have one of the values, to 0 the others.
    ///
    /// ```
    /// let mut marks = [9; 4];
    /// medkernels::channels::mark(&[0i16, 3, 1, 2], &[3, 2], &mut marks);
    /// assert_eq!(marks, [0, 1, 0, 1]);
    /// ```
    pub fn mark[T: Element](voxels: &[T], values: &[T], marks: &mut [u8]) {
        marks.fill(0);
        for value in values {
            for (v, mark) in voxels.iter().zip(marks.iter_mut()) {
                *mark |= u8::from(v == value);
            }
        }
    }
}

kernel! {
    /// Writes `one` where the byte is 1, and 0 elsewhere.
    ///
    /// ```
    /// let mut out = [7f32; 3];
    /// medkernels::channels::write(&[1, 0, 1], 1.0, &mut out);
    /// assert_eq!(out, [1.0, 0.0, 1.0]);
    /// ```
    pub fn write[T: Element](marks: &[u8], one: T, out: &mut [T]) {
        let zero = T::from_f64_saturating(0.0);
        for (mark, v) in marks.iter().zip(out) {
            *v = if *mark == 1 { one } else { zero };
        }
    }
}

kernel! {
    /// Puts a channel's number where its value is larger than the largest so far, and the value with it. Not a number is larger than any number, as in NumPy.
    ///
    /// ```
    /// let (mut largest, mut at) = ([0.1f32, 0.9, f32::NAN], [0; 3]);
    /// medkernels::channels::larger(&[0.5, 0.9, 3.0], 1, &mut largest, &mut at);
    /// assert_eq!(at, [1, 0, 0]);
    /// ```
    #[allow(clippy::eq_op, reason = "only what is not a number differs from itself")]
    pub fn larger[T: Element](row: &[T], number: u32, largest: &mut [T], at: &mut [u32]) {
        for ((v, most), at) in row.iter().zip(largest).zip(at) {
            let more = (*v > *most) | ((*v != *v) & (*most == *most));
            *at = if more { number } else { *at };
            *most = if more { *v } else { *most };
        }
    }
}

kernel! {
    /// One of the channels of voxels that have so many side by side.
    ///
    /// ```
    /// let mut green = [0; 2];
    /// medkernels::channels::plane(&[10u8, 20, 30, 11, 21, 31], 1, 3, &mut green);
    /// assert_eq!(green, [20, 21]);
    /// ```
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn plane[T: Element](pixels: &[T], channel: usize, channels: usize, out: &mut [T]) {
        match channels {
            2 => take::<T, 2>(pixels, channel, out),
            3 => take::<T, 3>(pixels, channel, out),
            4 => take::<T, 4>(pixels, channel, out),
            _ => {
                for (pixel, out) in pixels.chunks_exact(channels).zip(out) {
                    *out = pixel[channel];
                }
            }
        }
    }
}

#[inline(always)]
fn take<T: Element, const C: usize>(pixels: &[T], channel: usize, out: &mut [T]) {
    for (pixel, out) in pixels.as_chunks::<C>().0.iter().zip(out) {
        *out = pixel[channel];
    }
}
