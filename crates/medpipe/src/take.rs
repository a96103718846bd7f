//! Some of the channels: taken where the voxels come from, so that others are not read.

use std::sync::Arc;

use medcore::{Meta, Point, PointRun, Result, RowAt, Step, Take};
use medkernels::points::Row;

use crate::chain::{Chain, Op, Stage};
use crate::source::Source;
use crate::stack::{Part, Stack};

impl Chain {
    /// The same with some of the channels.
    pub(crate) fn taken(&self, take: &Take) -> Result<Chain> {
        let stages = self.stages.iter().map(|s| s.of_channels(&take.channels)).collect::<Option<_>>();
        // Where all channels are measured together, or given to a function, they are made first.
        let (from, stages) = match stages {
            Some(stages) => (self.clone(), stages),
            None => (self.for_all_items(), vec![]),
        };
        Ok(Chain { source: from.source.taken(take)?, stages, ..from })
    }

    /// Whether some of the channels can be had without the others.
    pub(crate) fn is_divisible(&self) -> bool {
        self.stages.iter().all(|s| s.of_channels(&[0]).is_some())
    }
}

impl Source {
    fn taken(&self, take: &Take) -> Result<Source> {
        let axes = take.extra.len();
        let steps = if axes == self.extra().len() { self.meta().steps.clone() } else { vec![] };
        let meta = Arc::new(Meta { steps, ..(**self.meta()).clone() });
        if let (Source::Memory(v), 0..=1) = (self, axes)
            && let Some(taken) = v.with_channels(&take.channels, &take.extra)
        {
            return Ok(Source::Memory(taken.with_meta(meta)));
        }
        let part = Part { source: self.clone(), channels: take.channels.clone().into() };
        Ok(Source::Stack(Stack::new(vec![part], take.extra.clone(), meta)?))
    }
}

impl Stage {
    /// The stage of some channels; `None` where theirs depend on the others.
    fn of_channels(&self, channels: &[usize]) -> Option<Stage> {
        let op = match &self.op {
            Op::Points(runs) => {
                let mine = |(only, run): &(Option<usize>, PointRun)| match only {
                    None => vec![(None, told(run, channels))],
                    Some(c) => {
                        let of = channels.iter().enumerate().filter(|(_, channel)| *channel == c);
                        of.map(|(n, _)| (Some(n), told(run, channels))).collect()
                    }
                };
                Op::Points(runs.iter().flat_map(mine).collect())
            }
            Op::Filter(None, _)
            | Op::Global(None, _)
            | Op::Lattice(_)
            | Op::Interpolate(_)
            | Op::Cast(_)
            | Op::Relabel(_) => self.op.clone(),
            Op::Apart(each) => {
                Op::Apart(channels.iter().map(|c| each.get(*c).cloned()).collect::<Option<_>>()?)
            }
            Op::Measure(None, m, None, None) if m.per_channel => match channels {
                [channel] => return self.of_channel(*channel),
                _ => return None,
            },
            Op::Filter(..) | Op::Global(..) | Op::Measure(..) | Op::Host(_) => return None,
        };
        Some(Stage { op, ..self.clone() })
    }
}

/// A point operation of channels that stand elsewhere now: it is told where they stood, which names their draws.
pub(crate) fn told(run: &PointRun, channels: &[usize]) -> PointRun {
    if !run.indexed {
        return run.clone();
    }
    let (inner, stood) = (Arc::clone(&run.run), channels.to_vec());
    let run_there = move |row: Row<'_>, at: &RowAt| {
        let channel = stood.get(at.channel).copied().unwrap_or(at.channel);
        inner(row, &RowAt { channel, ..*at });
    };
    PointRun { run: Arc::new(run_there), ..run.clone() }
}

/// The same of a step.
pub(crate) fn told_step(step: Step, channel: usize) -> Step {
    match step {
        Step::Point(Point::Run(run)) => Step::Point(Point::Run(told(&run, &[channel]))),
        other => other,
    }
}
