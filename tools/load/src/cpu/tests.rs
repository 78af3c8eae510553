use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::{Machine, Processes, Sample, foreign_percent, listening_inode, machine_time, stat_time};

#[test]
fn a_process_name_may_hold_brackets() {
    let text = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 7 7 20 0 1 0 100 0 0";
    assert_eq!(stat_time(text), Some(Duration::from_secs(3)));
    assert_eq!(stat_time("42 cut"), None);
    assert_eq!(stat_time("42 (a) S 1"), None);
}

#[test]
fn busy_is_everything_but_idle_and_iowait() {
    let text = "cpu  100 10 50 800 40 5 3 2 99 0\ncpu0 1 1 1 1\n";
    let expected = Machine { busy: Duration::from_millis(1_700), all: Duration::from_millis(10_100) };
    assert_eq!(machine_time(text), expected);
    assert_eq!(machine_time(""), Machine::default());
}

#[test]
fn foreign_share() {
    let seconds = Duration::from_secs;
    for (busy, ours, all, expected) in [(10, 9, 20, 5.0), (10, 10, 20, 0.0), (9, 10, 20, 0.0), (0, 0, 0, 0.0)]
    {
        assert_eq!(foreign_percent(seconds(busy), seconds(ours), seconds(all)), expected);
    }
}

#[test]
fn lines_of_the_socket_table() {
    let listening = " 0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 31337 1 0";
    let connected = " 1: 0100007F:1F40 0100007F:C000 01 00000000:00000000 00:00000000 00000000 0 0 31338 1 0";
    assert_eq!(listening_inode(listening, 8_000), Some(31_337));
    assert_eq!(listening_inode(listening, 8_001), None);
    assert_eq!(listening_inode(connected, 8_000), None);
    assert_eq!(listening_inode("  sl  local_address rem_address", 8_000), None);
}

#[test]
fn this_process_is_found_by_its_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let found = Processes::listening(listener.local_addr().unwrap());
    assert_eq!(found.0, [std::process::id()]);
}

#[test]
fn own_time_advances_under_work() {
    let none = Processes::default();
    let before = Sample::take(&none);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(200) {
        std::hint::spin_loop();
    }
    let usage = Sample::take(&none).since(&before);
    assert!(usage.own >= Duration::from_millis(50), "{usage:?}");
    assert_eq!(usage.server, Duration::ZERO);
}
