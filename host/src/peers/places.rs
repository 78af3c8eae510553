//! Who may be connected to us, and how much memory they hold.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use tokio::{task::AbortHandle, time::Instant};

/// Connections that may be open at a time.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// Bytes of unfinished frames that all connections together may hold: 64 MiB.
pub(super) const MAX_BUFFERED: usize = 64 << 20;

/// Every open connection. Whoever was never heard, or not for long, gives way to others.
#[derive(Default)]
pub(super) struct Places {
    open: BTreeMap<PlaceId, Place>,
    last: PlaceId,
    /// Of all together.
    buffered: usize,
}

/// Names a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlaceId(u64);

struct Place {
    from: IpAddr,
    task: AbortHandle,
    standing: Standing,
    /// When its unfinished frame began, if it has one.
    begun: Instant,
    buffered: usize,
}

/// Who goes first is least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// No frame came since the connection was accepted.
    Silent(Instant),
    /// The last frame came then.
    Heard(Instant),
}

impl Places {
    /// A name for a connection about to be admitted.
    pub(super) fn next_id(&mut self) -> PlaceId {
        self.last.0 += 1;
        self.last
    }

    /// Takes in a new connection, read by `task`. Answers true if another had to go.
    pub(super) fn admit(&mut self, id: PlaceId, from: IpAddr, task: AbortHandle, now: Instant) -> bool {
        let displaced = self.open.len() >= MAX_CONNECTIONS;
        if displaced && let Some(victim) = self.most_idle() {
            self.close(victim);
        }
        let standing = Standing::Silent(now);
        self.open.insert(id, Place { from, task, standing, begun: now, buffered: 0 });
        displaced
    }

    /// Bytes came from a connection, which now holds `buffered` bytes of an unfinished frame. Answers true if one that
    /// holds memory for long had to go.
    pub(super) fn received(&mut self, id: PlaceId, frames: usize, buffered: usize, now: Instant) -> bool {
        let Some(place) = self.open.get_mut(&id) else { return false };
        if frames > 0 {
            place.standing = Standing::Heard(now);
        }
        if frames > 0 || place.buffered == 0 {
            place.begun = now;
        }
        self.buffered = self.buffered - place.buffered + buffered;
        place.buffered = buffered;
        let mut displaced = false;
        while self.buffered > MAX_BUFFERED {
            let holders = self.open.iter().filter(|(_, place)| place.buffered > 0);
            let (&slowest, _) =
                holders.min_by_key(|(_, place)| place.begun).expect("somebody holds the bytes");
            self.close(slowest);
            displaced = true;
        }
        displaced
    }

    /// A connection ended.
    pub(super) fn remove(&mut self, id: PlaceId) {
        if let Some(place) = self.open.remove(&id) {
            self.buffered -= place.buffered;
        }
    }

    fn close(&mut self, id: PlaceId) {
        if let Some(place) = self.open.get(&id) {
            place.task.abort();
        }
        self.remove(id);
    }

    /// First those never heard, then those of the host that has most connections, and of these the one silent longest:
    /// a flood of connections displaces itself, not our peers.
    fn most_idle(&self) -> Option<PlaceId> {
        let mut connections: HashMap<IpAddr, usize> = HashMap::new();
        for place in self.open.values() {
            *connections.entry(place.from).or_default() += 1;
        }
        let rank = |place: &Place| {
            let heard = matches!(place.standing, Standing::Heard(_));
            (heard, std::cmp::Reverse(connections[&place.from]), place.standing)
        };
        self.open.iter().min_by_key(|(_, place)| rank(place)).map(|(&id, _)| id)
    }
}

#[cfg(test)]
mod tests;
