//! Files made from the catalog are up to date. `MEDOXIDE_WRITE=1 cargo test -p medpipe --test generated` rewrites them.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod markdown;
mod methods;
mod python;
mod schema;

use std::path::Path;

/// Compares a generated text with the committed file, or rewrites the file.
fn check(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("MEDOXIDE_WRITE").is_some_and(|v| v == "1") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, made).unwrap();
        return;
    }
    let have = std::fs::read_to_string(&file).unwrap_or_default();
    let line = have.lines().zip(made.lines()).take_while(|(a, b)| a == b).count();
    assert!(
        have == made,
        "{path} is stale from line {} on; MEDOXIDE_WRITE=1 cargo test -p medpipe --test generated rewrites it\n\
         is:        {:?}\n\
         should be: {:?}",
        line + 1,
        have.lines().nth(line),
        made.lines().nth(line)
    );
}

#[test]
fn python_classes() {
    check("bindings/python/python/medoxide/transforms.py", &python::render());
}

#[test]
fn python_methods() {
    check("bindings/python/python/medoxide/_methods.py", &methods::render());
}

#[test]
fn reference_page() {
    check("docs/transforms.md", &markdown::render());
}

#[test]
fn every_transform_is_in_every_file() {
    let (classes, methods, page) = (python::render(), methods::render(), markdown::render());
    for e in medpipe::catalog() {
        assert!(classes.contains(&format!("\nclass {}(Transform):\n", e.class)), "{}", e.name);
        assert!(methods.contains(&format!("\n    def {}(\n", schema::method_name(e))), "{}", e.name);
        assert!(page.contains(&format!("\n### {}\n", e.name)), "{}", e.name);
    }
    for g in medpipe::groups() {
        assert!(classes.contains(&format!("\nclass {}(Group):\n", g.class)), "{}", g.name);
        assert!(page.contains(&format!("\n### {}\n", g.name)), "{}", g.name);
    }
}
