//! What every list must keep: a name for each case, no name twice, files that are there.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Place;
use super::{Case, Datalist, ListOptions, Missing};
use crate::{Error, Result};

/// Missing files that an error names.
const NAMED: usize = 5;

impl Datalist {
    /// The cases as a list: named, their names compared, their files looked for.
    pub(super) fn settled(
        mut cases: Vec<Case>,
        root: &Path,
        place: Place<'_>,
        options: &ListOptions,
    ) -> Result<Datalist> {
        name(&mut cases, root, place)?;
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (n, case) in cases.iter().enumerate() {
            if let Some(before) = seen.insert(&case.id, n) {
                let found = format!("{:?}, which is that of entry {} too", case.id, before + 1);
                let expected = "a name that no other entry has; entries with a key `id` are named by it";
                return Err(place.wrong(Some(n + 1), Some("id"), found, expected));
            }
        }
        if options.missing == Missing::Keep {
            return Ok(Datalist { cases });
        }
        let (whole, lacking): (Vec<Case>, Vec<Case>) =
            cases.into_iter().partition(|case| absent(case).next().is_none());
        if options.missing == Missing::Error && !lacking.is_empty() {
            return Err(not_there(&lacking, whole.len() + lacking.len()));
        }
        Ok(Datalist { cases: whole })
    }
}

/// The items of a case whose file is not there, with it.
fn absent(case: &Case) -> impl Iterator<Item = (&str, &PathBuf)> {
    case.files().filter(|(_, path)| !path.exists())
}

fn not_there(lacking: &[Case], of: usize) -> Error {
    let all = || lacking.iter().flat_map(|case| absent(case).map(move |(item, path)| (case, item, path)));
    let Some((case, item, path)) = all().next() else { return Error::spec("datalist", "files", "files") };
    let others = all().count() - 1;
    let mut text = format!("no such file ({} of {of} cases lack files", lacking.len());
    for (n, (_, _, path)) in all().skip(1).take(NAMED).enumerate() {
        text += if n == 0 { "; also " } else { ", " };
        text += &path.display().to_string();
    }
    text += if others > NAMED { ", ...)" } else { ")" };
    let source = io::Error::new(io::ErrorKind::NotFound, text);
    Error::from(medio::Error::Io { path: path.clone(), source }).of_item(&case.id, item)
}

/// Names cases that have no name by their first file, as other machines would.
fn name(cases: &mut [Case], root: &Path, place: Place<'_>) -> Result<()> {
    let inside = |path: &Path| !root.as_os_str().is_empty() && path.starts_with(root);
    let outside = |path: &&PathBuf| path.is_absolute() && !inside(path);
    let unnamed = cases.iter().filter(|case| case.id.is_empty()).filter_map(|case| case.paths().next());
    let folders = unnamed.filter(outside).map(|path| path.parent().unwrap_or(path).to_path_buf());
    let common = folders.reduce(common);
    for (n, case) in cases.iter_mut().enumerate().filter(|(_, case)| case.id.is_empty()) {
        let Some(path) = case.paths().next() else {
            let expected = "a key `id`, or a file to be named by";
            return Err(place.wrong(Some(n + 1), None, "neither a name nor a file", expected));
        };
        let below = match &common {
            _ if inside(path) => path.strip_prefix(root),
            Some(folder) => path.strip_prefix(folder),
            None => Ok(path.as_path()),
        };
        let parts = below.unwrap_or(path).components().map(|c| c.as_os_str().to_string_lossy());
        case.id = parts.collect::<Vec<_>>().join("/");
    }
    Ok(())
}

/// The folder that both have in common.
fn common(a: PathBuf, b: PathBuf) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}
