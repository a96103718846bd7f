//! What an entry is made of, written out: equal texts, equal voxels.

use std::path::PathBuf;

use medcore::Error;
use medio::{Fingerprint, VolumeFile};
use serde_json::{Value, json};

use crate::lazy::{Applied, Begun};
use crate::{LazyVolume, Node, Pipeline, Result};

/// Raised with every change of any result, by one bit or more, of reading or of a transform: older entries are then made again. The package's version is part
/// of the key as well.
const RESULTS: u32 = 1;

/// The text of what a volume was made of.
pub(super) fn of_volume(volume: &LazyVolume) -> Result<String> {
    Ok(versioned(made_of(volume)?))
}

/// The text of what a pipeline's first transforms make of a sample's items, for one of them.
pub(super) fn of_item(
    items: &[(&str, &LazyVolume)],
    pipeline: &Pipeline,
    first: usize,
    item: &str,
) -> Result<String> {
    let items: Vec<Value> = items
        .iter()
        .map(|(name, volume)| Ok(json!({ "name": name, "volume": made_of(volume)? })))
        .collect::<Result<_>>()?;
    let nodes = &pipeline.nodes()[..first];
    nodes.iter().try_for_each(settled)?;
    Ok(versioned(json!({
        "items": items,
        "transforms": nodes.iter().map(Node::to_value).collect::<Vec<_>>(),
        "fuse": pipeline.fuses(),
        "on_mismatch": pipeline.on_mismatch(),
        "item": item,
    })))
}

/// The text of files as they are now, and of all that results of them depend on besides what is done to them; and their canonical paths.
pub(crate) fn of_files(files: &[&VolumeFile]) -> Result<(Vec<PathBuf>, String)> {
    let (paths, prints) = fingerprints(files)?;
    Ok((paths, versioned(prints)))
}

/// What was done to the files of a volume.
pub(crate) fn of_steps(volume: &LazyVolume) -> Result<Value> {
    let (Some(origin), Some(history)) = (&volume.origin, &volume.history) else {
        let found = "a volume that is not files with steps alone (an array, frames, a stack of computed volumes, \
                     one patch of several)";
        return Err(refused(found, "what is kept is named by its file; save the volume and load it"));
    };
    let steps = history.iter().map(step).collect::<Result<Vec<_>>>()?;
    let stack: Vec<Value> = match &origin.from {
        Begun::File { .. } => vec![],
        Begun::Stack(parts) => parts.iter().map(of_steps).collect::<Result<_>>()?,
    };
    Ok(json!({ "stack": stack, "role": volume.role().to_string(), "steps": steps }))
}

fn versioned(made_of: Value) -> String {
    json!({ "medoxide": env!("CARGO_PKG_VERSION"), "results": RESULTS, "made_of": made_of }).to_string()
}

fn refused(found: impl Into<String>, hint: &str) -> crate::Error {
    Error::Unsupported { what: "a cache".into(), found: found.into(), hint: hint.into() }.into()
}

/// A volume's files and steps.
fn made_of(volume: &LazyVolume) -> Result<Value> {
    let mut made_of = of_steps(volume)?;
    made_of["files"] = fingerprints(&volume.files())?.1;
    Ok(made_of)
}

/// The canonical paths of files, and what tells their content from others.
fn fingerprints(files: &[&VolumeFile]) -> Result<(Vec<PathBuf>, Value)> {
    // Any bytes of a path, each told from all others.
    let one = |f: Fingerprint| json!([format!("{:?}", f.path), f.size, f.mtime_ns.to_string(), f.tail]);
    let (mut paths, mut all) = (vec![], vec![]);
    for file in files {
        let prints = file.fingerprints()?;
        paths.extend(prints.first().map(|f| f.path.clone()));
        all.extend(prints.into_iter().map(one));
    }
    Ok((paths, all.into()))
}

fn step(step: &Applied) -> Result<Value> {
    match step {
        Applied::Transform(node, _) => {
            settled(node)?;
            Ok(node.to_value())
        }
        Applied::Slice(axes) => Ok(json!({ "slice": axes })),
        Applied::Cached(_) => Ok(json!("cached")),
        Applied::Pipeline { pipeline, .. } => {
            pipeline.nodes().iter().try_for_each(settled)?;
            let nodes: Vec<Value> = pipeline.nodes().iter().map(Node::to_value).collect();
            // No interpolation is joined across a cache.
            Ok(json!({ "pipeline": nodes, "fuse": pipeline.fuses(), "cached": pipeline.cache().is_some() }))
        }
    }
}

/// Whether a node does the same at every visit, and in every process.
pub(crate) fn settled(node: &Node) -> Result<()> {
    if node.is_random() {
        let hint = "its draws differ from visit to visit; cache what comes before it";
        return Err(refused(format!("the random {}", node.name), hint));
    }
    if !node.is_of_catalog() {
        let hint = "what it does may change without its name; cache what comes before it";
        return Err(refused(format!("{}, a transform of the caller's own", node.name), hint));
    }
    Ok(())
}
