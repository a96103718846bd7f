//! Opening: the header is read and understood, no voxel is touched.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use medkernels::float_env::FloatEnv;

use crate::container::{self, Half};
use crate::disk::{Counts, DiskFile};
use crate::file::{Inner, Packing, VolumeFile};
use crate::gzip::{GzipStream, MAX_RATIO, Members};
use crate::nifti::{Header, Meaning, Version, interpret, parse_extensions};
use crate::{Error, Result};

/// Bytes that header extensions may have together.
const MAX_EXTENSIONS: u64 = 256 << 20;

/// Bytes read at first: the header and small extensions.
const FIRST_READ: usize = 4096;

/// Opens a volume file: reads its header and header extensions, nothing more, and closes it again.
///
/// The content decides what the file is, not its name: gzip or plain, single or pair, NIfTI-1 or -2, either byte order. Of a
/// `.hdr`/`.img` pair either name will do; no file of another stem is ever looked at. A `.nii.gz` is inflated only as far as the
/// header and its extensions go.
///
/// # Errors
/// [`Error::Io`] if the file (or the other of a pair) is not there; [`Error::Format`] if it is no NIfTI, contradicts itself, or is too
/// short for its voxels; [`Error::Unsupported`] for other formats and for float128 and complex256; [`Error::Limit`] if a gzip file claims
/// more voxels than its size can hold.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("brain.nii.gz");
/// let grid = Grid::new([4, 3, 2], Affine::from_spacing([1.0, 1.0, 2.5]));
/// let volume = Volume::from_f32(grid, &[1.5; 24])?;
/// medio::save(&path, &volume, &medio::SaveOptions::default())?;
///
/// let file = medio::open(&path)?; // the header only
/// assert_eq!(file.shape(), [4, 3, 2]);
/// assert_eq!(file.grid().spacing(), [1.0, 1.0, 2.5]);
/// assert_eq!(file.load()?.to_f32()?, [1.5; 24]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(path: impl AsRef<Path>) -> Result<VolumeFile> {
    // A slope may be a subnormal float32.
    let _env = FloatEnv::enter();
    let path = path.as_ref();
    let counts = Arc::new(Counts::default());
    match container::half_of_pair(path) {
        Some(Half::Voxels) => match container::partner(path) {
            Some(header) => finish_pair(path, read_start(&header, &counts)?, path, &counts),
            None => match read_start(path, &counts) {
                Ok(start) => finish_single(path, start, counts),
                // Voxels say nothing about themselves.
                Err(Error::Format { .. } | Error::Unsupported { .. }) => Err(missing_partner(path)),
                Err(e) => Err(e),
            },
        },
        Some(Half::Header) => {
            let start = read_start(path, &counts)?;
            let partner = container::partner(path);
            match partner {
                Some(voxels) if !(start.header.is_single() && start.holds_voxels()) => {
                    finish_pair(path, start, &voxels, &counts)
                }
                None if !start.header.is_single() => Err(missing_partner(path)),
                _ => finish_single(path, start, counts),
            }
        }
        None => finish_single(path, read_start(path, &counts)?, counts),
    }
}

/// The field that an unknown file lacks.
const MAGIC: &str = "magic";

/// A header file's beginning, parsed.
struct Start {
    file: DiskFile,
    packing: Packing,
    header: Header,
    /// Header and extensions, from byte 0.
    bytes: Vec<u8>,
}

impl Start {
    /// Whether the voxels can be in this file.
    fn holds_voxels(&self) -> bool {
        let bits = self.header.dim[1..].iter().take(self.header.dim[0].clamp(0, 7) as usize);
        let voxels = bits.fold(self.header.bitpix as f64 / 8.0, |n, &d| n * d as f64);
        let size = self.file.identity.size;
        let most = if self.packing == Packing::Plain { size } else { size.saturating_mul(MAX_RATIO) };
        self.header.vox_offset + voxels <= most as f64
    }
}

fn missing_partner(path: &Path) -> Error {
    let other = container::pair_for_writing(path)
        .map(|(h, v)| if container::half_of_pair(path) == Some(Half::Header) { v } else { h });
    Error::io(
        &other.unwrap_or_else(|| path.into()),
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("the other file of the pair {} is missing", path.display()),
        ),
    )
}

fn finish_single(path: &Path, start: Start, counts: Arc<Counts>) -> Result<VolumeFile> {
    let mut meaning = interpret(&start.header, path, true)?;
    if !start.header.is_single() {
        if start.header.vox_offset < start.header.version.first_voxel() as f64 {
            return Err(Error::format(path, MAGIC, "that of a .hdr/.img pair", "that of a single file"));
        }
        meaning.meta.warnings.push("the magic is that of a pair; the voxels are taken from this file".into());
    }
    let format = if start.header.version == Version::One { "nifti1" } else { "nifti2" };
    let (voxels, packing) = (start.file.clone(), start.packing);
    finish(path, start, meaning, voxels, packing, format, counts)
}

fn finish_pair(path: &Path, start: Start, voxels: &Path, counts: &Arc<Counts>) -> Result<VolumeFile> {
    let meaning = interpret(&start.header, start.file.path(), false)?;
    let (disk, handle) = DiskFile::open(voxels, counts)?;
    let mut mark = [0; 64];
    let n = handle.read_at_most(&mut mark, 0)?;
    // The name counts here as well: raw voxels may begin with any two bytes.
    let named_gz = voxels.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    let fits_plain = disk.identity.size >= meaning.first_voxel.saturating_add(meaning.voxel_bytes);
    let packing = if named_gz || !fits_plain { Packing::of(&mark[..n]) } else { Packing::Plain };
    let format = if start.header.version == Version::One { "nifti1 pair" } else { "nifti2 pair" };
    finish(path, start, meaning, disk, packing, format, Arc::clone(counts))
}

/// Checks the voxels against the file's size and puts the parts together.
fn finish(
    path: &Path,
    start: Start,
    mut meaning: Meaning,
    voxels: DiskFile,
    packing: Packing,
    format: &'static str,
    counts: Arc<Counts>,
) -> Result<VolumeFile> {
    let end = meaning.first_voxel.saturating_add(meaning.voxel_bytes);
    let size = voxels.identity.size;
    let compressed = packing != Packing::Plain;
    if compressed && end > size.saturating_mul(MAX_RATIO) {
        let what = format!("a volume of {:?} {} in {size} compressed bytes", meaning.shape, meaning.dtype);
        return Err(Error::limit(voxels.path(), what, end, size.saturating_mul(MAX_RATIO)));
    }
    if !compressed && end > size {
        return Err(Error::format(
            voxels.path(),
            "the file's size",
            format!("{size} bytes"),
            format!("at least {end} bytes for {:?} {} voxels", meaning.shape, meaning.dtype),
        ));
    }
    let length = start.header.version.header_bytes();
    if let Some(&flag) = start.bytes.get(length)
        && flag != 0
    {
        let region = start.bytes.get(length + 4..).unwrap_or(&[]);
        meaning.meta.extensions = parse_extensions(region, start.header.order, &mut meaning.meta.warnings);
    }
    let name = if start.header.version == Version::One { "nifti1" } else { "nifti2" };
    meaning.meta.original = Some((name, start.bytes[..length].into()));
    let meta = Arc::new(std::mem::take(&mut meaning.meta));
    let header = start.header;
    let header_file = (start.file.identity != voxels.identity).then_some(start.file);
    let members = Mutex::new(Members::default());
    let path = path.into();
    let inner = Inner {
        path,
        header_file,
        voxels,
        packing,
        members,
        header,
        meaning,
        meta,
        format,
        counts,
        visited: AtomicBool::default(),
        seal: None,
    };
    Ok(VolumeFile::new(inner))
}

/// Reads header and extensions.
fn read_start(path: &Path, counts: &Arc<Counts>) -> Result<Start> {
    let (file, handle) = DiskFile::open(path, counts)?;
    let mut first = vec![0; FIRST_READ.min(usize::try_from(handle.size).unwrap_or(FIRST_READ))];
    let n = handle.read_at_most(&mut first, 0)?;
    first.truncate(n);
    let packing = Packing::of(&first);
    let compressed = packing != Packing::Plain;
    let mut stream = GzipStream::new(&handle, if compressed { std::mem::take(&mut first) } else { vec![] });
    let mut bytes = if compressed {
        // No more than there is to be: the next byte may be in the next member.
        let mut start = Vec::new();
        for version in [Version::One, Version::Two] {
            if Header::parse(&start).is_none() {
                let (old, new) = (start.len(), version.first_voxel() as usize);
                start.resize(new, 0);
                let n = stream.read(&mut start[old..])?;
                start.truncate(old + n);
            }
        }
        start
    } else {
        first
    };
    let header = Header::parse(&bytes).ok_or_else(|| no_nifti(path, &bytes))?;
    let length = header.version.header_bytes();
    let has_extensions = bytes.get(length).is_some_and(|&flag| flag != 0);
    let end = extension_end(path, &header, if compressed { None } else { Some(handle.size) })?;
    if has_extensions && end > bytes.len() as u64 {
        if compressed {
            // In steps: what the header claims is not what the stream holds.
            while (bytes.len() as u64) < end {
                let step = (end - bytes.len() as u64).min(64 << 10) as usize;
                let old = bytes.len();
                bytes.resize(old + step, 0);
                let n = stream.read(&mut bytes[old..])?;
                if n < step {
                    bytes.truncate(old + n);
                    break;
                }
            }
        } else {
            let old = bytes.len();
            bytes.resize(usize::try_from(end).unwrap_or(usize::MAX), 0);
            handle.read_exact_at(&mut bytes[old..], old as u64)?;
        }
    }
    if packing == Packing::Members {
        // Nothing else reads the header's member to its end.
        stream.verify_member()?;
    }
    bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX).max(length));
    Ok(Start { file, packing, header, bytes })
}

/// Where the extensions end: at the voxels, or in a pair at the header file's end.
fn extension_end(path: &Path, h: &Header, size: Option<u64>) -> Result<u64> {
    let lowest = h.version.first_voxel();
    let end = match (h.is_single() && h.vox_offset >= lowest as f64, size) {
        (true, None) => h.vox_offset as u64,
        (true, Some(size)) => (h.vox_offset as u64).min(size),
        (false, Some(size)) if !h.is_single() => size,
        (false, None) if !h.is_single() => MAX_EXTENSIONS,
        _ => lowest,
    };
    if end - lowest.min(end) > MAX_EXTENSIONS {
        return Err(Error::limit(path, "the header's extensions", end - lowest, MAX_EXTENSIONS));
    }
    Ok(end)
}

/// Why bytes are no NIfTI header.
fn no_nifti(path: &Path, bytes: &[u8]) -> Error {
    if let Some(what) = container::foreign(bytes) {
        return Error::unsupported(path, what, "this version reads NIfTI-1 and NIfTI-2");
    }
    if bytes.len() < 348 {
        return Error::format(
            path,
            "the file's size",
            format!("{} bytes", bytes.len()),
            "at least the 348 of a NIfTI-1 header",
        );
    }
    if matches!(bytes[..4], [0x5c, 1, 0, 0] | [0, 0, 1, 0x5c]) && bytes[344..348] == [0; 4] {
        let what = "an ANALYZE 7.5 header without NIfTI's magic";
        return Error::unsupported(path, what, "its orientation is not defined; convert it to NIfTI");
    }
    let shown = |b: &[u8]| b.escape_ascii().to_string();
    Error::format(
        path,
        MAGIC,
        format!("\"{}\" at byte 344, \"{}\" at byte 4", shown(&bytes[344..348]), shown(&bytes[4..8])),
        "\"n+1\" or \"ni1\" at byte 344, or \"n+2\" or \"ni2\" at byte 4",
    )
}
