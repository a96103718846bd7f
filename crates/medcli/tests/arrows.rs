//! Which crate may lean on which: the table of ARCHITECTURE.md, held against what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::MetadataCommand;

/// Crates and those of ours they may depend on, at build time and in tests alike.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("medkernels", &[]),
    ("medcore", &["medkernels"]),
    ("medio", &["medcore", "medkernels"]),
    ("medaug", &["medcore", "medkernels"]),
    ("medpipe", &["medaug", "medio", "medcore", "medkernels"]),
    ("medcli", &["medpipe", "medaug", "medio", "medcore", "medkernels"]),
    ("medoxide-python", &["medpipe", "medaug", "medio", "medcore", "medkernels"]),
    ("profiling", &["medpipe", "medaug", "medio", "medcore", "medkernels"]),
];

#[test]
fn arrows_point_down() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    assert_eq!(
        ours,
        allowed.keys().copied().collect(),
        "a crate came or went: change the table here and in ARCHITECTURE.md"
    );
    let mut seen = 0;
    for package in &packages {
        for dependency in package.dependencies.iter().filter(|d| ours.contains(d.name.as_str())) {
            seen += 1;
            assert!(
                allowed[package.name.as_str()].contains(&dependency.name.as_str()),
                "{} must not lean on {}",
                package.name,
                dependency.name
            );
        }
    }
    assert!(seen >= 10, "only {seen} arrows were found; is the workspace whole?");
}
