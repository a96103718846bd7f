//! A stream's blocks one at a time by libdeflate, which is faster than zlib-rs; zlib-rs goes through those that libdeflate does not fit.

use crate::Result;

use super::blocks::Block;
use super::entered::NEAR;
use super::one_block::{OneBlock, Step};
use super::raw::WINDOW;
use super::stream::{GzipStream, Member};
use super::whole::LONGEST_UNIT;

/// Room for a block's content. zlib's blocks hold 16 thousand codes at most, which stand for less than this wherever a volume is not nearly empty.
pub(super) const ROOM: usize = 1 << 20;

/// Bytes of the file that are read at once.
const MORE: usize = 256 << 10;

/// Bytes of the file in which a block must end whose content has room: a byte takes 15 bits at most, a match of three 48.
const MOST: usize = 3 * ROOM;

/// Who decodes what comes next.
#[derive(Clone)]
pub(super) enum Way {
    /// zlib-rs, to the end of the block.
    Stream,
    /// Whoever likes: a block begins at this bit of the file, and zlib-rs is there.
    Turn(u64),
    /// libdeflate.
    Block(Start),
}

/// Where a block begins.
#[derive(Clone)]
pub(super) struct Start {
    /// Bits of the next byte of input that belong to the block before.
    pub(super) skip: usize,
    /// Its content is to lie here in the stage, after what it may look back at.
    pub(super) from: usize,
    /// What the member gave before.
    member: Member,
}

impl Start {
    /// The same with its content elsewhere in the stage.
    pub(super) fn at(self, from: usize) -> Start {
        Start { from, ..self }
    }
}

impl GzipStream<'_> {
    /// Whether a block's beginning has been reached, where libdeflate takes over.
    pub(super) fn turned(&self) -> bool {
        self.ahead && !matches!(self.way, Way::Stream)
    }

    /// A block begins at this bit of the file, where zlib-rs is. Behind one for which there was no room there is likely to be another.
    pub(super) fn turn(&mut self, bit: u64) {
        let long = self.decoded - self.began > ROOM as u64;
        self.began = self.decoded;
        self.way = if long { Way::Stream } else { Way::Turn(bit) };
    }

    /// Decodes a block, or what is wanted of it, to the stage, of which nothing is left; or leaves it to zlib-rs.
    pub(super) fn next_block(&mut self) -> Result<()> {
        let way = std::mem::replace(&mut self.way, Way::Stream);
        // Without memory for it zlib-rs goes on.
        let Some(mut one) = self.one.take().or_else(OneBlock::new) else { return Ok(()) };
        let start = match way {
            Way::Stream => None,
            Way::Turn(bit) => self.start(bit),
            Way::Block(start) if self.ready.is_empty() => Some(self.moved_up(start)),
            Way::Block(start) => Some(start),
        };
        let done = start.map_or(Ok(()), |start| {
            let start = self.handed(start);
            if self.ready.is_empty() { self.pass(&mut one, start) } else { self.give(start) }
        });
        self.one = Some(one);
        done
    }

    /// The block at which zlib-rs is, what may be looked back at before it.
    fn start(&mut self, bit: u64) -> Option<Start> {
        let member = self.member.clone()?;
        let window = self.inflate.window();
        self.stage[..window.len()].copy_from_slice(&window);
        (self.stage_used, self.stage_end) = (window.len(), window.len());
        self.go_to(bit / 8);
        Some(Start { skip: (bit % 8) as usize, from: window.len(), member })
    }

    /// The same block with all room there is.
    fn moved_up(&mut self, start: Start) -> Start {
        let by = start.from.saturating_sub(WINDOW);
        self.stage.copy_within(by..self.stage_end, 0);
        (self.stage_used, self.stage_end) = (self.stage_used - by, self.stage_end - by);
        let from = start.from - by;
        start.at(from)
    }

    fn pass(&mut self, one: &mut OneBlock, start: Start) -> Result<()> {
        let Start { skip, from, .. } = start;
        let (before, wanted) = self.asked(from);
        let room = wanted.map_or(ROOM, |n| ROOM.min(n + LONGEST_UNIT as usize));
        if self.input.len() - self.used < one.likely() {
            self.more()?;
        }
        loop {
            let packed = &self.input[self.used..];
            let out = &mut self.stage[..from + room];
            let block = Block::at(packed, skip);
            match block.map_or(Step::Bad, |block| one.pass((packed, skip), block, out, from)) {
                Step::Made(made, _) if self.looked_into(before + made as u64) => break,
                Step::Made(made, next) if wanted.is_none_or(|n| made <= n) => {
                    if block.is_some_and(|b| b.last) {
                        return if self.show(from + made)? { self.ended(next) } else { Ok(()) };
                    }
                    return self.passed(from + made, self.place() * 8 + next as u64);
                }
                Step::Bad if self.input.len() - self.used < MOST && self.more()? => {}
                Step::Odd | Step::Bad => break,
                // All that is wanted is there, if it has room.
                step => {
                    let fits = |n: &usize| step != Step::Full || n + LONGEST_UNIT as usize <= room;
                    let Some(wanted) = wanted.filter(fits) else { break };
                    self.way = Way::Block(start);
                    return self.show(from + wanted).map(drop);
                }
            }
        }
        self.leave(start)
    }

    /// The byte of the content that lies here in the stage, and how many from there on are wanted, if that is known.
    pub(super) fn asked(&self, from: usize) -> (u64, Option<usize>) {
        let before = self.decoded - (self.stage_end - from) as u64;
        (before, self.wanted().and_then(|end| usize::try_from(end - before).ok()))
    }

    /// The byte of the content up to which it is wanted, if that is known: somewhat behind it where it can be verified.
    fn wanted(&self) -> Option<u64> {
        let end = self.until.max(self.decoded);
        if self.until == u64::MAX || end == self.decoded {
            return None;
        }
        let known = self.index.points.get(self.index.points.partition_point(|p| p.position < end));
        Some(known.map(|p| p.position).filter(|p| p - end <= NEAR).unwrap_or(end))
    }

    /// Whether checkpoints are to be looked for inside the block, which ends before this byte of the content.
    pub(super) fn looked_into(&self, end: u64) -> bool {
        self.gatherer.as_ref().is_some_and(|g| g.looks_into(end))
    }

    /// A block has been decoded, up to here in the stage; the next one begins at this bit of the file.
    pub(super) fn passed(&mut self, end: usize, bit: u64) -> Result<()> {
        if !self.show(end)? {
            return Ok(());
        }
        self.go_to(bit / 8);
        let skip = (bit % 8) as usize;
        if self.gatherer.as_ref().is_some_and(|g| g.is_due(self.decoded)) {
            let window = self.stage[end.saturating_sub(WINDOW)..end].to_vec();
            self.block_starts(bit, &window)?;
        } else if let Some(gatherer) = &mut self.gatherer {
            gatherer.block_passed();
        }
        self.way =
            self.member.clone().map_or(Way::Stream, |m| Way::Block(Start { skip, from: end, member: m }));
        Ok(())
    }

    /// Behind a member's last block, which ends somewhere in eight bits, so that the trailer may begin with either of two bytes.
    fn ended(&mut self, bit: usize) -> Result<()> {
        let places = [bit.div_ceil(8), (bit + 7).div_ceil(8)];
        while self.input.len() - self.used < places[1] + 8 && self.more()? {}
        let Some(Member { crc, size }) = self.member.clone() else { return Ok(()) };
        let trailer = [crc.finalize().to_le_bytes(), size.to_le_bytes()].concat();
        let rest = &self.input[self.used..];
        let right = places.into_iter().find(|&at| rest.get(at..).is_some_and(|r| r.starts_with(&trailer)));
        self.used = (self.used + right.unwrap_or(places[1])).min(self.input.len());
        self.end_member()
    }

    /// Gives out the stage up to here; false if up to a checkpoint only, where decoding begins anew.
    pub(super) fn show(&mut self, end: usize) -> Result<bool> {
        while self.stage_end < end {
            let point = self.index.points.get(self.next).map(|p| p.position - self.decoded);
            let n = point.map_or(end - self.stage_end, |p| (end - self.stage_end).min(p as usize));
            if let Some(member) = &mut self.member {
                member.crc.update(&self.stage[self.stage_end..self.stage_end + n]);
                member.size = member.size.wrapping_add(n as u32);
            }
            self.file.count_inflated(n as u64);
            (self.stage_end, self.decoded) = (self.stage_end + n, self.decoded + n as u64);
            if self.pass_known()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets zlib-rs decode the block, from its beginning.
    pub(super) fn leave(&mut self, start: Start) -> Result<()> {
        self.ready.clear();
        let window = &self.stage[start.from.saturating_sub(WINDOW)..start.from];
        self.inflate.resume(window).map_err(|_| self.corrupt("an unusable window"))?;
        if start.skip > 0
            && let Some(byte) = self.byte()?
        {
            let bits = 8 - start.skip as u32;
            self.inflate.give_bits(bits, byte >> start.skip).map_err(|_| self.corrupt("an unusable bit"))?;
        }
        // What has been given out of it comes again.
        self.again = self.stage_end - start.from;
        self.decoded -= self.again as u64;
        self.began = self.decoded;
        self.next = self.index.points.partition_point(|p| p.position <= self.decoded);
        self.member = Some(start.member);
        Ok(())
    }

    /// Goes to a byte of the file, at hand or not.
    fn go_to(&mut self, byte: u64) {
        let behind = self.at.checked_sub(byte).filter(|&behind| behind <= self.input.len() as u64);
        if let Some(behind) = behind {
            self.used = self.input.len() - behind as usize;
        } else {
            self.input.clear();
            (self.at, self.used) = (byte, 0);
        }
    }

    /// Reads more of the file behind what is at hand; false at its end.
    fn more(&mut self) -> Result<bool> {
        self.input.drain(..self.used);
        self.used = 0;
        let old = self.input.len();
        self.input.resize(old + MORE, 0);
        let n = self.file.read_at_most(&mut self.input[old..], self.at)?;
        self.input.truncate(old + n);
        self.at += n as u64;
        Ok(n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::Index;
    use super::super::whole::tests::handle;
    use super::super::written::{SPACING, all_writers, blocks, content, gathered, packed};
    use super::*;
    use crate::disk::Handle;

    fn stream<'a>(file: &'a Handle, index: &Index) -> GzipStream<'a> {
        GzipStream::new(file, vec![]).ahead().unwrap().with_checkpoints(index.clone(), SPACING)
    }

    #[test]
    fn checkpoints_are_blocks_at_the_wanted_distance() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(6_000_000);
        for (name, bytes) in all_writers(&content) {
            let file = handle(dir.path(), "a.gz", &bytes);
            let blocks = blocks(&bytes, content.len() + 1);
            let index = gathered(&file);
            assert!(index.complete && index.points.len() > 2, "{name}");
            let mut due = SPACING;
            for p in &index.points {
                let first = blocks.iter().find(|(position, _)| *position >= due).unwrap();
                match p.inside {
                    None => assert_eq!((p.position, p.bit), *first, "{name}"),
                    // The block before it is a long one.
                    Some(h) => {
                        let (at, next) = blocks.split_at(blocks.partition_point(|(_, bit)| *bit <= h.bit));
                        let end = next.first().map_or(content.len() as u64, |b| b.0);
                        assert!(
                            at.last().unwrap().1 == h.bit && end - at.last().unwrap().0 > SPACING,
                            "{name}"
                        );
                    }
                }
                due = p.position + SPACING;
            }
        }
    }

    #[test]
    fn content_is_the_same_however_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(6_000_000);
        let all = content.len() as u64;
        for (name, bytes) in all_writers(&content) {
            let file = handle(dir.path(), "a.gz", &bytes);
            let whole = gathered(&file);
            // Piece by piece, each from the last checkpoint before it and no further than wanted; what is found on the way is what is found by one who goes through.
            let mut index = Index::default();
            let mut out = vec![];
            for end in (1..all).step_by(311_111).chain([all]) {
                let from = end.saturating_sub(200_000);
                for gathers in [false, true] {
                    let known = Index { complete: !gathers, ..index.clone() };
                    let mut s = stream(&file, &known).until(end);
                    s.skip_to(from).unwrap();
                    out.resize((end - from) as usize, 0);
                    s.read_exact(&mut out).unwrap();
                    assert!(out == content[from as usize..end as usize], "{name}, to {end}");
                    assert!(s.decoded <= end + NEAR, "{name}: {} for {end}", s.decoded);
                    // More than was said to be wanted.
                    let more = (all - end).min(100_000) as usize;
                    out.resize(more, 0);
                    s.read_exact(&mut out).unwrap();
                    assert!(out == content[end as usize..end as usize + more], "{name}, behind {end}");
                    if gathers {
                        let (found, _) = s.into_index();
                        assert!(found.points.starts_with(&index.points));
                        index = found;
                    }
                }
            }
            assert_eq!(index.points, whole.points, "{name}");
        }
    }

    #[test]
    fn zeros_between_noise_and_members_one_behind_the_other() {
        let dir = tempfile::tempdir().unwrap();
        // Blocks of zeros stand for megabytes: those are left to zlib-rs.
        let mut all = content(900_000);
        all.extend(vec![0; 9_000_000]);
        all.extend(content(1_500_000));
        all.extend(vec![0; 5_000_000]);
        for level in [1, 2, 6, 9] {
            let empty = packed(&[], level);
            let bytes = [&packed(&all, level)[..], &empty, &packed(&all[..700_000], level), &empty].concat();
            let file = handle(dir.path(), "members.gz", &bytes);
            let content = [&all[..], &all[..700_000]].concat();
            for index in [Index::default(), gathered(&file)] {
                let mut s = stream(&file, &index);
                let mut out = vec![0; content.len() + 1];
                let mut done = 0;
                for size in [1, 70_000, 3_000_000].into_iter().cycle() {
                    let end = (done + size).min(out.len());
                    let n = s.read(&mut out[done..end]).unwrap();
                    done += n;
                    if n == 0 {
                        break;
                    }
                }
                assert!(done == content.len() && out[..done] == content, "level {level}");
            }
        }
    }

    #[test]
    fn damage_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(2_000_000);
        let sound = packed(&content, 6);
        let read = |bytes: &[u8], index: &Index| {
            let file = handle(dir.path(), "a.gz", bytes);
            let mut out = vec![0; content.len()];
            let mut s = stream(&file, index);
            s.read_exact(&mut out)?;
            s.finish()?;
            Ok::<_, crate::Error>(out == content)
        };
        assert!(read(&sound, &Index::default()).unwrap());
        assert!(read(&sound[..sound.len() - 1], &Index::default()).is_err());
        for at in (10..sound.len()).step_by(9973).chain([sound.len() - 8, sound.len() - 1]) {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            assert!(read(&bytes, &Index::default()).is_err(), "byte {at}");
        }
        // Where it is known what must come, before the end.
        let index = gathered(&handle(dir.path(), "a.gz", &sound));
        let mut bytes = sound.clone();
        bytes[(index.points[0].bit / 16) as usize] ^= 0x10;
        let damaged = handle(dir.path(), "b.gz", &bytes);
        let mut s = stream(&damaged, &index).until(index.points[0].position + 100);
        assert!(s.read_exact(&mut vec![0; index.points[0].position as usize + 100]).is_err());
    }
}
