//! Threads: every task once, on as many threads as there are, whatever happens in them.

use std::sync::atomic::{AtomicUsize, Ordering};

use medkernels::threads;

use crate::memory::lock;

#[test]
fn each_task_runs_once() {
    for tasks in [0, 1, 2, 3, 1000] {
        let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
        threads::for_each(tasks, |i| {
            counts[i].fetch_add(1, Ordering::Relaxed);
        });
        assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
        let mut items = vec![0usize; tasks];
        threads::for_each_mut(&mut items, |i, item| *item += i + 1);
        assert!(items.iter().enumerate().all(|(i, item)| *item == i + 1));
    }
}

#[test]
fn the_number_of_threads_can_be_set() {
    let _lock = lock();
    let usual = threads::threads();
    for count in [1, 2, 5] {
        threads::set_threads(Some(count));
        assert_eq!(threads::threads(), count);
        let total = AtomicUsize::new(0);
        threads::for_each(100, |i| {
            total.fetch_add(i, Ordering::Relaxed);
        });
        assert_eq!(total.into_inner(), 4950);
    }
    threads::set_threads(Some(0));
    assert_eq!(threads::threads(), 1);
    threads::set_threads(None);
    assert_eq!(threads::threads(), usual);
}

#[test]
fn nested_calls_finish() {
    let _lock = lock();
    threads::set_threads(Some(3));
    let total = AtomicUsize::new(0);
    threads::for_each(20, |_| {
        threads::for_each(20, |_| {
            threads::for_each(3, |_| {
                total.fetch_add(1, Ordering::Relaxed);
            });
        });
    });
    assert_eq!(total.into_inner(), 1200);
    threads::set_threads(None);
}

// On WebAssembly there is one thread, and a panic ends the program.
#[cfg(not(target_family = "wasm"))]
mod helpers {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use medkernels::threads::{for_each, for_each_mut, helpers, inline, set_threads};

    use super::lock;

    /// Waits until `done`, and tells whether it came to that.
    fn seen(done: impl Fn() -> bool) -> bool {
        let begin = Instant::now();
        while !done() && begin.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        done()
    }

    #[test]
    fn those_who_may_be_asked_are_known() {
        let _lock = lock();
        set_threads(Some(3));
        assert_eq!(helpers(), 2);
        assert_eq!(inline(helpers), 0);
        // A task of three keeps everybody busy; two leave one thread.
        for_each(3, |_| assert_eq!(helpers(), 0));
        for_each(2, |_| assert_eq!(helpers(), 2));
        set_threads(None);
    }

    /// Whether so many tasks run at the same time.
    fn meet(count: usize) -> bool {
        let arrived = AtomicUsize::new(0);
        let met = AtomicUsize::new(0);
        for_each(count, |_| {
            arrived.fetch_add(1, Ordering::Relaxed);
            met.fetch_add(usize::from(seen(|| arrived.load(Ordering::Relaxed) == count)), Ordering::Relaxed);
        });
        met.into_inner() == count
    }

    #[test]
    fn they_come_after_any_pause_and_to_any_number() {
        let _lock = lock();
        for count in [2, 4, 3, 1, 5, 2] {
            set_threads(Some(count));
            for micros in [0, 30, 200, 500, 5000] {
                assert!(meet(count), "{count} threads after {micros} µs");
                std::thread::sleep(Duration::from_micros(micros));
            }
        }
        set_threads(None);
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn one_that_slept_on_the_callers_processor_wakes_on_another() {
        use rustix::thread::{
            CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity, sched_yield,
        };
        use std::sync::Mutex;

        let _lock = lock();
        let all = sched_getaffinity(None).expect("where this thread may run");
        let mine = sched_getcpu();
        let (mut others, mut only) = (all, CpuSet::new());
        others.unset(mine);
        only.set(mine);
        if others.count() == 0 {
            return;
        }
        let sleeps = |thread: Pid| {
            let stat = format!("/proc/self/task/{}/stat", thread.as_raw_nonzero());
            let state = std::fs::read_to_string(stat).expect("the helper's state");
            state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
        };
        set_threads(Some(2));
        sched_setaffinity(None, &only).expect("this processor alone");
        let caller = gettid();
        let places = Mutex::new(vec![]);
        for _ in 0..3 {
            let arrived = AtomicUsize::new(0);
            for_each(2, |_| {
                if gettid() != caller {
                    let place = (gettid(), sched_getcpu(), sched_getaffinity(None).ok());
                    places.lock().unwrap().push(place);
                    // From here on it is on the caller's, where it goes to sleep.
                    sched_setaffinity(None, &only).expect("the caller's processor");
                    sched_yield();
                    sched_setaffinity(None, &all).expect("any processor");
                }
                arrived.fetch_add(1, Ordering::Relaxed);
                assert!(seen(|| arrived.load(Ordering::Relaxed) == 2));
            });
            assert!(seen(|| places.lock().unwrap().last().is_some_and(|(helper, ..)| sleeps(*helper))));
        }
        sched_setaffinity(None, &all).expect("any processor");
        set_threads(None);
        let places = places.into_inner().unwrap();
        assert_eq!(places.len(), 3);
        for (_, place, may) in &places[1..] {
            assert_ne!(*place, mine, "it had to wait for the caller's processor");
            assert_eq!(*may, Some(all), "it may run anywhere again");
        }
    }

    #[test]
    fn tasks_for_all_threads_keep_what_they_call_to_themselves() {
        let _lock = lock();
        set_threads(Some(2));
        assert!(meet(2));
        for_each(4, |_| {
            let outer = std::thread::current().id();
            for_each(10, |_| assert_eq!(std::thread::current().id(), outer));
        });
        assert!(meet(2));
        let failed = catch_unwind(|| for_each(4, |i| assert!(i != 2, "task 2 fails")));
        assert!(failed.is_err() && meet(2));
        set_threads(None);
    }

    #[test]
    fn fewer_tasks_than_threads_call_the_idle_ones() {
        let _lock = lock();
        set_threads(Some(4));
        let arrived = AtomicUsize::new(0);
        for_each(2, |_| {
            for_each(2, |_| {
                arrived.fetch_add(1, Ordering::Relaxed);
                assert!(seen(|| arrived.load(Ordering::Relaxed) == 4), "all four at once");
            });
        });
        set_threads(None);
    }

    #[test]
    fn one_that_is_busy_elsewhere_is_not_waited_for() {
        let _lock = lock();
        set_threads(Some(2));
        let (held, free) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for_each(2, |_| {
                    held.fetch_add(1, Ordering::Relaxed);
                    assert!(seen(|| free.load(Ordering::Relaxed)), "the other call waits for this one");
                });
            });
            assert!(seen(|| held.load(Ordering::Relaxed) == 2));
            let total = AtomicUsize::new(0);
            for_each(10, |i| {
                total.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(total.into_inner(), 45);
            free.store(true, Ordering::Relaxed);
        });
        set_threads(None);
    }

    #[test]
    fn many_callers_at_once_get_what_they_asked_for() {
        let _lock = lock();
        set_threads(Some(3));
        let rounds = if cfg!(miri) { 5 } else { 2000 };
        std::thread::scope(|scope| {
            for caller in 0..4 {
                scope.spawn(move || {
                    for round in 0..rounds {
                        // Borrowed for the time of the call, and gone right after it.
                        let mut items = vec![usize::MAX; 1 + (round + caller) % 7];
                        for_each_mut(&mut items, |i, item| *item = i + round);
                        assert!(items.iter().enumerate().all(|(i, &item)| item == i + round));
                    }
                });
            }
        });
        set_threads(None);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_they_live_on() {
        let _lock = lock();
        set_threads(Some(3));
        let text = |failed: Box<dyn std::any::Any + Send>| {
            failed.downcast_ref::<&str>().map_or_else(String::new, |text| (*text).to_owned())
        };
        let caller = std::thread::current().id();
        let arrived = AtomicUsize::new(0);
        for (there, here) in [(true, false), (false, true), (true, true)] {
            arrived.store(0, Ordering::Relaxed);
            let failed = catch_unwind(AssertUnwindSafe(|| {
                for_each(3, |_| {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    assert!(seen(|| arrived.load(Ordering::Relaxed) == 3));
                    let fails = if std::thread::current().id() == caller { here } else { there };
                    assert!(!fails, "as it should");
                });
            }));
            assert_eq!(failed.map_err(text), Err("as it should".to_owned()), "{there} {here}");
            assert!(meet(3));
        }
        set_threads(None);
    }
}

// A panic ends the program there.
#[cfg(not(target_family = "wasm"))]
#[test]
fn inline_work_stays_on_its_thread() {
    let here = std::thread::current().id();
    let usual = threads::threads();
    threads::inline(|| {
        threads::for_each(64, |_| assert_eq!(std::thread::current().id(), here));
        let inner = std::panic::catch_unwind(|| threads::inline(|| panic!("inside")));
        assert!(inner.is_err());
        assert_eq!(threads::threads(), 1, "still inline after the inner call unwound");
    });
    assert!(usual == 1 || threads::threads() > 1);
}
