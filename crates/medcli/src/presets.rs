//! `medoxide presets`: recipes that others train with.

use std::fmt::Write;

use medpipe::{preset, presets, yaml};
use serde_json::Map;

use crate::failure::{Failure, Outcome};
use crate::terminal::{emit, wrapped};

/// List recipes that others train with, or print one as a pipeline file to be edited
///
/// Parameters are written into the file: `medoxide presets nnunet_v2 patch=[96,96,96] > train.yaml`; values are YAML.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A preset's name
    name: Option<String>,
    /// Parameters, each as NAME=VALUE
    #[arg(value_name = "NAME=VALUE", requires = "name")]
    parameters: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let Some(name) = &args.name else { return emit(&list()) };
    let mut given = Map::new();
    for word in &args.parameters {
        let wrong = || Failure::Usage(format!("{word}: expected NAME=VALUE, the value as YAML"));
        let (name, value) = word.split_once('=').ok_or_else(wrong)?;
        given.insert(name.trim().to_owned(), yaml(value).map_err(|_| wrong())?);
    }
    emit(&preset(name)?.file(&given)?)
}

fn list() -> String {
    let mut out = String::new();
    for p in presets() {
        let _ = write!(out, "{}\n{}", p.name, wrapped(p.about(), 2));
        for p in p.parameters() {
            let text = format!("{} = {}: {}", p.name, p.default, p.meaning);
            out.push_str(&wrapped(&text, 6));
        }
        out.push('\n');
    }
    out.push_str("medoxide presets NAME prints one as a pipeline file.\n");
    out
}
