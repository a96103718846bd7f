//! Channels that have nothing to do with each other, one by one: what is measured of a channel is used while it is
//! still in the cache.

use std::sync::Arc;

use medcore::{Filter, FilterRun, Measure, Step};
use medkernels::buffer::Buffer;
use medkernels::streamed::STREAMED_BYTES;
use medkernels::threads;

use crate::Result;
use crate::chain::{Chain, Op, Stage};
use crate::compute::Layout;
use crate::evaluate::buffer;
use crate::source::Source;
use crate::take::told_step;
use crate::tile::Want;

/// Bytes of a channel beyond which it does not stay in a core's cache from one pass to the next.
const CACHED: usize = 8 << 20;

impl Chain {
    /// The output of a chain that measures small channels of a volume in memory each by itself; `None` for other chains.
    pub(crate) fn channel_by_channel(&self, want: Want, layout: Layout) -> Result<Option<Buffer>> {
        let bytes = self.grid().len() * want.dtype(self.dtype()).bytes();
        let measures = self.stages.iter().any(|s| matches!(s.op, Op::Measure(..)));
        if !measures || self.channels() < threads::threads().max(2) || !(1..=CACHED).contains(&bytes) {
            return Ok(None);
        }
        let Some(chains) = (0..self.channels()).map(|c| self.of_channel(c)).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        let mut whole = buffer(bytes * chains.len())?;
        let past = whole.len() >= STREAMED_BYTES;
        let places = whole.as_bytes_mut().chunks_mut(bytes);
        let mut parts: Vec<_> = places.zip(chains).map(|(out, chain)| (out, chain, Ok(()))).collect();
        threads::for_each_mut(&mut parts, |_, (out, chain, done)| {
            *done = chain.fill_alone(want, layout, past, out);
        });
        parts.into_iter().try_for_each(|(_, _, done)| done)?;
        Ok(Some(whole))
    }

    /// The whole output of a chain of one channel, into a buffer; `past` the caches, if it is part of so much more.
    fn fill_alone(&self, want: Want, layout: Layout, past: bool, out: &mut [u8]) -> Result<()> {
        let resolved = self.resolved()?;
        let chain = match layout {
            Layout::XFastest => Some(resolved.chain.clone()),
            Layout::ZFastest => resolved.chain.turned_to_c(),
        };
        match chain {
            Some(chain) if past => chain.fill_past(want, out)?,
            Some(chain) => drop(chain.fill_slabs(want, None, false, out)?),
            None => out.copy_from_slice(resolved.transposed(want)?.as_bytes()),
        }
        Ok(())
    }

    /// The chain of one channel alone; `None` where a channel's voxels depend on others, or on its number.
    fn of_channel(&self, channel: usize) -> Option<Chain> {
        let Source::Memory(v) = &self.source else { return None };
        let stages = self.stages.iter().map(|s| s.of_channel(channel)).collect::<Option<_>>()?;
        Some(Chain { source: Source::Memory(v.channel(channel)), stages, ..self.clone() })
    }
}

impl Stage {
    pub(crate) fn of_channel(&self, channel: usize) -> Option<Stage> {
        let mine = |c: &Option<usize>| c.is_none_or(|c| c == channel);
        let op = match &self.op {
            Op::Points(runs) if runs.iter().all(|(_, run)| !run.indexed) => {
                Op::Points(runs.iter().filter(|(c, _)| mine(c)).map(|(_, run)| (None, run.clone())).collect())
            }
            Op::Filter(c, f) if mine(c) => Op::Filter(None, f.clone()),
            // What is put down is measured of all channels together.
            Op::Measure(None, m, None, None) if m.per_channel => {
                Op::Measure(None, numbered(m, channel), None, None)
            }
            Op::Measure(c @ Some(_), m, None, None) if mine(c) => {
                Op::Measure(None, numbered(m, channel), None, None)
            }
            Op::Global(c, g) if mine(c) => Op::Global(None, g.clone()),
            Op::Filter(_, Filter { run: FilterRun::Kept(_), .. }) => Op::Cast(self.dtype),
            Op::Filter(..) | Op::Global(..) | Op::Measure(Some(_), _, None, None) => Op::Points(vec![]),
            Op::Lattice(_) | Op::Interpolate(_) | Op::Cast(_) | Op::Relabel(_) => self.op.clone(),
            Op::Points(_) | Op::Measure(..) | Op::Host(_) | Op::Apart(_) => return None,
        };
        Some(Stage { op, ..self.clone() })
    }
}

/// The measurement of a channel that stands alone: points that follow from it are told the channel's own number, which names their draws.
fn numbered(m: &Measure, channel: usize) -> Measure {
    let then = Arc::clone(&m.then);
    let told = move |step| match step {
        Step::Measure(m) => Step::Measure(numbered(&m, channel)),
        other => told_step(other, channel),
    };
    Measure { then: Arc::new(move |numbers| Ok(then(numbers)?.into_iter().map(told).collect())), ..m.clone() }
}
