//! Which patch stands where in an epoch: arithmetic, so that any place can be gone to.

use medcore::{Key, Place};

/// Patches of each visit.
#[derive(Clone, Debug)]
pub(crate) enum Patches {
    /// As many of every case.
    Each(usize),
    /// By case.
    Of(Vec<usize>),
}

impl Patches {
    fn of(&self, case: usize) -> usize {
        match self {
            Patches::Each(n) => *n,
            Patches::Of(counts) => counts[case],
        }
    }
}

/// A visit of a case, and where its patches go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The case.
    pub(crate) case: usize,
    /// The visit's place in the epoch of its process.
    pub(crate) visit: usize,
    /// For each patch its place in the stream.
    pub(crate) slots: Vec<usize>,
}

/// The order of one epoch, as one process goes through it. Its stream is a sequence of slots, one for each patch; batches are cut from it.
#[derive(Debug)]
pub(crate) struct Order {
    /// The process's visits: cases.
    cases: Vec<usize>,
    patches: Patches,
    /// Where each group of visits begins in the stream, and its end.
    starts: Vec<usize>,
    mix: usize,
    batch_size: usize,
    /// Slots that end up in batches.
    slots: usize,
    key: Key,
}

/// What an order is made of.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    pub(crate) cases: usize,
    pub(crate) patches: Patches,
    pub(crate) shuffle: bool,
    pub(crate) mix: usize,
    pub(crate) rank: usize,
    pub(crate) world: usize,
    pub(crate) batch_size: usize,
    pub(crate) drop_last: bool,
}

impl Order {
    pub(crate) fn new(plan: Plan) -> Order {
        let key = Key::new(plan.seed).text("order").epoch(plan.epoch);
        let all = if plan.shuffle { permutation(plan.cases, key) } else { (0..plan.cases).collect() };
        let cases: Vec<usize> = all.into_iter().skip(plan.rank).step_by(plan.world).collect();
        let mix = plan.mix.max(1);
        let mut starts = vec![0];
        let mut at = 0;
        for group in cases.chunks(mix) {
            at += group.iter().map(|&case| plan.patches.of(case)).sum::<usize>();
            starts.push(at);
        }
        let slots = if plan.drop_last { at / plan.batch_size * plan.batch_size } else { at };
        let (patches, batch_size) = (plan.patches, plan.batch_size);
        // Processes mix their own visits.
        let key = key.text("mix").index(plan.rank as u64);
        Order { cases, patches, starts, mix, batch_size, slots, key }
    }

    /// Batches of the epoch.
    pub(crate) fn batches(&self) -> usize {
        self.slots.div_ceil(self.batch_size)
    }

    /// Visits of the epoch.
    pub(crate) fn visits(&self) -> usize {
        self.cases.len()
    }

    /// The batch of a slot.
    pub(crate) fn batch(&self, slot: usize) -> usize {
        slot / self.batch_size
    }

    /// Slots of a batch.
    pub(crate) fn rows(&self, batch: usize) -> usize {
        self.batch_size.min(self.slots.saturating_sub(batch * self.batch_size))
    }

    /// The row of a slot; beyond the last batch the row it would have.
    pub(crate) fn place(&self, slot: usize) -> Place {
        let of = match self.rows(self.batch(slot)) {
            0 => self.batch_size,
            rows => rows,
        };
        Place { row: slot % self.batch_size, of }
    }

    /// Whether a slot ends up in a batch from `first` on.
    pub(crate) fn is_wanted(&self, slot: usize, first: usize) -> bool {
        (first * self.batch_size..self.slots).contains(&slot)
    }

    /// The first group that has slots of a batch or of later ones.
    pub(crate) fn group_of(&self, batch: usize) -> usize {
        let slot = batch * self.batch_size;
        self.starts.partition_point(|&start| start <= slot).saturating_sub(1)
    }

    /// The visits of a group that have wanted slots, in the order in which these come; `None` behind the last group.
    pub(crate) fn group(&self, group: usize, first: usize) -> Option<Vec<Stop>> {
        let start = *self.starts.get(group)?;
        let end = *self.starts.get(group + 1)?;
        let order = if self.mix > 1 {
            permutation(end - start, self.key.index(group as u64))
        } else {
            (0..end - start).collect()
        };
        let mut next = order.into_iter().map(|n| start + n);
        let from = group * self.mix;
        let visits = self.cases[from..self.cases.len().min(from + self.mix)].iter().enumerate();
        let mut stops: Vec<Stop> = visits
            .map(|(n, &case)| {
                let slots = next.by_ref().take(self.patches.of(case)).collect();
                Stop { case, visit: from + n, slots }
            })
            .filter(|stop| stop.slots.iter().any(|&slot| self.is_wanted(slot, first)))
            .collect();
        let first_wanted =
            |stop: &Stop| stop.slots.iter().copied().filter(|&slot| self.is_wanted(slot, first)).min();
        stops.sort_by_key(first_wanted);
        Some(stops)
    }
}

/// The numbers below `n` in an order that the key names (Fisher and Yates, in Durstenfeld's form).
fn permutation(n: usize, key: Key) -> Vec<usize> {
    let mut out: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        out.swap(last, key.index(last as u64).below(last as u64 + 1) as usize);
    }
    out
}
