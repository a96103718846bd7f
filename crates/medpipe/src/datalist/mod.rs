//! What belongs together, patient by patient: lists of named files, of numbers and texts.

mod bids;
mod case;
mod entry;
mod file;
mod join;
mod nnunet;
mod pattern;
mod settle;
mod split;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

use medcore::Role;

pub use case::{Case, CaseItem};
pub use split::split_indices;

/// Cases in order, each with a name of its own.
///
/// They are read from a list of entries in code ([`Datalist::from_entries`]), a JSON, YAML or CSV file or a folder with a `dataset.json`
/// ([`Datalist::from_file`]), file names by pattern ([`Datalist::from_patterns`]), nnU-Net's raw folders ([`Datalist::from_nnunet`]), or BIDS datasets
/// ([`Datalist::from_bids`]).
///
/// **Names.** Random draws are named by a case's id, so it is the same on every machine: the entry's `id`, else its `case`, else its `subject` (with its
/// `session`), else its first file's path relative to the list's root. Files outside the root count from the folder that they all have in common. Patterns, nnU-Net folders and BIDS
/// datasets say below what their ids are. Two cases of one id are an error.
///
/// **Roles.** As given in [`ListOptions::roles`], else told by the key's name ([`Role::infer`]). Numbers, texts, lists of numbers and nested
/// objects go through to [`Case::passed`]; a volume's file under a key whose role is not known is an error.
///
/// ```
/// use medpipe::{Datalist, ListOptions, Missing};
/// use serde_json::json;
///
/// let entries = json!([
///     {"image": ["a/t1.nii.gz", "a/t2.nii.gz"], "label": "a/seg.nii.gz", "age": 61},
///     {"image": ["b/t1.nii.gz", "b/t2.nii.gz"], "label": null, "age": 47},
/// ]);
/// let options = ListOptions { root: Some("/data".into()), missing: Missing::Keep, ..ListOptions::default() };
/// let list = Datalist::from_entries(&entries, &options)?;
/// assert_eq!(list.cases[1].id, "b/t1.nii.gz");
/// assert_eq!(list.cases[1].paths().count(), 2);
/// assert_eq!(list.cases[0].passed["age"], 61);
/// # Ok::<(), medpipe::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Datalist {
    /// The cases.
    pub cases: Vec<Case>,
}

/// How a datalist is read.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// The folder that paths are relative to: that of the datalist's file if not given, else the current one.
    pub root: Option<PathBuf>,
    /// Roles of keys; `None` passes a key through.
    pub roles: BTreeMap<String, Option<Role>>,
    /// Which list of a file that has several: `training` if not given.
    pub section: Option<String>,
    /// What happens to cases whose files are not there.
    pub missing: Missing,
    /// Keys that every case found by pattern or in a BIDS dataset must have; all if not given. Other lists say themselves what a case has.
    pub required: Option<Vec<String>>,
}

/// What happens to cases whose files are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// An error that lists the first few.
    #[default]
    Error,
    /// They are left out.
    Skip,
    /// Nobody looks: opening them will fail.
    Keep,
}
