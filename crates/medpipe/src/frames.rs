//! Frames and channels: the axes after the third.

use std::sync::Arc;

use medcore::{Box3, Error, Volume};

use crate::chain::Chain;
use crate::evaluate::buffer;
use crate::source::Source;
use crate::{AxisSlice, LazyVolume, Result};

/// What is taken of one axis after the third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// One index; the axis goes.
    One(usize),
    /// Several; the axis stays.
    Some(AxisSlice),
}

impl Pick {
    fn slice(self) -> AxisSlice {
        match self {
            Pick::One(start) => AxisSlice { start, step: 1, count: 1 },
            Pick::Some(a) => a,
        }
    }
}

impl LazyVolume {
    /// Some frames or channels: a choice for each axis after the third. They are read at once, and of an untouched file only they, unless
    /// to inflate everything is less.
    ///
    /// # Errors
    /// [`medcore::Error::Shape`] for indices outside the volume or a wrong number of choices; reading errors.
    pub fn frames(&self, picks: &[Pick]) -> Result<LazyVolume> {
        let facts = self.facts()?;
        let have = facts.extra;
        let wrong = || Error::shape("frames", format!("{picks:?}"), format!("indices inside {have:?}"));
        if picks.len() != have.len() {
            return Err(wrong().into());
        }
        // First extra axis fastest, as in memory.
        let mut channels = vec![0usize];
        let mut step = 1;
        for (pick, &n) in picks.iter().zip(&have) {
            let a = pick.slice();
            let at = |i: usize| a.start as i128 + a.step as i128 * i as i128;
            if a.count == 0
                || a.step == 0
                || [0, a.count - 1].iter().any(|&i| !(0..n as i128).contains(&at(i)))
            {
                return Err(wrong().into());
            }
            let before = std::mem::take(&mut channels);
            channels =
                (0..a.count).flat_map(|i| before.iter().map(move |c| c + step * at(i) as usize)).collect();
            step *= n;
        }
        let kept: Vec<(usize, usize)> = picks
            .iter()
            .enumerate()
            .filter_map(|(i, p)| if let Pick::Some(a) = p { Some((i, a.count)) } else { None })
            .collect();
        let extra: Vec<usize> = kept.iter().map(|k| k.1).collect();
        let mut meta = (**self.meta()).clone();
        meta.steps = kept.iter().map(|k| meta.steps.get(k.0).copied().unwrap_or(1.0)).collect();
        let apart = |s: &Source| {
            let inflated = s.inflates(&channels, &Box3::whole(s.grid().shape))?;
            Ok::<_, crate::Error>(inflated.is_none_or(|(_, all)| !all))
        };
        let channel_of = |source: &Source| {
            let (grid, dtype) = (*source.grid(), source.stored_dtype());
            let n = grid.len() * dtype.bytes();
            let (mut out, whole) = (buffer(n * channels.len())?, Box3::whole(grid.shape));
            for (part, &channel) in out.as_bytes_mut().chunks_mut(n.max(1)).zip(&channels) {
                source.copy_box(channel, &whole, part)?;
            }
            let volume = Volume::packed(Arc::new(out), dtype, grid, extra.clone(), Arc::new(meta.clone()))?;
            Ok(volume.with_scale(source.scale()))
        };
        let volume = match self.source() {
            files @ (Source::File(_) | Source::Stack(_)) if self.is_untouched() && apart(files)? => {
                channel_of(files)?
            }
            Source::Cached(k) if self.is_untouched() => k.with(|source| channel_of(&source))?,
            _ => channel_of(&Source::Memory(self.to_save()?))?,
        };
        let chain = Chain::new(Source::Memory(volume), &self.role().to_string(), self.role(), true);
        let suffix = channels.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        Ok(LazyVolume::of_chain(chain, Arc::new([])).named(format!("{}[{suffix}]", self.id())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medcore::{Affine, Grid};

    fn ramp(extra: Vec<usize>) -> LazyVolume {
        let grid = Grid::new([2, 2, 1], Affine::IDENTITY);
        let n = 4 * extra.iter().product::<usize>();
        let bytes: Vec<u8> = (0..n as u8).collect();
        LazyVolume::from_volume(
            Volume::packed(Arc::new(bytes), medcore::DType::U8, grid, extra, Arc::default()).unwrap(),
        )
    }

    #[test]
    fn frames_of_what_was_cropped() {
        let crop = crate::Node::new("crop", serde_json::json!({"start": [1, 0, 0], "shape": [1, 2, 1]}));
        let v = ramp(vec![2]).then(crop.unwrap(), None).unwrap();
        let out = v.frames(&[Pick::One(1)]).unwrap().compute().unwrap();
        assert_eq!(out.to_f32().unwrap(), [5.0, 7.0]);
    }

    #[test]
    fn frames_of_two_axes() {
        let v = ramp(vec![3, 2]);
        let picks = [Pick::Some(AxisSlice { start: 2, step: -2, count: 2 }), Pick::One(1)];
        let out = v.frames(&picks).unwrap().compute().unwrap();
        assert_eq!(out.extra(), [2]);
        // Frame (2, 1) is the sixth, frame (0, 1) the fourth.
        assert_eq!(out.to_f32().unwrap(), [20.0, 21.0, 22.0, 23.0, 12.0, 13.0, 14.0, 15.0]);
        assert!(v.frames(&[Pick::One(3), Pick::One(0)]).is_err());
        assert!(v.frames(&[Pick::One(0)]).is_err());
    }

    #[test]
    fn a_stack_has_one_channel_for_each_and_wants_one_grid() {
        let (a, b) = (ramp(vec![]), ramp(vec![]));
        let out = LazyVolume::stack(&[a.clone(), b]).unwrap().compute().unwrap();
        assert_eq!(out.extra(), [2]);
        assert_eq!(out.to_f32().unwrap(), [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0]);
        let other =
            Volume::from_f32(Grid::new([2, 2, 1], Affine::translate([0.1, 0.0, 0.0])), &[0.0; 4]).unwrap();
        assert!(LazyVolume::stack(&[a, LazyVolume::from_volume(other)]).is_err());
    }
}
