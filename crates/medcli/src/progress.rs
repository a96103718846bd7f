//! A bar for whatever takes more than a second.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use medcore::Volume;
use medio::VolumeFile;
use medpipe::{Work, work};

use crate::failure::{Failure, Outcome, complain};
use crate::options::When;
use crate::terminal::emit;

/// How long nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress of a command over its files, from the first to the last of them.
///
/// Whatever the command says meanwhile goes through it, so that the bar is not in the way.
pub(crate) struct Progress {
    /// Whether phases are told as lines.
    lines: bool,
    of: usize,
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
    phase: Option<(String, Instant)>,
    /// Hidden until the patience is over.
    bar: ProgressBar,
}

#[derive(Default)]
struct Shared {
    now: Mutex<Now>,
    changed: Condvar,
}

/// What is being done.
#[derive(Default)]
struct Now {
    text: String,
    measure: Measure,
    finished: bool,
}

/// How far it is.
#[derive(Default)]
enum Measure {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Bytes that have come out of these gzip streams, and of how many.
    Inflating(Vec<VolumeFile>, u64),
    /// Bytes read of these files, until slabs are computed beyond those already counted.
    Computing(Vec<VolumeFile>, Work),
    /// Voxels written, of so many.
    Writing(Arc<AtomicU64>, u64),
}

impl Measure {
    /// Done, and of how much; the unit with which the numbers are worth showing, if one.
    fn now(&self) -> Option<(u64, u64, Unit)> {
        match self {
            Measure::Unknown => None,
            Measure::Inflating(files, total) => {
                Some((files.iter().map(VolumeFile::bytes_inflated).sum(), *total, Unit::Bytes))
            }
            Measure::Writing(written, total) => Some((written.load(Ordering::Relaxed), *total, Unit::Share)),
            Measure::Computing(files, before) => {
                let (work, total) = (work(), files.iter().map(|f| f.identity().size).sum());
                if work.begun > before.begun {
                    return Some((work.done - before.done, work.begun - before.begun, Unit::Share));
                }
                Some((files.iter().map(VolumeFile::bytes_read).sum(), total, Unit::Bytes))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Share,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// Progress over `of` files.
    pub(crate) fn new(when: When, of: usize) -> Progress {
        let shared = Arc::new(Shared::default());
        let bar = ProgressBar::hidden();
        let terminal = std::io::stderr().is_terminal();
        let watcher = (terminal && when != When::Never).then(|| {
            let (shared, bar) = (Arc::clone(&shared), bar.clone());
            let patience = if when == When::Always { Duration::ZERO } else { PATIENCE };
            std::thread::spawn(move || watch(&shared, &bar, patience))
        });
        Progress { lines: !terminal && when == When::Always, of, shared, watcher, phase: None, bar }
    }

    /// Writes lines to standard output.
    pub(crate) fn say(&mut self, text: &str) -> Outcome {
        self.close_phase();
        self.bar.suspend(|| emit(&format!("{}\n", text.trim_end())))
    }

    /// Tells of a failure that does not end the command.
    pub(crate) fn complain(&mut self, failure: &Failure) {
        self.close_phase();
        self.bar.suspend(|| complain(&failure.text()));
    }

    /// `verb` is being done to `path`, which is part of file number `n` (from 1). Saying the same twice changes nothing.
    fn phase(&mut self, n: usize, verb: &str, path: &Path, measure: Measure) {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |f| f.to_string_lossy().into_owned());
        let prefix = if self.of > 1 { format!("[{n}/{}] ", self.of) } else { String::new() };
        let text = format!("{prefix}{verb} {name}");
        if self.phase.as_ref().is_some_and(|(now, _)| *now == text) {
            return;
        }
        self.close_phase();
        self.phase = Some((text.clone(), Instant::now()));
        let mut now = self.shared.lock();
        (now.text, now.measure) = (text, measure);
    }

    /// These files are read and computed with.
    pub(crate) fn compute(&mut self, n: usize, verb: &str, path: &Path, files: Vec<VolumeFile>) {
        self.phase(n, verb, path, Measure::Computing(files, work()));
    }

    /// The gzip streams of these files are followed to their ends.
    pub(crate) fn inflate(&mut self, n: usize, verb: &str, files: Vec<VolumeFile>) {
        let Some(first) = files.first().map(|f| f.path().to_path_buf()) else { return };
        let content = |f: &VolumeFile| f.shape().iter().product::<usize>() * f.stored_dtype().bytes();
        let total = files.iter().map(|f| content(f) as u64).sum();
        self.phase(n, verb, &first, Measure::Inflating(files, total));
    }

    /// Something is drawn.
    pub(crate) fn draw(&mut self, path: &Path) {
        self.phase(1, "draw", path, Measure::Unknown);
    }

    /// A volume is written; the writer counts voxels in what is returned.
    pub(crate) fn write(&mut self, n: usize, path: &Path, volume: &Volume) -> Arc<AtomicU64> {
        let written = Arc::new(AtomicU64::new(0));
        let total = (volume.grid().len() * volume.channels()) as u64;
        self.phase(n, "write", path, Measure::Writing(Arc::clone(&written), total));
        written
    }

    /// Without a terminal, a phase is one line, told when it is over.
    fn close_phase(&mut self) {
        if let (Some((text, start)), true) = (self.phase.take(), self.lines) {
            // Progress is a courtesy: a closed standard error must not end the work.
            let _ = writeln!(std::io::stderr(), "{text}: {:.2} s", start.elapsed().as_secs_f64());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.close_phase();
        self.shared.lock().finished = true;
        self.shared.changed.notify_all();
        if let Some(w) = self.watcher.take() {
            // A watcher that panicked has nothing more to show.
            let _ = w.join();
        }
    }
}

/// Shows the bar once the patience is over, until the work is finished.
fn watch(shared: &Shared, bar: &ProgressBar, patience: Duration) {
    let now = shared.lock();
    let waited = shared.changed.wait_timeout_while(now, patience, |n| !n.finished);
    let (mut now, _) = waited.unwrap_or_else(PoisonError::into_inner);
    if now.finished {
        return;
    }
    let style =
        |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let share = style("{spinner} {wide_msg} {bar:24} {percent:>3} % {elapsed:>4}");
    let read = style("{spinner} {wide_msg} {bar:24} {decimal_bytes} of {decimal_total_bytes} {elapsed:>4}");
    let unknown = style("{spinner} {wide_msg} {elapsed:>4}");
    bar.set_style(unknown.clone());
    bar.set_elapsed(patience);
    bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    while !now.finished {
        bar.set_message(now.text.clone());
        match now.measure.now() {
            Some((done, total, unit)) if done < total => {
                bar.set_style(if matches!(unit, Unit::Bytes) { read.clone() } else { share.clone() });
                bar.set_length(total);
                bar.set_position(done);
            }
            _ => bar.set_style(unknown.clone()),
        }
        bar.tick();
        let waited = shared.changed.wait_timeout(now, Duration::from_millis(80));
        (now, _) = waited.unwrap_or_else(PoisonError::into_inner);
    }
    bar.finish_and_clear();
}
