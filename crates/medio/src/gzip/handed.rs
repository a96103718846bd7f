//! Content that scouts hand to the reader of a stream.

use std::sync::Arc;

use crate::Result;

use super::by_block::{Start, Way};
use super::piece::Handed;
use super::raw::WINDOW;
use super::scouts::Scouts;
use super::stage::Stage;
use super::stream::GzipStream;

impl<'a> GzipStream<'a> {
    /// The same, with scouts that decode ahead.
    pub(crate) fn with_scouts(mut self, scouts: Arc<Scouts<'a>>) -> GzipStream<'a> {
        self.scouts = Some(scouts);
        self
    }

    /// The same block, in a piece that begins with it if a scout has one.
    pub(super) fn handed(&mut self, start: Start) -> Start {
        if !self.ready.is_empty() {
            return start;
        }
        let Some(scouts) = &self.scouts else { return start };
        let bit = self.place() * 8 + start.skip as u64;
        // Where a member has given less than a window, a block must not look back further than that: the reader sees to it.
        let Some(window) = self.stage[..start.from].last_chunk::<WINDOW>() else { return start };
        let Some(Handed { content, from, ends }) = scouts.reached(bit, window) else { return start };
        let shown = from + self.stage_end - start.from;
        (self.stage, self.stage_used, self.stage_end) = (Stage::from(content), shown, shown);
        self.ready = ends;
        start.at(from)
    }

    /// Gives out the next block of a piece, or what is wanted of it; or leaves it to zlib-rs.
    pub(super) fn give(&mut self, start: Start) -> Result<()> {
        let Some(&(end, bit)) = self.ready.front() else { return self.leave(start) };
        let (before, wanted) = self.asked(start.from);
        let made = end - start.from;
        if self.looked_into(before + made as u64) {
            return self.leave(start);
        }
        if let Some(wanted) = wanted.filter(|&n| n < made) {
            let end = start.from + wanted;
            self.way = Way::Block(start);
            return self.show(end).map(drop);
        }
        self.ready.pop_front();
        self.passed(end, bit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::Index;
    use super::super::scouts::{Pace, Scout, beside};
    use super::super::whole::tests::handle;
    use super::super::written::{SPACING, all_writers, content, gathered, packed};
    use super::*;
    use crate::disk::Handle;

    /// Scouts who have been everywhere, and how many pieces they have.
    fn everywhere(file: &Handle, ahead: u64) -> (Arc<Scouts<'_>>, usize) {
        let scouts = Scouts::new(file, 0, usize::MAX, Pace { ahead, apart: ahead });
        let mut scout = Scout::new(file).unwrap();
        let mut pieces = 0;
        while let Some(made) = scouts.send(&mut scout) {
            pieces += usize::from(made);
        }
        (Arc::new(scouts), pieces)
    }

    fn stream<'a>(file: &'a Handle, scouts: &Arc<Scouts<'a>>, index: &Index) -> GzipStream<'a> {
        let stream = GzipStream::new(file, vec![]).ahead().unwrap();
        stream.with_scouts(Arc::clone(scouts)).with_checkpoints(index.clone(), SPACING)
    }

    #[test]
    fn content_and_checkpoints_are_those_of_a_reader_without_scouts() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(5_000_000);
        let all = content.len() as u64;
        for (name, bytes) in all_writers(&content) {
            let file = handle(dir.path(), "a.gz", &bytes);
            let whole = gathered(&file);
            for ahead in [8 * 20_000, 8 * 300_000] {
                for (gathers, until) in
                    [(true, u64::MAX), (false, u64::MAX), (true, all / 2), (false, all / 3)]
                {
                    let (scouts, pieces) = everywhere(&file, ahead);
                    let known = Index { complete: !gathers, ..Index::default() };
                    let mut s = stream(&file, &scouts, &known).until(until);
                    let mut out = vec![0; content.len()];
                    // Beyond what was said to be wanted, too.
                    let end = until.min(all - 100_000) as usize + 100_000;
                    for part in out[..end].chunks_mut(123_457) {
                        s.read_exact(part).unwrap();
                    }
                    assert!(out[..end] == content[..end], "{name}");
                    if until == u64::MAX {
                        s.finish().unwrap();
                        assert!(!gathers || s.into_index().0 == whole, "{name}");
                        // All but stored and single blocks.
                        let found = pieces > 0 && scouts.taken() == pieces;
                        assert!(found || ["stored", "zlib 1"].contains(&&name[..]), "{name}: {pieces}");
                    }
                }
            }
        }
    }

    #[test]
    fn known_checkpoints_are_verified_on_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(5_000_000);
        let file = handle(dir.path(), "a.gz", &packed(&content, 6));
        let index = gathered(&file);
        // Some are known, the others are to be found.
        for known in [0, 1, index.points.len() / 2, index.points.len()] {
            let part = Index { points: index.points[..known].to_vec(), ..Index::default() };
            let (scouts, pieces) = everywhere(&file, 8 * 30_000);
            let mut s = stream(&file, &scouts, &part);
            let mut out = vec![0; content.len()];
            s.read_exact(&mut out).unwrap();
            s.finish().unwrap();
            assert!(out == content && pieces > 1);
            assert_eq!(s.into_index().0, index);
        }
        let mut wrong = index.clone();
        let point = &index.points[2];
        wrong.points[2] = Arc::new(super::super::checkpoint::Checkpoint {
            crc: point.crc ^ 1,
            packed: point.packed.clone(),
            ..**point
        });
        let (scouts, _) = everywhere(&file, 8 * 30_000);
        let error = stream(&file, &scouts, &wrong).read_exact(&mut vec![0; content.len()]).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }

    #[test]
    fn damage_is_the_same_error() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(3_000_000);
        let sound = packed(&content, 6);
        let read = |file: &Handle, scouts: Option<Arc<Scouts<'_>>>| {
            let mut s = GzipStream::new(file, vec![]).ahead().unwrap();
            s.scouts = scouts;
            let mut out = vec![0; content.len()];
            let done = s.read_exact(&mut out).and_then(|()| s.finish());
            (done.map_err(|e| e.to_string()), s.position, out)
        };
        let mut pieces = 0;
        for n in 0..60 {
            let mut bytes = sound.clone();
            let at = 10 + n * (sound.len() - 20) / 60;
            if n % 3 == 0 {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 0x10;
            }
            let file = handle(dir.path(), "a.gz", &bytes);
            let (scouts, made) = everywhere(&file, 8 * 30_000);
            pieces += made;
            let (alone, with) = (read(&file, None), read(&file, Some(scouts)));
            assert!(alone.0.is_err(), "{n}");
            assert!(alone == with, "{n}: {:?} and {:?}", alone.0, with.0);
        }
        assert!(pieces > 100, "{pieces}");
    }

    #[test]
    fn members_zeros_and_streams_in_streams() {
        let dir = tempfile::tempdir().unwrap();
        let noise = content(2_500_000);
        let mut all = noise.clone();
        all.extend(vec![0; 9_000_000]);
        // Blocks that are found and are none of this stream's: another stream, which is stored in it.
        let inner = packed(&noise, 6);
        all.extend(&inner);
        all.extend(&noise[..1_000_000]);
        for level in [2, 6] {
            let few = packed(&noise[..20_000], level);
            let bytes = [&packed(&all, level)[..], &few, &packed(&inner, 0), &packed(&all, level)].concat();
            let content = [&all[..], &noise[..20_000], &inner, &all].concat();
            let file = handle(dir.path(), "members.gz", &bytes);
            let (scouts, pieces) = everywhere(&file, 8 * 40_000);
            let mut s = stream(&file, &scouts, &Index::default());
            let mut out = vec![0; content.len() + 1];
            assert_eq!(s.read(&mut out).unwrap(), content.len());
            assert!(out[..content.len()] == content);
            assert!(scouts.taken() > 3 && scouts.taken() < pieces, "{} of {pieces}", scouts.taken());
            assert_eq!(s.into_index().0, gathered(&file));
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(9_000_000);
        let file = handle(dir.path(), "a.gz", &packed(&content, 6));
        for threads in [1, 2, 3, 9] {
            medkernels::threads::set_threads(Some(threads));
            for round in 0..6 {
                let end = content.len() - round * 1_300_000;
                let mut out = vec![0; end];
                beside(&file, 0, |scouts| {
                    let stream = GzipStream::new(&file, vec![]).ahead().unwrap();
                    let mut s = stream.until(end as u64).with_scouts(scouts);
                    for part in out.chunks_mut(200_000) {
                        s.read_exact(part).unwrap();
                    }
                });
                assert!(out == content[..end], "{threads} threads");
            }
        }
        medkernels::threads::set_threads(None);
    }

    #[test]
    fn scouts_stop_when_the_reader_fails() {
        let dir = tempfile::tempdir().unwrap();
        let file = handle(dir.path(), "a.gz", &packed(&content(9_000_000), 6));
        medkernels::threads::set_threads(Some(4));
        let seen = std::sync::Mutex::new(None);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            beside(&file, 0, |scouts| {
                *seen.lock().unwrap() = Some(scouts);
                panic!("the reader");
            });
        }));
        medkernels::threads::set_threads(None);
        assert!(panicked.is_err());
        // Nobody else has it any more, or is at work.
        let scouts = seen.into_inner().unwrap().unwrap();
        assert_eq!(Arc::strong_count(&scouts), 1);
        assert!(scouts.send(&mut Scout::new(&file).unwrap()).is_none());
    }
}
