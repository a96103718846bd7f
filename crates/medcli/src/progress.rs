//! A bar for whatever takes more than a second.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use medio::VolumeFile;

use crate::options::When;

/// How long nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress of a command over its files.
pub(crate) struct Progress {
    when: When,
    of: usize,
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
    phase: Option<(String, Instant)>,
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
    prefix: String,
    files: Vec<VolumeFile>,
    finished: bool,
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
        let terminal = std::io::stderr().is_terminal();
        let watcher = (terminal && when != When::Never).then(|| {
            let shared = Arc::clone(&shared);
            let patience = if when == When::Always { Duration::ZERO } else { PATIENCE };
            std::thread::spawn(move || watch(&shared, patience))
        });
        let when = if terminal { When::Never } else { when };
        Progress { when, of, shared, watcher, phase: None }
    }

    /// What is done now, to which file (from 1); bytes read from `files` move the bar. Saying the same twice changes nothing.
    pub(crate) fn phase(&mut self, file: usize, text: String, files: Vec<VolumeFile>) {
        let prefix = if self.of > 1 { format!("[{file}/{}] ", self.of) } else { String::new() };
        let whole = format!("{prefix}{text}");
        if self.phase.as_ref().is_some_and(|(now, _)| *now == whole) {
            return;
        }
        self.close_phase();
        self.phase = Some((whole, Instant::now()));
        let mut now = self.shared.lock();
        (now.text, now.prefix, now.files) = (text, prefix, files);
    }

    /// Without a terminal, a phase is one line, told when it is over.
    fn close_phase(&mut self) {
        if let (Some((text, start)), When::Always) = (self.phase.take(), self.when) {
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
fn watch(shared: &Shared, patience: Duration) {
    let now = shared.lock();
    let waited = shared.changed.wait_timeout_while(now, patience, |n| !n.finished);
    let (mut now, _) = waited.unwrap_or_else(PoisonError::into_inner);
    if now.finished {
        return;
    }
    let style =
        |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let reading = style("{prefix}{wide_msg} {bar:24} {bytes:>9} of {total_bytes:9} {elapsed:>4}");
    let working = style("{prefix}{wide_msg} {spinner} {elapsed:>4}");
    let bar = ProgressBar::no_length();
    while !now.finished {
        bar.set_prefix(now.prefix.clone());
        bar.set_message(now.text.clone());
        let total: u64 = now.files.iter().map(|f| f.identity().size).sum();
        let read = now.files.iter().map(VolumeFile::bytes_read).sum::<u64>().min(total);
        if read < total {
            bar.set_style(reading.clone());
            bar.set_length(total);
            bar.set_position(read);
        } else {
            bar.set_style(working.clone());
        }
        bar.tick();
        let waited = shared.changed.wait_timeout(now, Duration::from_millis(80));
        (now, _) = waited.unwrap_or_else(PoisonError::into_inner);
    }
    bar.finish_and_clear();
}
