//! `medoxide info`: what a file's header says.

use std::fmt::Write;
use std::path::PathBuf;

use medcore::{SpaceUnit, Xform};
use medio::{ByteOrder, Division, VolumeFile};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome, complain};
use crate::terminal::{by, bytes, emit, number};

/// Show what the headers of files say; no voxel is read
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Volume files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a line for each file, every header field included; numbers that JSON lacks are texts
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut failed = false;
    for (n, path) in args.files.iter().enumerate() {
        match medio::open(path).and_then(|file| file.division().map(|division| (file, division))) {
            Ok((file, division)) if args.json => emit(&format!("{}\n", facts(&file, division)))?,
            Ok((file, division)) => {
                emit(&format!("{}{}", if n > 0 { "\n" } else { "" }, text(&file, division)))?;
            }
            Err(e) => {
                complain(&Failure::from(e).text());
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Name of a NIfTI space code.
fn space(x: &Xform) -> &'static str {
    match x.code {
        1 => "the scanner",
        2 => "another file it is aligned to",
        3 => "Talairach",
        4 => "MNI 152",
        5 => "a template",
        _ => "an unknown space",
    }
}

fn order(file: &VolumeFile) -> &'static str {
    match file.byte_order() {
        ByteOrder::Little => "little",
        ByteOrder::Big => "big",
    }
}

fn text(file: &VolumeFile, division: Option<Division>) -> String {
    let (grid, meta) = (file.grid(), file.meta());
    let unit = match meta.space_unit {
        SpaceUnit::Meter => "m",
        SpaceUnit::Micrometer => "um",
        _ => "mm",
    };
    let mut out = format!("{}\n", file.path().display());
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<14}{value}");
        }
    };
    let gzip = match division {
        None => "",
        Some(Division::Stream) => ", gzip stream",
        Some(Division::Members) => ", gzip in members",
        Some(Division::Bgzf) => ", bgzf",
        Some(_) => ", gzip in blocks",
    };
    line(
        "format",
        format!("{}{gzip}, {} endian, {}", file.format(), order(file), bytes(file.identity().size)),
    );
    line("shape", by(file.shape()));
    line("spacing", format!("{} {unit}", by(grid.spacing().map(|s| number(s, 6)))));
    line("field of view", format!("{} {unit}", by(grid.field_of_view().map(|s| number(s, 3)))));
    line("orientation", grid.orientation().to_string());
    let steps: Vec<_> = meta.steps.iter().map(|s| number(*s, 6)).collect();
    if !steps.is_empty() {
        line("steps beyond z", format!("{}, {:?}", steps.join(", "), meta.time_unit));
    }
    let stored = file.stored_dtype();
    match file.scale() {
        Some(s) => {
            line("voxels", format!("{stored} * {} + {}, read as {}", s.slope, s.intercept, file.dtype()));
        }
        None => line("voxels", stored.to_string()),
    }
    let rows = grid.affine.rows.map(|r| r.map(|v| format!("{:>12}", number(v, 5))).join(""));
    for (n, row) in rows.iter().enumerate() {
        line(if n == 0 { "affine" } else { "" }, row.clone());
    }
    match (&meta.sform, &meta.qform) {
        (Some(s), _) => line("placed by", format!("sform, code {}: {}", s.code, space(s))),
        (None, Some(q)) => line("placed by", format!("qform, code {}: {}", q.code, space(q))),
        (None, None) => line("placed by", "voxel sizes only; the header states no orientation".into()),
    }
    let [low, high] = meta.display_range;
    if low < high {
        line("display range", format!("{} to {}", number(low, 6), number(high, 6)));
    }
    if meta.intent.0 != 0 {
        line("intent", format!("{} {}", meta.intent.0, meta.intent.2));
    }
    line("description", meta.description.escape_default().to_string());
    for e in &meta.extensions {
        line("extension", format!("code {}, {}", e.code, bytes(e.data.len() as u64)));
    }
    for w in &meta.warnings {
        line("note", w.clone());
    }
    out
}

/// The facts as JSON.
fn facts(file: &VolumeFile, division: Option<Division>) -> Value {
    let (grid, meta) = (file.grid(), file.meta());
    let placed =
        |x: &Option<Xform>| x.as_ref().map(|x| json!({"code": x.code, "affine": real(&x.affine.rows)}));
    let fields = file.header().fields().into_iter().map(|(name, value)| {
        let value = match value {
            medio::nifti::FieldValue::Float(v) => real_number(v),
            medio::nifti::FieldValue::Floats(v) => v.into_iter().map(real_number).collect(),
            other => json!(other),
        };
        (name.to_owned(), value)
    });
    json!({
        "path": file.path().display().to_string(),
        "format": file.format(),
        "gzip": division.map(|d| d.to_string()),
        "byte_order": order(file),
        "file_bytes": file.identity().size,
        "shape": file.shape(),
        "spacing": grid.spacing().map(real_number),
        "orientation": grid.orientation().to_string(),
        "affine": real(&grid.affine.rows),
        "stored_dtype": file.stored_dtype().name(),
        "dtype": file.dtype().name(),
        "scale": file.scale().map(|s| json!({"slope": s.slope, "intercept": s.intercept})),
        "space_unit": format!("{:?}", meta.space_unit).to_lowercase(),
        "time_unit": format!("{:?}", meta.time_unit).to_lowercase(),
        "sform": placed(&meta.sform),
        "qform": placed(&meta.qform),
        "extensions": meta.extensions.iter().map(|e| json!({"code": e.code, "bytes": e.data.len()})).collect::<Vec<_>>(),
        "notes": meta.warnings,
        "header": fields.collect::<Map<_, _>>(),
    })
}

fn real(rows: &[[f64; 4]; 3]) -> Value {
    let mut all: Vec<Value> = rows.iter().map(|r| r.iter().map(|&v| real_number(v)).collect()).collect();
    all.push(json!([0, 0, 0, 1]));
    all.into()
}

/// A number, or its name where JSON has none.
fn real_number(v: f64) -> Value {
    if v.is_finite() { json!(v) } else { json!(v.to_string()) }
}
