//! Nothing waits for ever, and nothing holds more than it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use medpipe::{HostCalls, Next, Served, Settings, on_host};

use super::given::{Calls, ending_with, epoch, in_memory, loader, patches};

/// Runs `work` and fails if it takes a second or more.
fn within_a_second<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let out = work();
    assert!(begun.elapsed() < Duration::from_secs(1), "{what} took {:?}", begun.elapsed());
    out
}

/// Waits until `done`, and fails if that takes long.
fn soon(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn dropping_at_any_moment_returns_at_once() {
    for round in 0..40u64 {
        let prefetch = Some(round as usize % 4);
        let settings = Settings { batch_size: 2, workers: Some(3), prefetch, ..Settings::default() };
        let loader = loader(in_memory(30), patches(2), settings);
        let mut batches = loader.batches(round, 0).unwrap();
        for _ in 0..round % 5 {
            batches.next().unwrap().unwrap();
        }
        batches.start();
        std::thread::sleep(Duration::from_micros(50 * round));
        within_a_second("dropping", || drop(batches));
    }
}

#[test]
fn dropping_does_not_wait_for_a_slow_function() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let slow = Calls(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(3));
    }));
    let settings = Settings { workers: Some(2), ..Settings::default() };
    let loader = loader(in_memory(4), ending_with("flip", slow), settings);
    let mut batches = loader.batches(0, 0).unwrap();
    let wait = Some(Duration::from_millis(20));
    assert!(matches!(within_a_second("a look", || batches.next_within(wait)), Next::NotYet));
    soon("both threads are in it", || begun.load(Ordering::Relaxed) == 2);
    within_a_second("dropping", || drop(batches));
}

#[cfg(unix)]
#[test]
fn dropping_does_not_wait_for_a_file_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { workers: Some(2), ..Settings::default() };
    let loader = loader(super::given::in_files(folder.path(), 2), patches(1), settings);
    assert!(loader.batches(0, 0).unwrap().all(|b| b.is_ok()));
    // Both files become pipes that nobody writes to: to open one for reading waits for a writer.
    let paths = ["image0.nii.gz", "image1.nii"].map(|name| folder.path().join(name));
    for path in &paths {
        std::fs::remove_file(path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    let mut batches = loader.batches(1, 0).unwrap();
    assert!(matches!(batches.next_within(Some(Duration::from_millis(50))), Next::NotYet));
    within_a_second("dropping", || drop(batches));
    // Writers let the threads go.
    for path in &paths {
        drop(std::fs::OpenOptions::new().write(true).open(path).unwrap());
    }
}

#[test]
fn functions_run_where_they_are_served_and_change_nothing() {
    let thread = Arc::new(std::sync::Mutex::new(vec![]));
    let seen = Arc::clone(&thread);
    let function = Calls(Arc::new(move || {
        let seen = Arc::clone(&seen);
        on_host(move || seen.lock().unwrap().push(std::thread::current().id())).unwrap();
    }));
    let settings =
        |host, workers| Settings { host, workers: Some(workers), batch_size: 3, ..Settings::default() };
    let pipeline = ending_with("flip", function);
    let expected = epoch(&loader(in_memory(8), pipeline.clone(), settings(None, 0)), 0, 0);
    assert!(thread.lock().unwrap().iter().all(|t| *t == std::thread::current().id()));
    thread.lock().unwrap().clear();
    let calls = HostCalls::new();
    let server = Arc::clone(&calls);
    let serving = std::thread::spawn(move || while server.serve(Duration::from_secs(9)) != Served::Closed {});
    let id = serving.thread().id();
    for workers in [1, 3] {
        let loader = loader(in_memory(8), pipeline.clone(), settings(Some(Arc::clone(&calls)), workers));
        assert!(epoch(&loader, 0, 0) == expected);
    }
    assert_eq!(*thread.lock().unwrap(), vec![id; 16]);
    calls.close();
    within_a_second("ending the server", || serving.join().unwrap());
}

#[test]
fn threads_that_wait_for_an_answer_leave_when_the_iteration_ends() {
    let called = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&called);
    let function: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        // Nobody serves.
        let _stopped = on_host(|| ());
    });
    let alive = Arc::downgrade(&function);
    let settings = Settings { host: Some(HostCalls::new()), workers: Some(2), ..Settings::default() };
    let loader = loader(in_memory(9), ending_with("flip", Calls(function)), settings);
    let mut batches = loader.batches(0, 0).unwrap();
    batches.start();
    soon("the threads call, and one more than two", || called.load(Ordering::Relaxed) == 3);
    within_a_second("dropping", || drop(batches));
    drop(loader);
    soon("no thread holds the function any more", || alive.strong_count() == 0);
}

#[test]
fn what_is_held_stays_within_the_memory() {
    // Patches of 1920 bytes and labels of 960, four to a batch; a visit may hold 24 * 20 * 18 * 8 bytes and a batch.
    let settings = |memory, workers| Settings {
        batch_size: 4,
        workers: Some(workers),
        prefetch: Some(1000),
        memory,
        ..Settings::default()
    };
    let batch = 4 * (8 * 6 * 10) * (4 + 2);
    let loader_of = |memory, workers| loader(in_memory(60), patches(2), settings(memory, workers));
    let expected = epoch(&loader_of(None, 0), 0, 0);
    for memory in [200_000u64, 400_000] {
        let loader = loader_of(Some(memory), 3);
        let mut batches = loader.batches(0, 0).unwrap();
        let first = batches.next().unwrap().unwrap();
        assert!(super::given::Seen::of(&first) == expected[0]);
        // Nobody takes what is made: it stays within the memory, and some of it is used.
        let begun = Instant::now();
        let mut most = 0;
        while begun.elapsed() < Duration::from_millis(100) {
            let c = batches.counters();
            assert!(c.memory <= memory && (c.ready * batch) as u64 <= memory, "{c:?}");
            most = most.max(c.memory);
        }
        assert!(most > memory / 4, "{most} of {memory}");
        let rest: Vec<_> = batches.map(|b| super::given::Seen::of(&b.unwrap())).collect();
        assert!(rest == expected[1..]);
    }
}
