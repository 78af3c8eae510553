use std::sync::mpsc;

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
