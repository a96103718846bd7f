//! `medoxide transforms`: what there is, and what each one takes.

use std::fmt::Write;

use medcore::Category;
use medpipe::{Entry, GroupEntry, catalog, find, groups};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::schema::{choices, plain, words};
use crate::terminal::{emit, wrapped};

/// List the transforms, or explain one with its parameters
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A transform's name
    name: Option<String>,
    /// The JSON schema of the parameters instead
    #[arg(long, requires = "name")]
    schema: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let Some(name) = &args.name else { return emit(&list()) };
    if let Some(group) = groups().iter().find(|g| g.name == name || g.class == *name) {
        return if args.schema { emit(&format!("{:#}\n", group.schema)) } else { emit(&group_page(group)) };
    }
    let entry = find(name).map_err(|e| match e {
        medpipe::Error::Spec { expected, .. } => Failure::Failed(format!(
            "no transform is called {name:?}; expected {expected}; see medoxide transforms"
        )),
        e => e.into(),
    })?;
    if args.schema { emit(&format!("{:#}\n", entry.schema)) } else { emit(&page(entry)) }
}

fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// The first sentence of a text.
fn first_sentence(text: &str) -> String {
    let line = text.split("\n\n").next().unwrap_or(text).replace('\n', " ");
    line.find(". ").map_or(line.clone(), |end| line[..=end].to_owned())
}

fn list() -> String {
    let mut out = String::new();
    for (category, title) in [
        (Category::Spatial, "Spatial: every item of a sample moves together"),
        (Category::Intensity, "Intensity: images only"),
        (Category::Artefact, "Artefacts of the scanner: images only"),
        (Category::Label, "Labels"),
        (Category::Map, "Maps: of probabilities or weights"),
        (Category::Channels, "Channels and frames: images only"),
        (Category::Items, "Items: several images become one"),
    ] {
        let members: Vec<&Entry> = catalog().iter().filter(|e| e.category == category).collect();
        if members.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{title}");
        for e in members {
            out.push_str(&line(e.name, &e.schema));
        }
        out.push('\n');
    }
    out.push_str("Groups: hold other transforms, in pipeline files\n");
    for g in groups() {
        out.push_str(&line(g.name, &g.schema));
    }
    out.push('\n');
    out.push_str("medoxide transforms NAME explains one.\n");
    out
}

/// A name and what it is for.
fn line(name: &str, schema: &Value) -> String {
    format!("  {name:<24}{}", wrapped(&first_sentence(description(schema)), 26).trim_start())
}

/// A page's parameters; `named` collects the types that are explained at its end.
fn parameters(root: &Value, named: &mut Vec<String>) -> String {
    let mut out = String::new();
    let required: Vec<&str> =
        root["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, schema) in root["properties"].as_object().into_iter().flatten() {
        let unit =
            schema.get("x-unit").and_then(Value::as_str).map(|u| format!(" in {u}")).unwrap_or_default();
        let default = match schema.get("default") {
            _ if required.contains(&name.as_str()) => "required".into(),
            None | Some(Value::Null) => "not set by default".into(),
            Some(v) => format!("default {}", plain(v)),
        };
        let kind = words(schema, root, named);
        let _ = writeln!(out, "  {name}: {kind}{unit}; {default}");
        out.push_str(&wrapped(description(schema), 6));
        for (choice, meaning) in choices(schema, root) {
            out.push_str(&wrapped(&format!("{choice}: {meaning}"), 8));
        }
    }
    out
}

/// The types that a page names.
fn types(root: &Value, named: &[String]) -> String {
    let one = |n: &String| format!("\n{n}\n{}", wrapped(description(&root["$defs"][n.as_str()]), 2));
    named.iter().map(one).collect()
}

fn group_page(group: &GroupEntry) -> String {
    let mut named = vec![];
    let mut out = format!("{}  (class {} in Python)\n\n", group.name, group.class);
    out.push_str(&wrapped(description(&group.schema), 2));
    out.push_str("\nParameters\n  transforms: [transform, ...]; required\n");
    out.push_str(&wrapped("The transforms inside.", 6));
    out.push_str(&parameters(&group.schema, &mut named));
    let p = if group.name == "maybe" { "required" } else { "default 1" };
    let _ = write!(out, "  p: number; {p}\n{}", wrapped("Probability that any of it happens.", 6));
    let id = "Name of its draws and of those inside; its name and occurrence if not set.";
    let _ = write!(out, "  id: text; not set by default\n{}", wrapped(id, 6));
    out + &types(&group.schema, &named)
}

fn page(entry: &Entry) -> String {
    let root = &entry.schema;
    let mut named = vec![];
    let mut out = format!("{}  (class {} in Rust and Python)\n\n", entry.name, entry.class);
    out.push_str(&wrapped(description(root), 2));
    let _ = write!(out, "\n{}", wrapped(&entry.peers_in_words(), 2));
    out.push_str("\nParameters\n");
    out.push_str(&parameters(root, &mut named));
    out.push_str("\nEvery transform also takes\n");
    let mut header = vec![
        ("p: number; default 1", "Probability that it is applied."),
        (
            "keys: text | [text, ...]; not set by default",
            "Items of the sample that it touches; by their roles if not set.",
        ),
        (
            "id: text; not set by default",
            "Name of its random draws, so that they survive edits of the pipeline; its name and occurrence if not set.",
        ),
    ];
    if matches!(entry.category, Category::Intensity | Category::Artefact) {
        header.push((
            "per_channel: true | false | number | [integer, ...]; default false",
            "Whether each channel draws for itself; the probability that a channel is touched; or the channels that are.",
        ));
    }
    for (name, text) in header {
        let _ = write!(out, "  {name}\n{}", wrapped(text, 6));
    }
    out.push_str(&types(root, &named));
    if let Some(main) = entry.main {
        let text = format!(
            "`{}: VALUE` in a pipeline file, or {}:VALUE on the command line, sets {main}.",
            entry.name, entry.name
        );
        let _ = write!(out, "\n{}", wrapped(&text, 0));
    }
    out
}
