//! What a chain will do, in words.

use std::fmt::Write;

use medcore::Box3;

use crate::Pipeline;
use crate::chain::{Chain, Op};
use crate::plan::{Planned, Reading};
use crate::planning::Planning;
use crate::sample::LazySample;
use crate::source::Source;

impl Chain {
    /// The chain as text: source, stages, passes, bytes to read, memory.
    pub(crate) fn explain(&self) -> crate::Result<String> {
        let mut out = String::new();
        let grid = self.source.grid();
        let whole = Box3::whole(grid.shape);
        let read = self.source_box();
        let name = match &self.source {
            Source::File(f) => f.path().display().to_string(),
            Source::Stack(s) => s.names(),
            Source::Memory(_) => "memory".into(),
            Source::Cached(kept) if kept.is_there() => format!("{} (cache hit)", kept.name()),
            Source::Cached(kept) => {
                out.push_str(&kept.prefix().explain()?);
                format!("{} (cache miss: the above is made and kept first)", kept.name())
            }
            Source::Shared(shared) => {
                let (before, name) = shared.explain()?;
                out.push_str(&before);
                name
            }
        };
        let _ = writeln!(out, "{} {:?} from {name}", self.role, self.name);
        let _ = writeln!(out, "  source: {} {}", self.source.stored_dtype(), grid);
        let share = 100.0 * read.len() as f64 / whole.len().max(1) as f64;
        let channels: Vec<usize> = (0..self.channels()).collect();
        let how = match self.source.inflates(&channels, &read) {
            Ok(None) => String::new(),
            Ok(Some((bytes, _))) => format!(", of {bytes} inflated"),
            // Reading will say why.
            Err(_) => ", inflated".into(),
        };
        let _ = writeln!(
            out,
            "  reads:  {:?} at {:?}, {} bytes ({share:.0} %){how}",
            read.shape,
            read.start,
            read.len() as u64 * self.source.voxel_bytes() as u64
        );
        let mut passes = 1;
        let idle = |out: &mut String, at: std::ops::Range<usize>| {
            for (_, name) in self.idle.iter().filter(|(n, _)| at.contains(n)) {
                let _ = writeln!(out, "  -  {name}: nothing to do");
            }
        };
        for (n, s) in self.stages.iter().enumerate() {
            idle(&mut out, n..n + 1);
            let kind = match &s.op {
                Op::Lattice(m) => format!("copies voxels; outside: {}", m.boundary),
                Op::Interpolate(i) => {
                    let how = i.how();
                    let joined =
                        if i.joined > 1 { format!(", {} joined into one", i.joined) } else { String::new() };
                    let why = if i.composable { "" } else { ", never joined with another" };
                    format!("interpolates, {how}; outside: {}{joined}{why}", i.outside())
                }
                Op::Points(p) if p.is_empty() => "converts".into(),
                Op::Points(p) => format!(
                    "{} on voxels in cache",
                    if p.len() == 1 { "one operation".into() } else { format!("{} operations", p.len()) }
                ),
                Op::Cast(_) => "converts".into(),
                Op::Filter(_, f) => format!("filters, with {:?} voxels around", f.halo),
                Op::Global(..) => "needs the whole volume".into(),
                Op::Relabel(_) => "labels only".into(),
                Op::Apart(_) => "each channel by itself".into(),
                Op::Host(_) => {
                    "the caller's function of the whole volume; no crop is pushed through it".into()
                }
                Op::Measure(_, m, _, ticket) => {
                    let once = if ticket.is_some() { ", once: not recorded yet" } else { "" };
                    format!("measures the whole volume ({:?}){once}; what follows waits for it", m.keep)
                }
            };
            if s.op.is_whole() {
                passes += 1;
            }
            let [x, y, z] = s.grid.shape;
            let _ = writeln!(out, "  {}. {}  [{x} x {y} x {z} {}; {kind}]", n + 1, s.label, s.dtype);
        }
        idle(&mut out, self.stages.len()..usize::MAX);
        let bytes = self.grid().len() as u64 * self.channels() as u64 * self.dtype().bytes() as u64;
        let _ = writeln!(
            out,
            "  result: {} {}, {bytes} bytes, {passes} pass{} over the voxels",
            self.dtype(),
            self.grid(),
            if passes == 1 { "" } else { "es" }
        );
        Ok(out)
    }
}

impl Pipeline {
    /// What the pipeline will do to a sample: items, stages, passes, bytes to read. Reads voxels only where a shape depends on them and `measure` is set.
    ///
    /// # Errors
    /// As [`Pipeline::apply`].
    pub fn explain(&self, sample: &LazySample, id: &str, measure: bool) -> crate::Result<String> {
        let key = medcore::Key::new(self.seed()).epoch(0).sample(id);
        let (mut out, places) = (String::new(), self.visit());
        let random = self.nodes().iter().any(crate::Node::is_random);
        let _ = writeln!(
            out,
            "{} transforms{}{}",
            self.nodes().len(),
            if random { format!(", seed {}", self.seed()) } else { String::new() },
            if self.fuses() { "" } else { ", step by step" }
        );
        // As far as can be planned without reading.
        for n in (0..=self.nodes().len()).rev() {
            let reading = if measure { Reading::Allowed } else { Reading::Forbidden };
            let Planned::Done(states) = self.planned(sample, n, key, &places, reading)? else {
                continue;
            };
            let several = states.len();
            for (i, state) in states.iter().enumerate() {
                if several > 1 {
                    let _ = writeln!(out, "sample {} of {several}", i + 1);
                }
                for item in &state.items {
                    match item {
                        Planning::Volume(c) => out.push_str(&c.explain()?),
                        Planning::Points(name, p) => {
                            let _ = writeln!(
                                out,
                                "points {name:?}: {} of them move with the sample",
                                p.world.len()
                            );
                        }
                    }
                }
            }
            if let Some(node) = self.nodes().get(n) {
                let rest: Vec<_> = self.nodes()[n..].iter().map(|n| n.name.as_str()).collect();
                let _ =
                    writeln!(out, "then, once {} has measured the voxels: {}", node.name, rest.join(", "));
            }
            break;
        }
        Ok(out)
    }
}
