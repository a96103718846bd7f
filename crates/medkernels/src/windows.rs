//! Rows of output cut into blocks, each of which reads from a short stretch of the source row.

/// A block of `L` outputs, and the window of `2 * L` source elements that holds what they read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// The block's first output.
    pub(crate) to: usize,
    /// The window's first source element.
    pub(crate) from: usize,
}

/// Cuts a row into blocks of `lanes` outputs, the last of which ends with the row and may overlap the one before.
///
/// `reads` gives the lowest and highest source element of an output. No window goes beyond `len` elements,
/// unless that is less than one window. `None` if the row is shorter than a block, or an output reads outside
/// its window.
pub(crate) fn windows(
    outputs: usize,
    lanes: usize,
    len: usize,
    reads: impl Fn(usize) -> (usize, usize),
) -> Option<Vec<Window>> {
    let last = outputs.checked_sub(lanes)?;
    let starts = (0..last).step_by(lanes).chain([last]);
    starts
        .map(|to| {
            let block = || (to..to + lanes).map(&reads);
            let low = block().map(|read| read.0).min()?;
            let high = block().map(|read| read.1).max()?;
            let from = low.min(len.saturating_sub(2 * lanes));
            (high < from + 2 * lanes).then_some(Window { to, from })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(index: &[usize], lanes: usize, len: usize) -> Option<Vec<(usize, usize)>> {
        let cut = windows(index.len(), lanes, len, |i| (index[i], index[i] + 1))?;
        Some(cut.iter().map(|w| (w.to, w.from)).collect())
    }

    #[test]
    fn blocks_cover_the_row_and_windows_what_they_read() {
        assert_eq!(of(&[0, 1, 2, 3], 4, 100), Some(vec![(0, 0)]));
        assert_eq!(of(&[5, 4, 3, 2, 1, 0], 4, 100), Some(vec![(0, 2), (2, 0)]));
        assert_eq!(of(&[0, 2, 4, 6, 8, 10, 12, 14], 4, 100), Some(vec![(0, 0), (4, 8)]));
        // The row has 16 elements: the last window is moved back to end there.
        assert_eq!(of(&[9, 10, 11, 12, 13, 13, 14, 14], 4, 16), Some(vec![(0, 8), (4, 8)]));
        // Too few outputs, too far apart.
        assert_eq!(of(&[0, 1, 2], 4, 100), None);
        assert_eq!(of(&[0, 2, 4, 7], 4, 100), None);
        assert_eq!(of(&[0, 1, 2, 3], 4, 3), Some(vec![(0, 0)]));
    }
}
