//! Why the command ends without its result, on one line.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use crate::terminal::emit;

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Why a command stops.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not understood: exit code 2.
    Usage(String),
    /// It could not be done: exit code 1.
    Failed(String),
    /// Some of it could not be done, and was reported already: exit code 1.
    Reported,
    /// Help was asked for: exit code 0.
    Help(String),
    /// Nothing was asked for: help on standard error and exit code 2.
    Lost(String),
    /// Nobody listens any more.
    Quiet,
}

impl Failure {
    /// clap's several lines as one, with where to read on.
    pub(crate) fn of_clap(e: clap::Error) -> Failure {
        use clap::error::ErrorKind as Kind;
        let text = e.render().to_string();
        match e.kind() {
            Kind::DisplayHelp | Kind::DisplayVersion => return Failure::Help(text),
            Kind::DisplayHelpOnMissingArgumentOrSubcommand => {
                return Failure::Lost(text);
            }
            _ => {}
        }
        let said =
            text.split("\n\nUsage:").next().unwrap_or(&text).split("\n\nFor more").next().unwrap_or(&text);
        let command = text.split("Usage: ").nth(1).and_then(|u| u.split_whitespace().nth(1));
        let command =
            command.filter(|c| c.starts_with(|l: char| l.is_ascii_lowercase())).map(|c| format!("{c} "));
        let said =
            said.trim_start_matches("error: ").split("\n\n").map(one_line).collect::<Vec<_>>().join("; ");
        Failure::Usage(format!("{said}; see medoxide {}--help", command.unwrap_or_default()))
    }

    /// Prints what is to be said and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Failure::Help(text) => {
                return if emit(&text).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            }
            Failure::Lost(text) => {
                write_error(&text);
                return ExitCode::from(2);
            }
            Failure::Quiet => return ExitCode::SUCCESS,
            Failure::Reported => return ExitCode::from(1),
            Failure::Usage(text) => (text, 2),
            Failure::Failed(text) => (text, 1),
        };
        complain(&text);
        ExitCode::from(code)
    }

    /// The one line, without the program's name.
    pub(crate) fn text(&self) -> String {
        match self {
            Failure::Usage(t) | Failure::Failed(t) | Failure::Help(t) | Failure::Lost(t) => one_line(t),
            Failure::Reported | Failure::Quiet => String::new(),
        }
    }
}

/// Writes one line to standard error.
pub(crate) fn complain(text: &str) {
    write_error(&format!("medoxide: error: {}\n", one_line(text)));
}

fn write_error(text: &str) {
    use io::Write as _;
    // Nothing can be done if even this fails.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Lines joined into one.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}

/// An error's message, and what to do where the system's words do not say it.
fn with_advice(e: &(dyn Error + 'static)) -> String {
    let mut text = e.to_string();
    let mut cause = Some(e);
    while let Some(c) = cause {
        if let Some(refused) = c.downcast_ref::<io::Error>() {
            let advice = match refused.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "check who may read and write it",
                io::ErrorKind::StorageFull => "free some space on the disk",
                io::ErrorKind::IsADirectory => "name a file, not a folder",
                _ => break,
            };
            let _ = write!(text, "; {advice}");
            break;
        }
        cause = c.source();
    }
    text
}

impl From<medio::Error> for Failure {
    fn from(e: medio::Error) -> Failure {
        Failure::Failed(with_advice(&e))
    }
}

impl From<medpipe::Error> for Failure {
    fn from(e: medpipe::Error) -> Failure {
        Failure::Failed(match &e {
            medpipe::Error::File(inner) => with_advice(&**inner),
            medpipe::Error::Core(medcore::Error::Source(inner)) => with_advice(&**inner),
            e => with_advice(e),
        })
    }
}

impl From<medcore::Error> for Failure {
    fn from(e: medcore::Error) -> Failure {
        medpipe::Error::from(e).into()
    }
}
