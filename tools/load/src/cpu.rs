//! CPU time of the generator, of the server and of everybody else, from `/proc`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// `/proc` counts in hundredths of a second on every Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// The processes whose CPU time counts as the server's.
#[derive(Clone, Debug, Default)]
pub struct Processes(Vec<u32>);

impl Processes {
    /// The processes with these ids.
    #[must_use]
    pub fn new(ids: Vec<u32>) -> Self {
        Self(ids)
    }

    /// Every process on this machine that listens on `address`; none if it is remote or not readable.
    #[must_use]
    pub fn listening(address: SocketAddr) -> Self {
        let mut inodes = BTreeSet::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let text = std::fs::read_to_string(table).unwrap_or_default();
            inodes.extend(text.lines().filter_map(|line| listening_inode(line, address.port())));
        }
        Self(process_ids().filter(|id| holds_socket(*id, &inodes)).collect())
    }

    /// True if no process is known, so the server's CPU time cannot be told from that of others.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// User and system time used so far.
    pub(crate) fn used(&self) -> Duration {
        self.0.iter().filter_map(|id| process_time(&format!("/proc/{id}/stat"))).sum()
    }
}

/// CPU times at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    own: Duration,
    server: Duration,
    machine: Machine,
}

/// CPU times between two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    pub(crate) own: Duration,
    pub(crate) server: Duration,
    /// Share of the machine's CPU that neither the generator nor the server used, in percent.
    pub(crate) foreign_percent: f64,
}

/// The first line of `/proc/stat`: time all cores were busy, and all time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Machine {
    busy: Duration,
    all: Duration,
}

impl Sample {
    pub(crate) fn take(server: &Processes) -> Self {
        Self {
            own: process_time("/proc/self/stat").unwrap_or_default(),
            server: server.used(),
            machine: machine_time(&std::fs::read_to_string("/proc/stat").unwrap_or_default()),
        }
    }

    pub(crate) fn since(&self, earlier: &Self) -> Usage {
        let own = self.own.saturating_sub(earlier.own);
        let server = self.server.saturating_sub(earlier.server);
        let busy = self.machine.busy.saturating_sub(earlier.machine.busy);
        let all = self.machine.all.saturating_sub(earlier.machine.all);
        Usage { own, server, foreign_percent: foreign_percent(busy, own + server, all) }
    }
}

/// The share of `all` CPU time in percent that was `busy` with something other than `ours`.
#[must_use]
pub fn foreign_percent(busy: Duration, ours: Duration, all: Duration) -> f64 {
    if all.is_zero() {
        return 0.0;
    }
    busy.saturating_sub(ours).as_secs_f64() / all.as_secs_f64() * 100.0
}

/// Fields 14 and 15 of proc(5)'s `/proc/PID/stat`; the name in field 2 may hold spaces and brackets.
fn process_time(file: &str) -> Option<Duration> {
    let text = std::fs::read_to_string(Path::new(file)).ok()?;
    stat_time(&text)
}

fn stat_time(text: &str) -> Option<Duration> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user + TICK * system)
}

/// The fields are user, nice, system, idle, iowait, irq, softirq, steal; guest time is within user.
fn machine_time(text: &str) -> Machine {
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> =
        line.split_whitespace().skip(1).take(8).map(|field| field.parse().unwrap_or(0)).collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let time = |ticks: u64| Duration::from_millis(ticks * 10);
    Machine { busy: time(all - idle), all: time(all) }
}

/// The inode of a listening socket (state 0A) on `port`, in a line of `/proc/net/tcp`.
fn listening_inode(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, local) = fields.get(1)?.rsplit_once(':')?;
    let same = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == "0A";
    if same { fields.get(9)?.parse().ok() } else { None }
}

fn process_ids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn holds_socket(id: u32, inodes: &BTreeSet<u64>) -> bool {
    let files = std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|link| {
        let name = link.to_string_lossy();
        let inode = name.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.and_then(|inode| inode.parse().ok()).is_some_and(|inode| inodes.contains(&inode))
    })
}

#[cfg(test)]
mod tests;
