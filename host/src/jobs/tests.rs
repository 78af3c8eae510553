use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use super::*;

#[test]
fn jobs_run_on_other_threads_and_too_many_come_back() {
    let pool = JobPool::start(2, 3).unwrap();
    let (started, starts) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let job = |index: usize| -> Job {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        Box::new(move || {
            started.send((index, thread::current().name().unwrap().to_owned())).unwrap();
            gate.lock().unwrap().recv().unwrap();
        })
    };
    for index in 0..2 {
        pool.spawn(job(index)).unwrap();
        assert_eq!(starts.recv().unwrap().0, index);
    }
    for index in 2..5 {
        pool.spawn(job(index)).unwrap();
    }
    let Full(refused) = pool.spawn(job(5)).unwrap_err();
    for _ in 0..6 {
        release.send(()).unwrap();
    }
    let names: Vec<_> = (2..5).map(|_| starts.recv().unwrap()).collect();
    assert_eq!(
        names.iter().map(|(index, _)| *index).collect::<std::collections::BTreeSet<_>>(),
        (2..5).collect()
    );
    assert!(names.iter().all(|(_, name)| name.starts_with("job-")));
    refused();
    assert_eq!(starts.recv().unwrap().0, 5, "the refused job still works");
}

#[test]
fn threads_give_back_memory_once_before_they_rest() {
    static RESTS: AtomicUsize = AtomicUsize::new(0);
    rest::before(|| {
        RESTS.fetch_add(1, Ordering::Relaxed);
    });
    // Other tests have pools too, which rest at most once here.
    let pool = JobPool::start(1, 1).unwrap();
    let wait = || {
        let before = RESTS.load(Ordering::Relaxed);
        let (done, end) = mpsc::channel();
        pool.spawn(Box::new(move || done.send(()).unwrap())).unwrap();
        end.recv().unwrap();
        while RESTS.load(Ordering::Relaxed) == before {
            thread::sleep(Duration::from_millis(10));
        }
    };
    wait();
    wait();
    thread::sleep(2 * rest::AFTER);
    let rested = RESTS.load(Ordering::Relaxed);
    thread::sleep(4 * rest::AFTER);
    assert_eq!(RESTS.load(Ordering::Relaxed), rested, "who rests does nothing");
}

#[test]
fn jobs_that_wait_are_done_before_the_end() {
    let pool = JobPool::start(1, 100).unwrap();
    let (done, count) = mpsc::channel();
    for index in 0..100 {
        let done = done.clone();
        pool.spawn(Box::new(move || done.send(index).unwrap())).unwrap();
    }
    drop((pool, done));
    assert_eq!(count.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}
