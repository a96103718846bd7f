//! Aligned memory for voxels, from a bounded pool of freed blocks.
//!
//! Touching fresh memory costs more than most kernels: so big blocks ask for huge pages, and freed ones are
//! kept for the next taker, up to a limit. A forked child starts with an empty pool and never touches its
//! parent's.
#![allow(
    unsafe_code,
    reason = "one of the crate's two addresses of unsafe code: it owns raw blocks of memory"
)]

use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::Pod;
use thiserror::Error;

use crate::intrinsics::PerProcess;
use crate::threads;

/// Alignment of every buffer, in bytes: a cache line, and the widest vector.
pub const ALIGNMENT: usize = 64;

/// Blocks below this many bytes are given straight back to the allocator.
const POOLED_BYTES: usize = 64 << 10;

/// Scratch memory below this many bytes is the allocator's too.
const SCRATCH_BYTES: usize = 4 << 10;

/// Blocks kept at most, whatever their size.
const POOLED_BLOCKS: usize = 256;

/// A block goes back to the system when so many others have been freed since it was: what is kept is what the last ones needed, not the most that was ever needed at once.
const POOLED_TURNS: u64 = 4096;

/// Fresh blocks from this size on are touched by two threads before they are handed out.
const PREFAULT_BYTES: usize = 16 << 20;

/// Memory that the system would not give.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot allocate {bytes} bytes")]
pub struct AllocError {
    /// Bytes asked for.
    pub bytes: usize,
}

/// A block of memory: `capacity` bytes at `start`, all of them initialised, owned by whoever holds the value.
struct Block {
    start: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a block is plain memory with one owner.
unsafe impl Send for Block {}
// SAFETY: a shared block allows reading only.
unsafe impl Sync for Block {}

impl Block {
    /// A new block of zeros.
    fn fresh(capacity: usize) -> Option<Block> {
        page::allocate_zeroed(capacity).map(|start| Block { start, capacity })
    }

    /// Gives the memory back to the system.
    fn release(self) {
        // SAFETY: `start` and `capacity` are what `allocate_zeroed` gave and took, and the block is consumed.
        unsafe { page::release(self.start, self.capacity) }
    }
}

/// Owned bytes at a 64-byte boundary, zeroed or recycled, returned to the pool when dropped.
///
/// ```
/// use medkernels::buffer::Buffer;
/// let mut volume = Buffer::zeroed(4 * 1000)?;
/// volume.as_mut_slice::<f32>()[7] = 1.5;
/// assert_eq!(volume.as_slice::<f32>()[7], 1.5);
/// # Ok::<(), medkernels::buffer::AllocError>(())
/// ```
pub struct Buffer {
    block: Option<Block>,
    len: usize,
}

impl Buffer {
    /// `bytes` zero bytes.
    ///
    /// # Errors
    /// [`AllocError`] if the system does not give the memory.
    pub fn zeroed(bytes: usize) -> Result<Buffer, AllocError> {
        let (mut buffer, recycled) = Buffer::take(bytes)?;
        if recycled {
            let each =
                (bytes / threads::threads().max(1)).max(threads::PARALLEL_BYTES).next_multiple_of(ALIGNMENT);
            let mut parts: Vec<&mut [u8]> = buffer.as_bytes_mut().chunks_mut(each).collect();
            threads::for_each_mut(&mut parts, |_, part| part.fill(0));
        }
        Ok(buffer)
    }

    /// `bytes` bytes of any content, which the caller must overwrite, every one, before showing them to anyone.
    ///
    /// The memory was initialised once, so reading it is defined; but it may hold another volume's voxels.
    /// Fresh blocks of 16 MiB and more have been touched, by two threads if there are two.
    ///
    /// # Errors
    /// [`AllocError`] if the system does not give the memory.
    pub fn for_overwrite(bytes: usize) -> Result<Buffer, AllocError> {
        let (mut buffer, recycled) = Buffer::take(bytes)?;
        if !recycled && bytes >= PREFAULT_BYTES && threads::threads() > 1 {
            let half = (bytes / 2).next_multiple_of(page::HUGE);
            let mut parts: Vec<&mut [u8]> = buffer.as_bytes_mut().chunks_mut(half).collect();
            threads::for_each_mut(&mut parts, |_, part| {
                for page in part.chunks_mut(page::SMALL) {
                    page[0] = 0;
                }
            });
        }
        Ok(buffer)
    }

    /// As [`Buffer::for_overwrite`], for memory that is given back soon, and wanted again soon after: it comes from the pool though it may be small.
    /// An allocator would clear it each time, and might each time ask the system for pages.
    ///
    /// # Errors
    /// [`AllocError`] if the system does not give the memory.
    pub fn scratch(bytes: usize) -> Result<Buffer, AllocError> {
        if bytes < SCRATCH_BYTES {
            return Buffer::for_overwrite(bytes);
        }
        let mut buffer = Buffer::for_overwrite(bytes.max(POOLED_BYTES))?;
        buffer.len = bytes;
        Ok(buffer)
    }

    /// A block of at least `bytes` bytes, and whether it was recycled (else it is zero).
    fn take(bytes: usize) -> Result<(Buffer, bool), AllocError> {
        let error = AllocError { bytes };
        if bytes == 0 {
            return Ok((Buffer { block: None, len: 0 }, false));
        }
        let capacity = class(bytes).ok_or_else(|| error.clone())?;
        if capacity >= POOLED_BYTES
            && let Some(block) = Pool::of_process().take(capacity)
        {
            return Ok((Buffer { block: Some(block), len: bytes }, true));
        }
        let block = Block::fresh(capacity).or_else(|| {
            // The pool may hold what the system lacks.
            release_memory();
            Block::fresh(capacity)
        });
        Ok((Buffer { block: Some(block.ok_or(error)?), len: bytes }, false))
    }

    /// Length in bytes, as asked for.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.block {
            None => &[],
            // SAFETY: the block holds `capacity >= len` initialised bytes, and lives as long as `self` is
            // borrowed.
            Some(block) => unsafe { std::slice::from_raw_parts(block.start.as_ptr(), self.len) },
        }
    }

    /// The bytes, to be written.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.block {
            None => &mut [],
            // SAFETY: as above, and `self` is borrowed for this alone.
            Some(block) => unsafe { std::slice::from_raw_parts_mut(block.start.as_ptr(), self.len) },
        }
    }

    /// The bytes as numbers; bytes left over at the end are not part of it.
    pub fn as_slice<T: Pod>(&self) -> &[T] {
        match self.len.checked_div(size_of::<T>()).unwrap_or(0) {
            0 => &[],
            count => bytemuck::cast_slice(&self.as_bytes()[..count * size_of::<T>()]),
        }
    }

    /// The bytes as numbers, to be written; bytes left over at the end are not part of it.
    pub fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        match self.len.checked_div(size_of::<T>()).unwrap_or(0) {
            0 => &mut [],
            count => bytemuck::cast_slice_mut(&mut self.as_bytes_mut()[..count * size_of::<T>()]),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            if block.capacity >= POOLED_BYTES {
                Pool::of_process().put(block);
            } else {
                block.release();
            }
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len).finish_non_exhaustive()
    }
}

/// The capacity for `bytes`: a multiple of 64, of an eighth of the power of two below from 64 KiB on, and of
/// 2 MiB from 2 MiB on. So a block serves again although sizes differ a little. `None` on overflow.
fn class(bytes: usize) -> Option<usize> {
    let step = match bytes {
        0..POOLED_BYTES => ALIGNMENT,
        POOLED_BYTES..page::HUGE => (1 << bytes.ilog2()) / 8,
        _ => page::HUGE.max((1 << bytes.ilog2()) / 8),
    };
    bytes.checked_next_multiple_of(step).filter(|&capacity| capacity <= isize::MAX as usize - page::HUGE)
}

/// Freed blocks, oldest first.
struct Pool {
    /// Each with how many had been freed before it.
    blocks: Mutex<Vec<(Block, u64)>>,
    freed: AtomicU64,
    held: AtomicUsize,
    limit: AtomicUsize,
    hits: AtomicU64,
    misses: AtomicU64,
}

static POOL: PerProcess<Pool> = PerProcess::new();

/// A limit that was set by hand, kept for children too; `usize::MAX` is "none".
static CHOSEN_LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

impl Pool {
    fn of_process() -> &'static Pool {
        POOL.get(
            |_| true,
            || Pool {
                blocks: Mutex::new(Vec::new()),
                freed: AtomicU64::new(0),
                held: AtomicUsize::new(0),
                limit: AtomicUsize::new(match CHOSEN_LIMIT.load(Ordering::Relaxed) {
                    usize::MAX => default_limit(),
                    chosen => chosen,
                }),
                hits: AtomicU64::new(0),
                misses: AtomicU64::new(0),
            },
        )
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Block, u64)>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last freed block of at least `capacity` bytes and at most a quarter more.
    fn take(&self, capacity: usize) -> Option<Block> {
        let mut blocks = self.lock();
        let fits = |(block, _): &(Block, u64)| {
            block.capacity >= capacity && block.capacity - capacity <= capacity / 4
        };
        let Some(place) = blocks.iter().rposition(fits) else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let (block, _) = blocks.remove(place);
        self.held.fetch_sub(block.capacity, Ordering::Relaxed);
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(block)
    }

    /// Keeps a block, and lets the oldest go until the limit holds.
    fn put(&self, block: Block) {
        let mut blocks = self.lock();
        self.held.fetch_add(block.capacity, Ordering::Relaxed);
        blocks.push((block, self.freed.fetch_add(1, Ordering::Relaxed)));
        let surplus = self.shrink(&mut blocks, self.limit.load(Ordering::Relaxed));
        drop(blocks);
        surplus.into_iter().for_each(Block::release);
    }

    /// Takes out the oldest blocks until at most `limit` bytes are held, and those that have waited too long.
    fn shrink(&self, blocks: &mut Vec<(Block, u64)>, limit: usize) -> Vec<Block> {
        let freed = self.freed.load(Ordering::Relaxed);
        let mut held = self.held.load(Ordering::Relaxed);
        let mut count = 0;
        while let Some((block, since)) = blocks.get(count)
            && (held > limit || blocks.len() - count > POOLED_BLOCKS || freed - since > POOLED_TURNS)
        {
            held -= block.capacity;
            count += 1;
        }
        self.held.store(held, Ordering::Relaxed);
        blocks.drain(..count).map(|(block, _)| block).collect()
    }
}

/// What the pool holds and how it served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// Bytes in freed blocks that wait for a taker.
    pub held_bytes: usize,
    /// Bytes that may wait at most.
    pub limit: usize,
    /// Buffers of 64 KiB and more that a waiting block served.
    pub hits: u64,
    /// Those that needed fresh memory.
    pub misses: u64,
}

/// The pool's state, in this process.
pub fn pool_stats() -> PoolStats {
    let pool = Pool::of_process();
    PoolStats {
        held_bytes: pool.held.load(Ordering::Relaxed),
        limit: pool.limit.load(Ordering::Relaxed),
        hits: pool.hits.load(Ordering::Relaxed),
        misses: pool.misses.load(Ordering::Relaxed),
    }
}

/// Sets how many bytes may wait in the pool, and frees what is beyond.
///
/// The default is the smaller of 1 GiB and a tenth of the memory that the system or the cgroup gives this
/// process. Zero keeps nothing.
pub fn set_pool_limit(bytes: usize) {
    let bytes = bytes.min(usize::MAX - 1);
    CHOSEN_LIMIT.store(bytes, Ordering::Relaxed);
    let pool = Pool::of_process();
    pool.limit.store(bytes, Ordering::Relaxed);
    let surplus = pool.shrink(&mut pool.lock(), bytes);
    surplus.into_iter().for_each(Block::release);
}

/// Gives all waiting blocks back to the system.
pub fn release_memory() {
    let pool = Pool::of_process();
    let surplus = pool.shrink(&mut pool.lock(), 0);
    surplus.into_iter().for_each(Block::release);
}

/// Memory from the system: pages where it has them, the allocator elsewhere.
mod page {
    use std::alloc::Layout;
    use std::ptr::NonNull;

    /// Bytes of a huge page, the size and boundary of big blocks.
    pub(super) const HUGE: usize = 2 << 20;

    /// Bytes of a small page: the step at which fresh memory is touched.
    pub(super) const SMALL: usize = 4 << 10;

    /// Whether blocks of this capacity come from `mmap`: all that are pooled. In the allocator's heaps they would keep what lies around them from being given back.
    const fn is_mapped(capacity: usize) -> bool {
        cfg!(all(unix, not(miri))) && capacity >= super::POOLED_BYTES
    }

    /// `capacity` zero bytes at a 64-byte boundary, or `None`. `capacity` is a positive multiple of 64, and
    /// of 2 MiB from 2 MiB on.
    pub(super) fn allocate_zeroed(capacity: usize) -> Option<NonNull<u8>> {
        if is_mapped(capacity) {
            return map(capacity);
        }
        let layout = Layout::from_size_align(capacity, super::ALIGNMENT).ok()?;
        // SAFETY: the layout's size is not zero.
        NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) })
    }

    /// Gives back what [`allocate_zeroed`] gave.
    ///
    /// # Safety
    /// `start` came from `allocate_zeroed(capacity)` and is not used afterwards.
    pub(super) unsafe fn release(start: NonNull<u8>, capacity: usize) {
        if is_mapped(capacity) {
            // SAFETY: the caller's promise; `map` gave exactly these pages.
            unsafe { unmap(start.as_ptr(), capacity) };
        } else if let Ok(layout) = Layout::from_size_align(capacity, super::ALIGNMENT) {
            // SAFETY: the caller's promise, and the layout is the one it was allocated with.
            unsafe { std::alloc::dealloc(start.as_ptr(), layout) };
        }
    }

    /// Anonymous private pages; of big blocks on a 2 MiB boundary, and huge ones if the system has them.
    #[cfg(all(unix, not(miri)))]
    fn map(capacity: usize) -> Option<NonNull<u8>> {
        use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
        let large = capacity >= HUGE;
        let room = if large { capacity.checked_add(HUGE)? } else { capacity };
        // SAFETY: a new mapping at an address of the system's choice replaces nothing.
        let start = unsafe {
            mmap_anonymous(std::ptr::null_mut(), room, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        let start = start.ok()?.cast::<u8>();
        if !large {
            return NonNull::new(start);
        }
        let before = start.align_offset(HUGE).min(HUGE);
        // SAFETY: `before <= HUGE`, so `before + capacity <= room` and all of it lies in the mapping; what is
        // cut off around the block is whole pages (all sizes here are multiples of them) that nobody knows
        // of.
        let block = unsafe {
            let block = start.add(before);
            if before > 0 {
                unmap(start, before);
            }
            if before < HUGE {
                unmap(block.add(capacity), HUGE - before);
            }
            block
        };
        advise(block, capacity);
        NonNull::new(block)
    }

    #[cfg(all(unix, not(miri)))]
    unsafe fn unmap(start: *mut u8, bytes: usize) {
        // SAFETY: the caller owns these pages. A failure leaves them mapped, which is safe.
        let _ = unsafe { rustix::mm::munmap(start.cast(), bytes) };
    }

    /// Asks for huge pages; a system without them refuses, and nothing is lost.
    #[cfg(all(target_os = "linux", not(miri)))]
    fn advise(start: *mut u8, bytes: usize) {
        // SAFETY: the range is our own mapping, and this advice changes no content.
        let _ = unsafe { rustix::mm::madvise(start.cast(), bytes, rustix::mm::Advice::LinuxHugepage) };
    }

    #[cfg(all(unix, not(miri), not(target_os = "linux")))]
    fn advise(_start: *mut u8, _bytes: usize) {}

    #[cfg(not(all(unix, not(miri))))]
    fn map(_capacity: usize) -> Option<NonNull<u8>> {
        None
    }

    #[cfg(not(all(unix, not(miri))))]
    unsafe fn unmap(_start: *mut u8, _bytes: usize) {}
}

/// The smaller of 1 GiB and a tenth of the memory that this process may use.
fn default_limit() -> usize {
    let memory = usable_memory().unwrap_or(4 << 30);
    usize::try_from((memory / 10).min(1 << 30)).unwrap_or(1 << 28)
}

/// Bytes of memory that this process may use: the system's, or the cgroup's limit if that is smaller (version 2 and 1, the group and its parents);
/// `None` where the system does not say.
pub fn usable_memory() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let system = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    });
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let mut limits: Vec<u64> = system.into_iter().collect();
    for line in read("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let mut group = group.trim_end_matches('/');
        loop {
            limits.extend(number(&format!("{root}{group}/{file}")));
            let Some(parent) = group.rfind('/') else { break };
            group = &group[..parent];
        }
    }
    limits.into_iter().min()
}
