//! Medians of bytes over large boxes, by counts that follow the box along a row (Huang, Yang and Tang 1979).

use super::Median;

/// How often a voxel may be written for each row of a box before counting is less work: a comparison is made for a register of voxels, a count for one.
pub(super) const WORTH: usize = 250;

/// Counts of a box's voxels, and its median so far.
struct Counts {
    of: [u32; 256],
    median: usize,
    /// Voxels below the median.
    below: usize,
}

impl Counts {
    fn add(&mut self, v: u8) {
        self.of[usize::from(v)] += 1;
        self.below += usize::from(usize::from(v) < self.median);
    }

    fn take(&mut self, v: u8) {
        self.of[usize::from(v)] -= 1;
        self.below -= usize::from(usize::from(v) < self.median);
    }

    /// The median, where so many voxels are below the middle one.
    fn settle(&mut self, half: usize) -> u8 {
        while self.below > half {
            self.median -= 1;
            self.below -= self.of[self.median] as usize;
        }
        while self.below + (self.of[self.median] as usize) <= half {
            self.below += self.of[self.median] as usize;
            self.median += 1;
        }
        self.median as u8
    }
}

/// As [`Median::row`].
pub(super) fn slide(median: &Median, src: &[&[u8]], dst: &mut [u8]) {
    let (width, half) = (median.width, median.width * median.rows / 2);
    let mut counts = Counts { of: [0; 256], median: 0, below: 0 };
    for row in src {
        row[..width].iter().for_each(|v| counts.add(*v));
    }
    for (i, dst) in dst.iter_mut().enumerate() {
        if i > 0 {
            for row in src {
                let (old, new) = (row[i - 1], row[i + width - 1]);
                // Where nothing changes nothing waits for the counts.
                if old != new {
                    counts.take(old);
                    counts.add(new);
                }
            }
        }
        *dst = counts.settle(half);
    }
}
