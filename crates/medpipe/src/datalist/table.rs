//! Tables: one case to a row, its keys in the columns' names.

use std::path::Path;

use serde_json::{Map, Value};

use super::entry::Place;
use crate::{Error, Result};

/// A table's rows as entries. Empty cells are absent; what JSON would read as a number is one, so that `007` stays a text. A column that is there several times
/// is a list: the channels of one volume.
pub(super) fn entries(path: &Path, delimiter: u8) -> Result<Value> {
    let place = Place { file: Some(path), section: None };
    let unread = |e: csv::Error| place.wrong(None, None, e, "a table with a row of names");
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_path(path).map_err(|e| {
            match e.into_kind() {
                csv::ErrorKind::Io(source) => Error::from(medio::Error::Io { path: path.into(), source }),
                kind => place.wrong(None, None, format!("{kind:?}"), "a table with a row of names"),
            }
        })?;
    let names: Vec<String> = reader.headers().map_err(unread)?.iter().map(str::to_owned).collect();
    if let Some(n) = names.iter().position(String::is_empty) {
        return Err(place.wrong(
            None,
            None,
            format!("no name for column {}", n + 1),
            "a name for each column",
        ));
    }
    let mut rows = vec![];
    for (n, row) in reader.records().enumerate() {
        let row = row.map_err(unread)?;
        let mut entry = Map::new();
        for (name, cell) in names.iter().zip(&row) {
            let several = names.iter().filter(|other| *other == name).count() > 1;
            let value = if several { Value::Array(vec![cell.into()]) } else { of_cell(name, cell) };
            match (entry.get_mut(name), value) {
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (_, value) => drop(entry.insert(name.clone(), value)),
            }
        }
        for (name, value) in &mut entry {
            let Value::Array(list) = value else { continue };
            let empty = list.iter().filter(|cell| *cell == "").count();
            if empty == list.len() {
                *value = Value::Null;
            } else if empty > 0 {
                let found = format!("{empty} empty of {} cells", list.len());
                return Err(place.wrong(Some(n + 1), Some(name), found, "all of its channels, or none"));
            }
        }
        rows.push(Value::Object(entry));
    }
    Ok(Value::Array(rows))
}

fn of_cell(name: &str, cell: &str) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    let number = serde_json::from_str::<serde_json::Number>(cell).ok().filter(|_| name != "id");
    number.map_or_else(|| cell.into(), Value::Number)
}
