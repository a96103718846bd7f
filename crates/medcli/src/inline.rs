//! Transforms written as words: `resample:spacing=1.5,interpolation=nearest`.

use medpipe::{Node, find, yaml};
use serde_json::{Map, Value};

use crate::failure::{Failure, Outcome};

/// One transform: `name`, `name:value` (the main parameter) or `name:parameter=value,...`. Values are YAML; commas without a new parameter make a list.
pub(crate) fn node(word: &str) -> Outcome<Node> {
    let (name, rest) = word.split_once(':').unwrap_or((word, ""));
    let usage = |e: medpipe::Error| Failure::Usage(format!("{word}: {e}"));
    let entry = find(name.trim()).map_err(|_| unknown(word, name))?;
    let mut map = Map::new();
    for (parameter, texts) in parameters(rest) {
        let parameter = match parameter {
            Some(p) => p,
            None => entry.main.ok_or_else(|| {
                let names = entry.parameters().join("=, ");
                Failure::Usage(format!("{word}: {name} has no main parameter; write {names}="))
            })?,
        };
        let values = texts.into_iter().map(|t| value(word, t)).collect::<Outcome<Vec<_>>>()?;
        let value = if let [only] = &values[..] { only.clone() } else { Value::Array(values) };
        if map.insert(parameter.to_owned(), value).is_some() {
            return Err(Failure::Usage(format!("{word}: {parameter} is given twice")));
        }
    }
    Node::new(entry.name, Value::Object(map)).map_err(usage)
}

fn unknown(word: &str, name: &str) -> Failure {
    let near = match find(name) {
        Err(medpipe::Error::Spec { expected, .. }) => expected,
        _ => "a transform's name".into(),
    };
    Failure::Usage(format!(
        "{word}: no transform is called {name:?}; expected {near}; see medoxide transforms"
    ))
}

/// A value as YAML reads it.
fn value(word: &str, text: &str) -> Outcome<Value> {
    yaml(text).map_err(|_| {
        Failure::Usage(format!(
            "{word}: {text:?} is no value; write a number, a word, [a, b] or {{name: value}}"
        ))
    })
}

/// `a=1,b=2,3` as `a` with one value and `b` with two; what comes before any `=` has no name.
fn parameters(text: &str) -> Vec<(Option<&str>, Vec<&str>)> {
    let mut out: Vec<(Option<&str>, Vec<&str>)> = vec![];
    for part in split(text) {
        match (named(part), out.last_mut()) {
            (Some((name, value)), _) => out.push((Some(name), vec![value])),
            (None, Some((_, values))) => values.push(part),
            (None, None) => out.push((None, vec![part])),
        }
    }
    out
}

/// `name=value`, if it begins like that.
fn named(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    let name = name.trim();
    let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.then_some((name, value.trim()))
}

/// Parts between the commas that stand in no bracket or quotation.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut quote, mut start) = (vec![], 0i32, None, 0);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) => quote = (c != q).then_some(q),
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    if text.trim().is_empty() { vec![] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_what_a_pipeline_file_would_say() {
        for (word, yaml) in [
            ("reorient:RAS", "{reorient: RAS}"),
            ("flip:y", "{flip: y}"),
            ("resample:spacing=1.5", "{resample: {spacing: 1.5}}"),
            ("resample:1,1,2.5", "{resample: {spacing: [1, 1, 2.5]}}"),
            (
                "resample:spacing=1,1,2,interpolation=nearest",
                "{resample: {spacing: [1, 1, 2], interpolation: nearest}}",
            ),
            ("clamp:min=0,max=3", "{clamp: {min: 0, max: 3}}"),
            ("z_normalize", "{z_normalize: {}}"),
            ("z_normalize:mask={above: 10}", "{z_normalize: {mask: {above: 10}}}"),
            (
                "gaussian_noise:std={uniform: [0, 0.1]},p=0.5",
                "{gaussian_noise: {std: {uniform: [0, 0.1]}, p: 0.5}}",
            ),
            ("crop_or_pad:[128,128,96]", "{crop_or_pad: [128, 128, 96]}"),
        ] {
            let file = medpipe::Pipeline::from_yaml(&format!("medoxide: 1\ntransforms: [{yaml}]")).unwrap();
            assert_eq!(node(word).unwrap().to_value(), file.nodes()[0].to_value(), "{word}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (word, said) in [
            ("resampel:1", "resample"),
            ("clamp:3", "min="),
            ("clamp:min=0,min=1", "twice"),
            ("clamp:mox=1", "mox"),
            ("resample:[1,2", "no value"),
            ("resample:spacing=wide", "spacing"),
        ] {
            let text = node(word).unwrap_err().text();
            assert!(text.contains(said), "{word}: {text}");
        }
    }
}
