//! Reads a volume file and writes it again: `cargo run -p medio --example resave -- IN OUT [as-is|int16|float16-private] [DTYPE]`.

use std::error::Error;

use medio::{SaveOptions, Storage};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (from, to) = (args.first().ok_or("no input")?, args.get(1).ok_or("no output")?);
    let storage = match args.get(2).map_or("as-is", String::as_str) {
        "as-is" => Storage::AsIs,
        "int16" => Storage::Int16,
        "float16-private" => Storage::Float16Private,
        other => return Err(format!("unknown storage {other}").into()),
    };
    let dtype = args.get(3).map(|d| d.parse()).transpose()?;
    let volume = medio::open(from)?.load()?;
    let report = medio::save(to, &volume, &SaveOptions { storage, dtype, ..SaveOptions::default() })?;
    eprintln!("{report:?}");
    Ok(())
}
