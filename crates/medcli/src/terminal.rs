//! What is written to standard output, and numbers as people read them.

use std::io::Write;

use crate::failure::{Failure, Outcome};

/// Column at which text is wrapped.
const WIDTH: usize = 96;

/// Writes to standard output. A reader that has gone away (`| head`) ends the program quietly.
pub(crate) fn emit(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| match e.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::Quiet,
        _ => Failure::Failed(format!("standard output: {e}")),
    })
}

/// Bytes with a unit: `1.6 MB`.
pub(crate) fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        _ if n < 1e3 => format!("{n} bytes"),
        _ if n < 1e6 => format!("{:.1} kB", n / 1e3),
        _ if n < 1e9 => format!("{:.1} MB", n / 1e6),
        _ => format!("{:.2} GB", n / 1e9),
    }
}

/// A number with at most `digits` after the point.
pub(crate) fn number(v: f64, digits: usize) -> String {
    let text = format!("{v:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

/// `1 x 1 x 2.5`.
pub(crate) fn by<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|v| v.to_string()).collect::<Vec<_>>().join(" x ")
}

/// Text broken at spaces, each line after `indent` spaces; paragraphs (empty lines) stay.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    for paragraph in text.split("\n\n") {
        if !out.is_empty() {
            out.push('\n');
        }
        let mut column = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > WIDTH {
                out.push('\n');
                column = 0;
            }
            if column == 0 {
                out.push_str(&" ".repeat(indent));
                column = indent;
            } else {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (v, text) in [(1.0, "1"), (2.5, "2.5"), (-0.00001, "0"), (0.123456, "0.1235"), (1500.0, "1500")] {
            assert_eq!(number(v, 4), text);
        }
        assert_eq!(number(1500.0, 0), "1500");
        assert_eq!(bytes(1_617_531), "1.6 MB");
    }

    #[test]
    fn lines_are_wrapped_and_paragraphs_kept() {
        let text = wrapped(&format!("{}\n\nend", "word ".repeat(40)), 4);
        assert!(text.lines().all(|l| l.len() <= WIDTH && (l.is_empty() || l.starts_with("    "))), "{text}");
        assert!(text.ends_with("\n\n    end\n"));
    }
}
