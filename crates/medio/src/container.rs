//! Which file holds what: the name decides when writing, the content when reading.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What a name asks for when a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Container {
    /// `.hdr` and `.img` instead of one file.
    pub(crate) pair: bool,
    /// gzip.
    pub(crate) gzip: bool,
}

/// A name's parts: stem, and the format's suffix as spelled, and `.gz` as spelled.
fn split(name: &str) -> Option<(String, String, String)> {
    let dot = name.rfind('.')?;
    let (base, gz) = if name[dot..].eq_ignore_ascii_case(".gz") { name.split_at(dot) } else { (name, "") };
    let at = base.rfind('.')?;
    Some((base[..at].into(), base[at..].into(), gz.into()))
}

/// The container that a name asks for.
///
/// # Errors
/// [`Error::Unsupported`] for a name that ends in none of `.nii`, `.nii.gz`, `.hdr`, `.img`, `.hdr.gz`, `.img.gz`, in any case of letters.
pub(crate) fn for_writing(path: &Path) -> Result<Container> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, suffix, gz) = split(&name).unwrap_or_default();
    let gzip = !gz.is_empty();
    match suffix.to_ascii_lowercase().as_str() {
        ".nii" if !stem.is_empty() => Ok(Container { pair: false, gzip }),
        ".hdr" | ".img" if !stem.is_empty() => Ok(Container { pair: true, gzip }),
        _ => Err(Error::unsupported(
            path,
            match path.file_name() {
                Some(name) => format!("writing to the name {:?}", name.to_string_lossy()),
                None => "writing to a path without a file name".into(),
            },
            "end it in .nii, .nii.gz, .hdr, .img, .hdr.gz or .img.gz",
        )),
    }
}

/// Header and voxel file of a pair that is to be written, from either's name.
pub(crate) fn pair_for_writing(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let (stem, suffix, gz) = split(path.file_name()?.to_str()?)?;
    let upper = suffix.chars().skip(1).all(|c| c.is_ascii_uppercase());
    let [hdr, img] = if upper { [".HDR", ".IMG"] } else { [".hdr", ".img"] };
    Some((path.with_file_name(format!("{stem}{hdr}{gz}")), path.with_file_name(format!("{stem}{img}{gz}"))))
}

/// Whether a name ends in `.hdr` or `.img`, `.gz` or not, and in which.
pub(crate) fn half_of_pair(path: &Path) -> Option<Half> {
    let (_, suffix, _) = split(path.file_name()?.to_str()?)?;
    match suffix.to_ascii_lowercase().as_str() {
        ".hdr" => Some(Half::Header),
        ".img" => Some(Half::Voxels),
        _ => None,
    }
}

/// One of a pair's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Header,
    Voxels,
}

/// The other file of a pair that exists: same stem, compressed like this one if there is a choice.
pub(crate) fn partner(path: &Path) -> Option<PathBuf> {
    let (stem, suffix, gz) = split(path.file_name()?.to_str()?)?;
    let other = if suffix.eq_ignore_ascii_case(".hdr") { ["img", "IMG"] } else { ["hdr", "HDR"] };
    let upper = suffix.chars().skip(1).all(|c| c.is_ascii_uppercase());
    let spellings = if upper { [other[1], other[0]] } else { other };
    let gz_choices: [&str; 3] = if gz.is_empty() { ["", ".gz", ".GZ"] } else { [&gz, "", ".gz"] };
    for g in gz_choices {
        for s in spellings {
            let mut name = OsString::from(&stem);
            name.push(format!(".{s}{g}"));
            let candidate = path.with_file_name(name);
            if candidate.is_file() {
                return Some(candidate);
            }
        }
    }
    None
}

/// Formats that are recognised in order to be refused by name.
pub(crate) fn foreign(start: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 8] = [
        (b"BZh", "a bzip2 file"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (b"\xfd7zXZ", "an xz file"),
        (b"PK\x03\x04", "a zip file"),
        (b"NRRD", "an NRRD file"),
        (b"ObjectType", "a MetaImage file"),
        (b"\x89HDF", "an HDF5 or MINC file"),
        (b"\x00\x00\x00\x01\x00\x00", "an MGH file"),
    ];
    if start.get(128..132) == Some(b"DICM") {
        return Some("a DICOM file");
    }
    MARKS.iter().find(|(mark, _)| start.starts_with(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_the_container() {
        let c = |pair, gzip| Some(Container { pair, gzip });
        for (name, expected) in [
            ("a.nii", c(false, false)),
            ("a.NII.GZ", c(false, true)),
            ("a.b.nii.gz", c(false, true)),
            ("a.hdr", c(true, false)),
            ("a.img.gz", c(true, true)),
            ("a.mha", None),
            ("a.foo", None),
            ("a.gz", None),
            ("a", None),
            (".nii", None),
            ("nii.gz", None),
        ] {
            assert_eq!(for_writing(Path::new(name)).ok(), expected, "{name}");
        }
        let (h, i) = pair_for_writing(Path::new("d/A.IMG.gz")).unwrap();
        assert_eq!((h.to_str(), i.to_str()), (Some("d/A.HDR.gz"), Some("d/A.IMG.gz")));
    }
}
