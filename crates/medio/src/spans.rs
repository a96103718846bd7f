//! A region of a gzip stream in several spans, each from a checkpoint of its own, on as many threads.

use medkernels::threads::{for_each_mut, threads};

use crate::Result;
use crate::gzip::{GzipStream, Index};
use crate::runs::Runs;
use crate::target::Target;

/// Content of a span, at least: to enter a stream costs as much as decoding some 50 KiB.
const LEAST: u64 = 1 << 20;

/// Spans of a region, at most: each has more than a MiB of memory of its own while it is read.
const MOST: u64 = 16;

/// Spans for each thread, so that none waits long for the last.
const EACH: u64 = 2;

/// A span, where its voxels go, and the stream that they came from.
struct Span<'a, 'f, I> {
    runs: Runs,
    out: &'a mut [I],
    read: Result<Option<GzipStream<'f>>>,
}

impl Runs {
    /// From a gzip stream, `opened` to decode ahead, by its checkpoints if there is an index, to which more are added `spacing` bytes apart; gives the stream that read the end, which has looked for
    /// checkpoints where the index is not complete.
    pub(crate) fn read_spans<'f, T: Target>(
        &self,
        opened: impl Fn() -> Result<GzipStream<'f>> + Sync,
        index: Option<Index>,
        spacing: u64,
        out: &mut [T::Item],
        target: &T,
    ) -> Result<GzipStream<'f>> {
        let cuts = index.as_ref().map_or_else(Vec::new, |index| self.cuts(index));
        let (mut spans, mut rest, mut from) = (vec![], out, 0);
        for to in cuts.into_iter().chain([self.units().0]) {
            let runs = self.part(from, to);
            let (out, after) = rest.split_at_mut(runs.voxels() * target.per_voxel());
            spans.push(Span { runs, out, read: Ok(None) });
            (rest, from) = (after, to);
        }
        let last = spans.len() - 1;
        let read = |n: usize, span: &mut Span<'_, 'f, T::Item>| -> Result<GzipStream<'f>> {
            let mut stream = opened()?.until(span.runs.end());
            if let Some(index) = &index {
                // Only the last one comes to where nothing is known.
                let complete = index.complete || n < last;
                stream = stream.with_checkpoints(
                    Index { points: index.points.clone(), complete, ..Index::default() },
                    spacing,
                );
            }
            span.runs.read_stream(&mut stream, span.out, target)?;
            stream.verify_what_is_near()?;
            Ok(stream)
        };
        if let [span] = &mut spans[..] {
            return read(0, span);
        }
        for_each_mut(&mut spans, |n, span| span.read = read(n, span).map(|s| (n == last).then_some(s)));
        let mut stream = None;
        for span in spans {
            stream = span.read?;
        }
        stream.map_or_else(opened, Ok)
    }

    /// The bit of the file behind which no checkpoint is known before byte `end` of the content, and the bytes from there to it; `None` if several threads read this by its checkpoints.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn unknown(&self, index: Option<&Index>, end: u64) -> Option<(u64, u64)> {
        let Some(index) = index else { return Some((0, end)) };
        let (bit, position) = index.before(end).map_or((0, 0), |p| (p.bit, p.position));
        self.cuts(index).is_empty().then_some((bit, end - position))
    }

    /// Whether one thread reads this in one go: nothing is jumped over, and no others help.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn at_once(&self, index: &Index) -> bool {
        let entry = index.before(self.first).map_or(0, |p| p.position);
        let passed = self.end() - entry;
        let jumped = self.inflated_from(Some(index), 0, &mut 0);
        passed <= jumped + jumped / 4 && self.cuts(index).is_empty()
    }

    /// What may be parted, and the bytes from one to the next: voxels of a single row, else slabs.
    fn units(&self) -> (usize, u64) {
        if self.rows == 1 && self.slabs == 1 {
            (self.row, self.size as u64)
        } else {
            (self.slabs, self.slab_step)
        }
    }

    /// Some units.
    fn part(&self, from: usize, to: usize) -> Runs {
        let (units, step) = self.units();
        let first = self.first + from as u64 * step;
        if (from, to) == (0, units) {
            self.clone()
        } else if self.rows == 1 && self.slabs == 1 {
            Runs { first, row: to - from, ..self.clone() }
        } else {
            Runs { first, slabs: to - from, ..self.clone() }
        }
    }

    /// Units at which spans begin that are reached from a checkpoint of their own.
    fn cuts(&self, index: &Index) -> Vec<usize> {
        let (units, step) = self.units();
        let length = self.end() - self.first;
        let parts = if threads() < 2 { 1 } else { (length / LEAST).min(threads() as u64 * EACH).min(MOST) };
        let mut cuts: Vec<usize> = (1..parts)
            .filter_map(|n| index.before(self.first + length * n / parts))
            .filter_map(|point| point.position.checked_sub(self.first))
            .map(|bytes| bytes.div_ceil(step.max(1)) as usize)
            .filter(|unit| (1..units).contains(unit))
            .collect();
        cuts.dedup();
        cuts
    }
}
