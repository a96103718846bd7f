//! Where the content of a file is cut into members: a rule of four numbers, so that an index need not list lengths.

use std::ops::Range;

/// Members that an index has room for.
pub(crate) const MOST_MEMBERS: u64 = 16_000;

/// The content of a file: `first` bytes in a member of their own (header and extensions; none if 0), then `content` bytes in
/// periods of `period` bytes, each in members of `member` bytes of which the last may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) first: u64,
    pub(crate) content: u64,
    pub(crate) period: u64,
    pub(crate) member: u64,
}

/// Lengths in bytes of what a reader asks for together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines {
    /// A voxel.
    pub(crate) voxel: u64,
    /// A row along x.
    pub(crate) row: u64,
    /// A slice: all rows of one z.
    pub(crate) slice: u64,
    /// A three-dimensional volume.
    pub(crate) channel: u64,
    /// All of them.
    pub(crate) all: u64,
}

impl Cut {
    /// Members of about `target` bytes of voxels, larger if there would be too many: whole rows of one slice, evenly; several
    /// slices of one channel where slices are small; several channels where those are; pieces of a row where rows are long.
    pub(crate) fn along(lines: &Lines, first: u64, target: u64) -> Cut {
        let target = target.max(lines.all / MOST_MEMBERS).max(lines.voxel);
        let of = |part: u64, whole: u64| {
            // As few members as do not go far beyond the target, with the same number of parts.
            let parts = (whole / part).max(1);
            // Up to a quarter more than the target may stay whole.
            let members = (whole as f64 / target as f64 - 0.25).ceil().max(1.0) as u64;
            (parts.div_ceil(members.min(parts)) * part, whole)
        };
        let (member, period) = if lines.row > target.saturating_mul(2) {
            of(lines.voxel, lines.row)
        } else if lines.slice > target {
            of(lines.row, lines.slice)
        } else if lines.channel > target {
            of(lines.slice, lines.channel)
        } else {
            of(lines.channel.max(1), lines.all.max(1))
        };
        let mut cut = Cut { first, content: lines.all, period, member };
        while cut.count() >= MOST_MEMBERS {
            // Rounding up and down may leave more than was meant: then the slices are cut no longer.
            cut.member = cut.member.saturating_mul(2).div_ceil(lines.voxel) * lines.voxel;
            cut.period = cut.period.max(cut.member);
        }
        cut
    }

    /// Members of at most `most` bytes, along rows and slices where those are small enough.
    pub(crate) fn within(lines: &Lines, most: u64) -> Cut {
        let cuts = [1.0, 0.75, 0.5].map(|part| Cut::along(lines, 0, (most as f64 * part) as u64));
        let member = most / lines.voxel * lines.voxel;
        let straight = Cut { first: 0, content: lines.all, period: lines.all.max(1), member };
        cuts.into_iter().find(|c| c.member <= most).unwrap_or(straight)
    }

    /// Runs of members with about `bytes` bytes of content each.
    pub(crate) fn batches(&self, bytes: u64) -> Vec<Range<u64>> {
        let (mut out, mut from) = (Vec::new(), 0);
        for i in 1..=self.count() {
            if self.start(i) - self.start(from) >= bytes || i == self.count() {
                out.push(from..i);
                from = i;
            }
        }
        out
    }

    fn per_period(&self) -> u64 {
        self.period.div_ceil(self.member)
    }

    /// Members of the content, `first` not among them.
    pub(crate) fn count(&self) -> u64 {
        let rest = (self.content % self.period).div_ceil(self.member);
        (self.content / self.period).saturating_mul(self.per_period()).saturating_add(rest)
    }

    /// Where the content of member `i` begins, counted from the end of `first`.
    pub(crate) fn start(&self, i: u64) -> u64 {
        let n = self.per_period();
        ((i / n).saturating_mul(self.period) + i % n * self.member).min(self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(voxel: u64, shape: [u64; 4]) -> Lines {
        let row = voxel * shape[0];
        let (slice, channel) = (row * shape[1], row * shape[1] * shape[2]);
        Lines { voxel, row, slice, channel, all: channel * shape[3] }
    }

    #[test]
    fn members_follow_rows_and_slices() {
        let cut = |voxel, shape, target| {
            let c = Cut::along(&lines(voxel, shape), 352, target);
            (c.member, c.period)
        };
        // 256³ int16: half slices. 181 x 217: thirds of a slice, of 73, 73 and 71 rows.
        assert_eq!(cut(2, [256, 256, 256, 1], 64 << 10), (128 * 512, 256 * 512));
        assert_eq!(cut(2, [181, 217, 181, 1], 24 << 10), (73 * 362, 217 * 362));
        // Slices a little over the target stay whole; small ones go together, channels too.
        assert_eq!(cut(1, [280, 280, 10, 1], 64 << 10), (78_400, 78_400));
        assert_eq!(cut(1, [300, 300, 10, 1], 64 << 10), (45_000, 90_000));
        assert_eq!(cut(2, [64, 64, 40, 5], 64 << 10), (8 * 8192, 40 * 8192));
        assert_eq!(cut(4, [5, 1, 1, 1_000_000], 64 << 10).0 % 20, 0);
        // One long row.
        assert_eq!(cut(8, [1 << 20, 1, 1, 1], 64 << 10), (64 << 10, 8 << 20));
        assert_eq!(cut(3, [0, 5, 5, 1], 64 << 10), (1, 1));
    }

    #[test]
    fn members_are_whole_voxels_end_to_end_and_not_too_many() {
        for (voxel, shape) in [
            (2, [17, 9, 5, 3]),
            (16, [1, 1, 1, 7]),
            (4, [1_000_000, 3, 2, 1]),
            (1, [7, 1_000_000, 1, 1]),
            (2, [4096, 4096, 4096, 4]),
            (12, [100, 100, 1, 100_000]),
            (3, [1, 1, 1, 0]),
        ] {
            for target in [1, 100, 4096, 65_280, 1 << 20, 1 << 40] {
                let cut = Cut::along(&lines(voxel, shape), 352, target);
                let n = cut.count();
                assert!(n < MOST_MEMBERS, "{shape:?} {target}: {n}");
                assert_eq!(cut.start(n), cut.content);
                for i in (0..n).step_by(1 + n as usize / 100) {
                    let (a, b) = (cut.start(i), cut.start(i + 1));
                    assert!(a < b && b - a <= cut.member && a % voxel == 0, "{cut:?} {i}");
                }
            }
        }
    }
}
