//! Types of parameters in words, from the catalog's schemas.

use serde_json::Value;

/// A parameter's type: `number`, `linear | nearest`, `[integer, integer, integer]`. `named` collects the types that are explained elsewhere.
pub(crate) fn words(schema: &Value, root: &Value, named: &mut Vec<String>) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) {
        if name == "Dist" {
            if !named.contains(&name.to_owned()) {
                named.push(name.to_owned());
            }
            return name.into();
        }
        return words(&root["$defs"][name], root, named);
    }
    if let Some(v) = schema.get("const") {
        return plain(v);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return list.iter().map(plain).collect::<Vec<_>>().join(" | ");
    }
    if let Some(list) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let mut all: Vec<String> = vec![];
        for s in list {
            let w = words(s, root, named);
            if w != "null" && !all.contains(&w) {
                all.push(w);
            }
        }
        // The plain value before the list of three.
        all.sort_by_key(|w| w.starts_with('['));
        return all.join(" | ");
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(s)) => vec![s],
        Some(Value::Array(a)) => a.iter().filter_map(Value::as_str).filter(|k| *k != "null").collect(),
        _ => vec![],
    };
    kinds.iter().map(|kind| one(kind, schema, root, named)).collect::<Vec<_>>().join(" | ")
}

fn one(kind: &str, schema: &Value, root: &Value, named: &mut Vec<String>) -> String {
    match kind {
        "string" => "text".into(),
        "boolean" => "true | false".into(),
        "array" => {
            let item = words(&schema["items"], root, named);
            let item = if item.contains(" | ") { format!("({item})") } else { item };
            match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
                (Some(n), Some(m)) if n == m => format!("[{}]", vec![item; n as usize].join(", ")),
                _ => format!("[{item}, ...]"),
            }
        }
        "object" => {
            let parts = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let parts: Vec<_> = parts.map(|(k, v)| format!("{k}: {}", words(v, root, named))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        kind => kind.into(),
    }
}

/// A value as it is written in a pipeline file.
pub(crate) fn plain(v: &Value) -> String {
    match v {
        Value::String(s) => s.clone(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), |f| f.to_string()),
        Value::Array(a) => format!("[{}]", a.iter().map(plain).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The choices of a parameter and what each means.
pub(crate) fn choices<'a>(schema: &'a Value, root: &'a Value) -> Vec<(String, &'a str)> {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
    let schema = name.map_or(schema, |n| &root["$defs"][n]);
    let list = schema.get("oneOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|s| Some((words(s, root, &mut vec![]), s.get("description")?.as_str()?))).collect()
}
