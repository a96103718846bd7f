//! Channels that each go their own way, from one grid back to it: other grids on the way, other numbers.

use medcore::{Box3, DType, Error, Lattice, Point, Result, Step, Warp};

use crate::chain::{Chain, Op, Stage};

impl Chain {
    /// Appends what was planned for some channels, each by itself.
    pub(crate) fn push_channels(
        &mut self,
        name: &str,
        plans: Vec<(usize, Vec<Step>)>,
        masks: &dyn Fn(&str) -> Option<Chain>,
    ) -> Result<()> {
        // Values in float32 are what all channels have after any arithmetic on one of them.
        let apart = |s: &Step| match s {
            Step::Point(Point::Cast(to)) => *to != DType::F32,
            s => matches!(s, Step::Warp(_)),
        };
        if !plans.iter().flat_map(|(_, steps)| steps).any(apart) {
            let all = plans.into_iter().flat_map(|(c, steps)| steps.into_iter().map(move |s| (c, s)));
            return all.into_iter().try_for_each(|(c, step)| self.push_step(step, Some(c), masks));
        }
        let mut each = vec![vec![]; self.channels()];
        let mut labels: Vec<String> = vec![];
        for (c, steps) in plans {
            let mut alone = Chain { made: None, fuse: false, ..self.clone() };
            // Nothing is joined with what comes before all of them.
            alone.push_warp(&Warp::lattice("", self.grid(), Lattice::IDENTITY, self.grid().shape))?;
            let from = alone.stages.len();
            for step in steps {
                alone.push_one(step, None, masks)?;
            }
            let own = alone.stages.split_off(from);
            if let Some(whole) = own.iter().find(|s| s.op.is_whole()) {
                return Err(Error::Unsupported {
                    what: format!("{name} with per_channel"),
                    found: format!("{}, on another grid for each channel", whole.label),
                    hint: "use it without per_channel".into(),
                });
            }
            if let Some(last) = own.last() {
                self.grid().expect_same(name, &last.grid)?;
            }
            let label = own.iter().map(|s| &*s.label).collect::<Vec<_>>().join("; ");
            labels.push(format!("channel {c}: {label}"));
            each[c] = own;
        }
        if each.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let dtypes: Vec<DType> =
            each.iter().map(|own| own.last().map_or(self.dtype(), |s| s.dtype)).collect();
        let dtype = if dtypes.iter().all(|d| *d == dtypes[0]) { dtypes[0] } else { DType::F32 };
        self.push(Op::Apart(each.into()), dtype, labels.join(", "));
        self.stepped();
        Ok(())
    }

    /// The first `k` stages as they are for one channel, whose way the last of them tells.
    pub(crate) fn through(&self, k: usize, channel: usize) -> Chain {
        let mut stages = self.stages[..k].to_vec();
        if let Some(Stage { op: Op::Apart(each), .. }) = stages.pop() {
            stages.extend(each.get(channel).into_iter().flatten().cloned());
        }
        Chain { stages, ..self.clone() }
    }

    /// The box that a box after stage `k` needs before it, for any of so many channels.
    pub(crate) fn needed_apart(&self, k: usize, channels: usize, b: &Box3) -> Box3 {
        let of = |c| self.through(k, c).needed_for(k - 1, *b);
        (0..channels).map(of).reduce(|a, b| a.union(&b)).unwrap_or(*b)
    }
}

impl Stage {
    /// Voxels that it needs on either side of one.
    pub(crate) fn halo(&self) -> [usize; 3] {
        match &self.op {
            Op::Filter(_, f) => f.halo,
            Op::Apart(each) => {
                let of = |own: &Vec<Stage>, axis: usize| own.iter().map(|s| s.halo()[axis]).sum::<usize>();
                [0, 1, 2].map(|axis| each.iter().map(|own| of(own, axis)).max().unwrap_or(0))
            }
            _ => [0; 3],
        }
    }

    /// Voxels that it interpolates, in all of so many channels.
    pub(crate) fn interpolates(&self, channels: usize) -> u64 {
        match &self.op {
            Op::Interpolate(_) => (self.grid.len() * channels) as u64,
            Op::Apart(each) => each.iter().flatten().map(|s| s.interpolates(1)).sum(),
            _ => 0,
        }
    }
}
