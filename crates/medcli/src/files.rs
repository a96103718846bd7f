//! Volume files named by themselves or by their folder, and where their results go.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::failure::{Failure, Outcome};

/// What a volume's file ends in; of a pair the header stands for both.
const ENDINGS: [&str; 4] = [".nii", ".nii.gz", ".hdr", ".hdr.gz"];

/// A volume file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Its path below the folder that was named; its name alone if it was named itself.
    below: PathBuf,
}

/// The files that are named, in this order; of a folder all volumes in it and below, by name. What is hidden is passed over.
pub(crate) fn volumes(words: &[PathBuf]) -> Outcome<Vec<Found>> {
    let mut out = vec![];
    for word in words {
        if !word.is_dir() {
            let Some(name) = word.file_name() else {
                return Err(Failure::Usage(format!("{} names no file", word.display())));
            };
            out.push(Found { path: word.clone(), below: name.into() });
            continue;
        }
        let before = out.len();
        let shown = |name: &std::ffi::OsStr| !name.as_encoded_bytes().starts_with(b".");
        let walk = WalkDir::new(word).follow_links(true).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|e| e.depth() == 0 || shown(e.file_name())) {
            let entry = entry.map_err(|e| Failure::Failed(format!("{e}; check who may read it")))?;
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            if entry.file_type().is_file()
                && ENDINGS.iter().any(|e| name.ends_with(e))
                && let Ok(below) = entry.path().strip_prefix(word)
            {
                out.push(Found { path: entry.path().into(), below: below.into() });
            }
        }
        if out.len() == before {
            let endings = ENDINGS.join(", ");
            return Err(Failure::Failed(format!("{}: no volume files ({endings}) in it", word.display())));
        }
    }
    Ok(out)
}

/// Where results go in a folder: under the inputs' names and folders, ended otherwise if asked. Two of one name, and an input as its own
/// result, are refused.
pub(crate) fn into_folder(
    inputs: &[Found],
    folder: &Path,
    ending: Option<&str>,
) -> Outcome<Vec<(PathBuf, PathBuf)>> {
    let mut taken: HashMap<PathBuf, &Path> = HashMap::new();
    let mut out = vec![];
    for Found { path, below } in inputs {
        let target = match ending {
            Some(ending) => folder.join(ended(below, ending)),
            None => folder.join(below),
        };
        if let Some(other) = taken.insert(target.clone(), path) {
            let both =
                format!("{} and {} would both become {}", other.display(), path.display(), target.display());
            return Err(Failure::Usage(format!("{both}; name them one by one")));
        }
        if same(&target, path) {
            return Err(Failure::Usage(format!(
                "{} would be replaced by its result; choose another -o",
                path.display()
            )));
        }
        out.push((path.clone(), target));
    }
    Ok(out)
}

/// Makes the folders of files to be written.
pub(crate) fn make_folders<'a>(outputs: impl Iterator<Item = &'a PathBuf>) -> Outcome {
    for folder in outputs.filter_map(|o| o.parent()).filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| {
            Failure::Failed(format!("{}: {e}; choose another folder with -o", folder.display()))
        })?;
    }
    Ok(())
}

/// Whether two paths are one existing file.
pub(crate) fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// A path with another ending in place of the one that makes it a volume's.
fn ended(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let endings = ENDINGS.iter().chain(&[".img", ".img.gz"]);
    let old = endings.filter(|e| lower.ends_with(**e)).map(|e| e.len()).max().unwrap_or(0);
    path.with_file_name(format!("{}.{ending}", &name[..name.len() - old]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_replaced_whole() {
        for (path, wanted) in
            [("a/b.nii.gz", "a/b.nii"), ("B.NII", "B.nii"), ("s.1.hdr", "s.1.nii"), ("odd", "odd.nii")]
        {
            assert_eq!(ended(Path::new(path), "nii"), Path::new(wanted));
        }
    }
}
