use std::time::Duration;

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

use super::*;

/// Connections that last until somebody ends them, on a clock of its own.
struct Bench {
    runtime: Runtime,
    places: Places,
    tasks: BTreeMap<PlaceId, JoinHandle<()>>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().build().unwrap();
        Self { runtime, places: Places::default(), tasks: BTreeMap::new(), now: Instant::now() }
    }

    fn admit(&mut self, host: u8) -> PlaceId {
        self.now += Duration::from_millis(1);
        let task = self.runtime.spawn(std::future::pending());
        let id = self.places.next_id();
        self.places.admit(id, IpAddr::from([10, 0, 0, host]), task.abort_handle(), self.now);
        self.tasks.insert(id, task);
        id
    }

    fn received(&mut self, id: PlaceId, frames: usize, buffered: usize) {
        self.now += Duration::from_millis(1);
        self.places.received(id, frames, buffered, self.now);
    }

    /// Those that ended since the last call.
    fn ended(&mut self) -> Vec<PlaceId> {
        // The runtime lets a yielding future wait for some of the others only.
        let turns = self.tasks.len();
        self.runtime.block_on(async {
            for _ in 0..=turns {
                tokio::task::yield_now().await;
            }
        });
        let ended: Vec<PlaceId> =
            self.tasks.iter().filter(|(_, task)| task.is_finished()).map(|(&id, _)| id).collect();
        ended.iter().for_each(|id| drop(self.tasks.remove(id)));
        ended
    }
}

#[test]
fn a_flood_displaces_itself() {
    let mut bench = Bench::new();
    let peers = [bench.admit(1), bench.admit(2)];
    peers.iter().for_each(|&peer| bench.received(peer, 1, 0));
    for _ in 0..1000 {
        bench.admit(66);
    }
    assert!(bench.places.open.len() == MAX_CONNECTIONS);
    // Now with frames, which anyone can make.
    for _ in 0..1000 {
        let id = bench.admit(66);
        bench.received(id, 1, 0);
    }
    assert_eq!(bench.ended().len(), 2000 + 2 - MAX_CONNECTIONS);
    assert!(peers.iter().all(|peer| bench.tasks.contains_key(peer)), "those with few connections stay");
}

#[test]
fn among_equals_the_one_silent_longest_goes() {
    let mut bench = Bench::new();
    let ids: Vec<PlaceId> = (0..MAX_CONNECTIONS).map(|_| bench.admit(1)).collect();
    ids.iter().rev().for_each(|&id| bench.received(id, 1, 0));
    bench.received(ids[MAX_CONNECTIONS - 1], 1, 0);
    for expected in [ids[MAX_CONNECTIONS - 2], ids[MAX_CONNECTIONS - 3]] {
        let newest = bench.admit(1);
        assert_eq!(bench.ended(), [expected]);
        bench.received(newest, 1, 0);
    }
    let silent = bench.admit(1);
    bench.ended();
    bench.admit(1);
    assert_eq!(bench.ended(), [silent], "who was never heard goes first");
}

#[test]
fn unfinished_frames_are_bounded_and_the_slowest_go() {
    const PART: usize = 1 << 20;
    let mut bench = Bench::new();
    let slow: Vec<PlaceId> = (0..MAX_BUFFERED / PART).map(|_| bench.admit(1)).collect();
    slow.iter().for_each(|&id| bench.received(id, 0, PART));
    assert_eq!(bench.places.buffered, MAX_BUFFERED);
    assert_eq!(bench.ended(), []);
    let peer = bench.admit(2);
    bench.received(peer, 0, PART);
    assert_eq!(bench.ended(), [slow[0]]);
    // One that progresses but never ends its frame is no better; one that ends its frames begins anew.
    bench.received(slow[1], 0, PART);
    bench.received(slow[2], 1, PART);
    let other = bench.admit(2);
    bench.received(other, 0, 2 * PART);
    assert_eq!(bench.ended(), [slow[1], slow[3]]);
    assert_eq!(bench.places.buffered, MAX_BUFFERED);

    let open: Vec<PlaceId> = bench.places.open.keys().copied().collect();
    open.iter().for_each(|&id| bench.places.remove(id));
    bench.received(peer, 1, PART);
    bench.places.remove(peer);
    assert_eq!(bench.places.buffered, 0);
}
