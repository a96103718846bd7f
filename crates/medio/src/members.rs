//! Voxels from gzip members: only those that hold some are read and inflated, on all threads where that pays.

use std::sync::{Mutex, PoisonError};

use medkernels::buffer::Buffer;
use medkernels::threads::{for_each, threads};

use crate::Result;
use crate::disk::Handle;
use crate::gzip::{GzipStream, Inflater, Member, SLACK};
use crate::runs::{Runs, room};
use crate::target::Target;

/// Members with more content, or more bytes in the file, are inflated piece by piece.
const LARGE: u64 = 16 << 20;

/// Bytes of such a piece.
const PIECE: usize = 256 << 10;

/// Bytes that nobody wants are read along if they are no more than this between two members, instead of reading twice.
const GAP: u64 = 16 << 10;

/// Content that a thread reads and inflates in one go, at least and at most.
const PORTION: std::ops::RangeInclusive<u64> = (64 << 10)..=(1 << 20);

/// Content below which one thread is faster than two.
const PARALLEL: u64 = 256 << 10;

/// Neighbouring members, read at once.
struct Group<'a> {
    members: &'a [Member],
    /// The wanted bytes that they hold, counted from the first wanted one.
    from: u64,
    to: u64,
}

impl Group<'_> {
    /// First byte in the file, and how many.
    fn stretch(&self) -> (u64, u64) {
        let first = self.members.first().map_or(0, |m| m.at);
        (first, self.members.last().map_or(0, |m| m.at + m.size - first))
    }
}

/// A group and the part of the output that it fills: all voxels of which it holds every byte.
struct Part<'a, I> {
    group: Group<'a>,
    first: u64,
    out: &'a mut [I],
}

/// Bytes of a voxel that lies across members.
struct Shred {
    voxel: u64,
    at: usize,
    bytes: Vec<u8>,
}

/// What a thread keeps from group to group.
struct Worker {
    inflater: Inflater,
    packed: Option<Buffer>,
    content: Option<Buffer>,
    shreds: Vec<Shred>,
}

impl Runs {
    /// Wanted bytes of a row.
    fn row_bytes(&self) -> u64 {
        (self.row * self.size) as u64
    }

    /// How many wanted bytes lie before byte `position` of the file's content.
    fn rank(&self, position: u64) -> u64 {
        let Some(mut rest) = position.checked_sub(self.first) else { return 0 };
        let (rows, slabs, width) = (self.rows as u64, self.slabs as u64, self.row_bytes());
        let slab = if slabs == 1 { 0 } else { rest / self.slab_step };
        if slab >= slabs {
            return slabs * rows * width;
        }
        rest -= slab * self.slab_step;
        let row = if rows == 1 { 0 } else { (rest / self.row_step).min(rows) };
        rest -= row * self.row_step;
        (slab * rows + row) * width + if row == rows { 0 } else { rest.min(width) }
    }

    /// Where the wanted byte of this rank lies in the file's content.
    fn position(&self, rank: u64) -> u64 {
        let (row, at) = (rank / self.row_bytes(), rank % self.row_bytes());
        let (slab, row) = (row / self.rows as u64, row % self.rows as u64);
        self.first + slab * self.slab_step + row * self.row_step + at
    }

    /// Bytes of content of the members that hold something wanted.
    pub(crate) fn inflated_of(&self, members: &[Member]) -> u64 {
        members.iter().filter(|m| self.rank(m.start) < self.rank(m.end())).map(|m| m.length).sum()
    }

    /// From members that hold at least everything that is wanted.
    pub(crate) fn read_members<T: Target>(
        &self,
        file: &Handle,
        members: &[Member],
        out: &mut [T::Item],
        target: &T,
    ) -> Result<()> {
        let groups = self.groups(members);
        file.announce(groups.iter().map(Group::stretch));
        let content: u64 = groups.iter().flat_map(|g| g.members).map(|m| m.length).sum();
        let size = self.size as u64;
        let mut parts = Vec::with_capacity(groups.len());
        let (mut rest, mut done) = (&mut *out, 0);
        for group in groups {
            let (first, last) = (group.from.div_ceil(size), group.to / size);
            let count = last.saturating_sub(first) as usize;
            let (_, after) = rest.split_at_mut((first - done) as usize * target.per_voxel());
            let (out, after) = after.split_at_mut(count * target.per_voxel());
            (rest, done) = (after, first + count as u64);
            parts.push(Part { group, first, out });
        }
        let workers = if content < PARALLEL { 1 } else { threads().min(parts.len()) };
        let queue = Mutex::new(parts.into_iter());
        let ended = Mutex::new(Ok(Vec::new()));
        for_each(workers, |_| {
            let mut worker =
                Worker { inflater: Inflater::new(), packed: None, content: None, shreds: vec![] };
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(mut part) = next else { break };
                if let Err(e) = self.read_part(file, &mut worker, &mut part, target) {
                    *ended.lock().unwrap_or_else(PoisonError::into_inner) = Err(e);
                    // The others find nothing more to do.
                    queue.lock().unwrap_or_else(PoisonError::into_inner).by_ref().for_each(drop);
                    return;
                }
            }
            if let Ok(shreds) = &mut *ended.lock().unwrap_or_else(PoisonError::into_inner) {
                shreds.append(&mut worker.shreds);
            }
        });
        let mut shreds = ended.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        shreds.sort_by_key(|s| s.voxel);
        for torn in shreds.chunk_by(|a, b| a.voxel == b.voxel) {
            let mut voxel = vec![0; self.size];
            for s in torn {
                voxel[s.at..s.at + s.bytes.len()].copy_from_slice(&s.bytes);
            }
            let at = torn[0].voxel as usize * target.per_voxel();
            target.decode(&voxel, &mut out[at..at + target.per_voxel()]);
        }
        Ok(())
    }

    /// The members that hold something wanted, in portions for one thread and one read each.
    fn groups<'a>(&self, members: &'a [Member]) -> Vec<Group<'a>> {
        let ranks: Vec<(u64, u64)> =
            members.iter().map(|m| (self.rank(m.start), self.rank(m.end()))).collect();
        let touched = |i: usize| ranks[i].0 < ranks[i].1;
        let content: u64 = (0..members.len()).filter(|&i| touched(i)).map(|i| members[i].length).sum();
        let portion = (content / (threads() as u64 * 4)).clamp(*PORTION.start(), *PORTION.end());
        let mut groups = Vec::new();
        let mut open: Option<(usize, usize, u64)> = None;
        let mut close = |open: Option<(usize, usize, u64)>| {
            if let Some((first, last, _)) = open {
                groups.push(Group {
                    members: &members[first..=last],
                    from: ranks[first].0,
                    to: ranks[last].1,
                });
            }
        };
        for i in (0..members.len()).filter(|&i| touched(i)) {
            let m = &members[i];
            open = match open {
                Some((first, last, length))
                    if m.at - (members[last].at + members[last].size) <= GAP
                        && length + m.length <= portion
                        && m.at + m.size - members[first].at <= LARGE =>
                {
                    Some((first, i, length + m.length))
                }
                other => {
                    close(other);
                    Some((i, i, m.length))
                }
            };
        }
        close(open);
        groups
    }

    fn read_part<T: Target>(
        &self,
        file: &Handle,
        worker: &mut Worker,
        part: &mut Part<'_, T::Item>,
        target: &T,
    ) -> Result<()> {
        let (first, last) = match part.group.members {
            [] => return Ok(()),
            [one] if one.length > LARGE || one.size > LARGE => {
                return self.stream_member(file, one, worker, part, target);
            }
            [first, ..] => (first, &part.group.members[part.group.members.len() - 1]),
        };
        let span = (last.at + last.size - first.at) as usize;
        let packed = room(&mut worker.packed, span + SLACK, file)?;
        file.read_exact_at(&mut packed[..span], first.at)?;
        packed[span..].fill(0);
        for m in part.group.members {
            let (from, to) = (self.rank(m.start), self.rank(m.end()));
            if from == to {
                continue;
            }
            file.count_member();
            file.count_inflated(m.length);
            let at = (m.at - first.at) as usize;
            let (packed, size) = (&packed[at..], m.size as usize);
            let fault = |e| m.error(file, e);
            if let Some(out) = self.straight(m, from, to, part, target)
                && let Some(bytes) = target.direct(out)
            {
                worker.inflater.inflate(packed, size, bytes).map_err(fault)?;
                target.after_direct(out);
                continue;
            }
            let content = room(&mut worker.content, m.length as usize, file)?;
            worker.inflater.inflate(packed, size, content).map_err(fault)?;
            self.place(content, m.start, part, target, &mut worker.shreds);
        }
        Ok(())
    }

    /// The output of a member of which everything is wanted, end to end, whole voxels only.
    fn straight<'a, T: Target>(
        &self,
        m: &Member,
        from: u64,
        to: u64,
        part: &'a mut Part<'_, T::Item>,
        target: &T,
    ) -> Option<&'a mut [T::Item]> {
        let (size, width) = (self.size as u64, self.row_bytes());
        let whole = to - from == m.length && from % width + m.length <= width;
        let aligned = from.is_multiple_of(size) && to.is_multiple_of(size);
        let at = |rank: u64| (rank / size - part.first) as usize * target.per_voxel();
        (whole && aligned).then(|| at(from)..at(to)).map(|range| &mut part.out[range])
    }

    /// A member that is too large to be inflated at once.
    fn stream_member<T: Target>(
        &self,
        file: &Handle,
        m: &Member,
        worker: &mut Worker,
        part: &mut Part<'_, T::Item>,
        target: &T,
    ) -> Result<()> {
        let mut stream = GzipStream::at(file, m.at);
        stream.begin_member()?;
        let mut at = m.start;
        loop {
            // One byte more than there should be, so that a longer member is noticed.
            let n = (m.end() - at + 1).min(PIECE as u64) as usize;
            let content = room(&mut worker.content, n, file)?;
            let n = stream.read_member(content)?;
            if n == 0 && at == m.end() {
                return Ok(());
            }
            if n == 0 || at + n as u64 > m.end() {
                let more = if n == 0 { "" } else { "more than " };
                return Err(m.error(file, format!("{more}{} bytes of content", (at - m.start).min(m.length))));
            }
            self.place(&content[..n], at, part, target, &mut worker.shreds);
            at += n as u64;
        }
    }

    /// Decodes what is wanted of `content`, which begins at byte `start` of the file's content.
    fn place<T: Target>(
        &self,
        content: &[u8],
        start: u64,
        part: &mut Part<'_, T::Item>,
        target: &T,
        shreds: &mut Vec<Shred>,
    ) {
        let (size, width) = (self.size as u64, self.row_bytes());
        let mut rank = self.rank(start);
        let end = self.rank(start + content.len() as u64);
        while rank < end {
            let at = (self.position(rank) - start) as usize;
            // Rows of a slab that are here from end to end go together.
            let rows = (self.rows as u64 - rank / width % self.rows as u64).min((end - rank) / width);
            if rank.is_multiple_of(width) && rows > 1 {
                let (wide, to) = (self.row * target.per_voxel(), (rank / size - part.first) as usize);
                let out = &mut part.out[to * target.per_voxel()..][..rows as usize * wide];
                target.decode_rows(&content[at..], self.row_step as usize, width as usize, wide, out);
                rank += rows * width;
                continue;
            }
            let n = (width - rank % width).min(end - rank);
            let mut bytes = &content[at..at + n as usize];
            let mut shred = |bytes: &[u8], rank: u64| {
                shreds.push(Shred { voxel: rank / size, at: (rank % size) as usize, bytes: bytes.to_vec() });
            };
            // Rows begin and end with whole voxels; members may begin or end inside one.
            let mut first = rank;
            if !rank.is_multiple_of(size) {
                let (head, rest) = bytes.split_at(bytes.len().min((size - rank % size) as usize));
                shred(head, rank);
                (bytes, first) = (rest, rank + head.len() as u64);
            }
            let (voxels, tail) = bytes.split_at(bytes.len() - bytes.len() % self.size);
            if !voxels.is_empty() {
                let at = (first / size - part.first) as usize * target.per_voxel();
                target.decode(voxels, &mut part.out[at..at + voxels.len() / self.size * target.per_voxel()]);
            }
            if !tail.is_empty() {
                shred(tail, first + voxels.len() as u64);
            }
            rank += n;
        }
    }
}
