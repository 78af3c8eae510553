use std::{
    hint::spin_loop,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Instant,
};

use rustix::{process::getpriority_process, thread::gettid};

use super::{
    board::MAX_ASIDE,
    manners::{MAX_NICENESS, NICER},
    *,
};

/// Threads that take jobs of a kind that takes long, of two in all.
const MAX_OF_KIND: usize = 1;
/// Much more than any of this takes, unless the machine is very busy.
const LIMIT: Duration = Duration::from_secs(60);

/// A job that runs until it is told to end.
struct Endless {
    end: Arc<AtomicBool>,
    running: Arc<AtomicUsize>,
}

impl Endless {
    fn new() -> Self {
        Self { end: Arc::default(), running: Arc::default() }
    }

    fn job(&self) -> Job {
        let (end, running) = (self.end.clone(), self.running.clone());
        Box::new(move || {
            running.fetch_add(1, Ordering::SeqCst);
            while !end.load(Ordering::SeqCst) {
                spin_loop();
            }
            running.fetch_sub(1, Ordering::SeqCst);
        })
    }

    fn wait_for(&self, running: usize) {
        let start = Instant::now();
        while self.running() != running {
            assert!(start.elapsed() < LIMIT, "{} run, not {running}", self.running());
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
    }
}

fn kind(name: &str) -> Arc<str> {
    name.into()
}

/// Runs a job of a kind and waits for it.
fn run(lanes: &Lanes, name: &str) {
    let (done, end) = mpsc::channel();
    lanes.spawn_of(&kind(name), Box::new(move || done.send(()).unwrap())).unwrap();
    end.recv_timeout(LIMIT).unwrap();
}

#[test]
fn jobs_that_never_end_keep_others_of_their_kind_only() {
    let lanes = Lanes::start(2, 100).unwrap();
    let hostile = Endless::new();
    for _ in 0..50 {
        lanes.spawn_of(&kind("hostile"), hostile.job()).unwrap();
    }
    for _ in 0..200 {
        run(&lanes, "honest");
    }
    let start = Instant::now();
    while hostile.running() < MAX_OF_KIND {
        assert!(start.elapsed() < LIMIT, "{} run", hostile.running());
        thread::sleep(MOMENT);
    }
    thread::sleep(10 * MOMENT);
    // Those that ran before it was known how long they take are counted beside.
    assert!((MAX_OF_KIND..=MAX_OF_KIND + 3).contains(&hostile.running()), "{}", hostile.running());
    // Another kind that takes long comes to its turn, too.
    let long = Endless::new();
    lanes.spawn_of(&kind("long"), long.job()).unwrap();
    long.wait_for(1);
    run(&lanes, "honest");
    hostile.end.store(true, Ordering::SeqCst);
    hostile.wait_for(0);
}

#[test]
fn many_kinds_that_never_end_are_too_many_at_last() {
    let lanes = Lanes::start(2, 100).unwrap();
    let hostile = Endless::new();
    for number in 0..MAX_ASIDE {
        lanes.spawn_of(&kind(&format!("hostile {number}")), hostile.job()).unwrap();
    }
    hostile.wait_for(MAX_ASIDE);
    run(&lanes, "honest");
    // One more holds the thread of those of which nothing is known, but not what is known to be short.
    lanes.spawn_of(&kind("one more"), hostile.job()).unwrap();
    hostile.wait_for(MAX_ASIDE + 1);
    run(&lanes, "honest");
    hostile.end.store(true, Ordering::SeqCst);
    run(&lanes, "another");
    hostile.wait_for(0);
}

#[test]
fn a_kind_is_forgiven_when_it_takes_a_moment_again() {
    let lanes = Lanes::start(1, 100).unwrap();
    let long = Endless::new();
    lanes.spawn_of(&kind("k"), long.job()).unwrap();
    long.wait_for(1);
    run(&lanes, "other");
    long.end.store(true, Ordering::SeqCst);
    long.wait_for(0);
    let name = |lanes: &Lanes| {
        let (done, end) = mpsc::channel();
        let job = move || done.send(thread::current().name().map(str::to_owned)).unwrap();
        lanes.spawn_of(&kind("k"), Box::new(job)).unwrap();
        end.recv_timeout(LIMIT).unwrap().unwrap()
    };
    // What takes a moment is forgiven in the slow lane; a busy machine may stop it for longer than that.
    let names: Vec<_> = (0..100).map(|_| name(&lanes)).collect();
    assert!(names.iter().any(|name| name == "short-job"), "{names:?}");
}

#[test]
fn too_many_jobs_come_back() {
    let lanes = Lanes::start(1, 3).unwrap();
    let hostile = Endless::new();
    lanes.spawn_of(&kind("h"), hostile.job()).unwrap();
    hostile.wait_for(1);
    run(&lanes, "other");
    let admitted = (0..100).take_while(|_| lanes.spawn_of(&kind("h"), hostile.job()).is_ok()).count();
    assert!((3..=MAX_OF_KIND + 3).contains(&admitted), "{admitted}");
    run(&lanes, "other");
    assert!(lanes.spawn(Box::new(|| ())).is_ok());
}

#[test]
fn jobs_that_wait_are_done_before_the_end() {
    let lanes = Lanes::start(1, 100).unwrap();
    let (done, count) = mpsc::channel();
    for index in 0..100 {
        let done = done.clone();
        let job = Box::new(move || {
            if index % 25 == 0 {
                let start = Instant::now();
                while start.elapsed() < 3 * MOMENT {
                    spin_loop();
                }
            }
            done.send(index).unwrap();
        });
        lanes.spawn_of(&kind(&format!("{}", index % 5)), job).unwrap();
    }
    drop((lanes, done));
    let mut found: Vec<_> = count.iter().collect();
    found.sort_unstable();
    assert_eq!(found, (0..100).collect::<Vec<_>>());
}

#[test]
fn long_jobs_run_at_a_lower_priority() {
    let lanes = Lanes::start(1, 10).unwrap();
    let niceness = || getpriority_process(Some(gettid())).unwrap();
    let usual = niceness();
    let (done, end) = mpsc::channel();
    let job = move || {
        let start = Instant::now();
        while start.elapsed() < LIMIT && niceness() == usual {
            spin_loop();
        }
        done.send(niceness()).unwrap();
    };
    lanes.spawn_of(&kind("k"), Box::new(job)).unwrap();
    assert_eq!(end.recv_timeout(LIMIT).unwrap(), (usual + NICER).min(MAX_NICENESS));
    // What is of no kind keeps its priority, however long it takes, and leaves the way all the same.
    let (long, (done, end)) = (Endless::new(), mpsc::channel());
    lanes.spawn(long.job()).unwrap();
    long.wait_for(1);
    lanes.spawn(Box::new(move || done.send(niceness()).unwrap())).unwrap();
    assert_eq!(end.recv_timeout(LIMIT).unwrap(), usual);
}
