//! Reads old entries back, beside the thread that writes new ones.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use coco_boundary::{Event, ReadFault, RequestId};
use coco_wire::{
    Seqno,
    chunk::{ChunkMark, ChunkName, ChunkPhase, HEADER_LEN},
};

use super::{EventSink, LedgerOptions};
use crate::disk::{Disk, File};

/// Bytes of one answer, unless a single entry is larger: 16 MiB.
pub(super) const MAX_READ_BYTES: u64 = 16 << 20;
/// Reads that may wait.
const MAX_READS: usize = 256;
/// Bytes of a position in the table of a chunk.
const POSITION_LEN: u64 = 4;

/// Error number of a file that is not there.
const ABSENT: i32 = rustix::io::Errno::NOENT.raw_os_error();

/// One question and where the answer is.
pub(super) struct Read {
    pub(super) request: RequestId,
    pub(super) from: Seqno,
    pub(super) to: Seqno,
    pub(super) source: Source,
}

/// Where the first entry wanted is; the answer ends with that file.
pub(super) enum Source {
    /// In an open file; with the offsets of the entries and the end of the last.
    Uncommitted { file: Arc<dyn File>, name: String, offsets: Vec<u64> },
    /// In a committed chunk of our own directory.
    Committed { first: Seqno, last: Seqno },
    /// Perhaps in a read-only directory.
    ReadOnly,
}

/// The way to the reading thread, which ends with it.
pub(super) struct Reads(SyncSender<Read>);

impl Reads {
    /// False if too many reads wait.
    pub(super) fn start(&self, read: Read) -> bool {
        self.0.try_send(read).is_ok()
    }
}

/// Starts the reading thread.
pub(super) fn start(disk: Arc<dyn Disk>, options: LedgerOptions, events: EventSink) -> io::Result<Reads> {
    let (reads, queue) = sync_channel(MAX_READS);
    let reader = Reader { disk, options };
    thread::Builder::new().name("ledger-read".to_owned()).spawn(move || reader.run(&queue, &events))?;
    Ok(Reads(reads))
}

struct Reader {
    disk: Arc<dyn Disk>,
    options: LedgerOptions,
}

impl Reader {
    fn run(&self, queue: &Receiver<Read>, events: &EventSink) {
        while let Ok(read) = queue.recv() {
            let request = read.request;
            events(Event::Entries { request, entries: self.answer(read) });
        }
    }

    fn answer(&self, read: Read) -> Result<Vec<Vec<u8>>, ReadFault> {
        let Read { from, to, source, .. } = read;
        match source {
            Source::Uncommitted { file, name, offsets } => entries(&*file, &name, &offsets),
            Source::Committed { first, last } => {
                match self.committed(&self.options.directory, Range { first, last }, from, to) {
                    // Cleaned up, which happens only to what a read-only directory has too.
                    Err(ReadFault::Io { file, errno }) if errno == ABSENT => {
                        self.read_only(from, to).map_err(|fault| match fault {
                            ReadFault::Absent { .. } => ReadFault::Io { file, errno },
                            fault => fault,
                        })
                    }
                    answer => answer,
                }
            }
            Source::ReadOnly => self.read_only(from, to),
        }
    }

    fn read_only(&self, from: Seqno, to: Seqno) -> Result<Vec<Vec<u8>>, ReadFault> {
        let (directory, range) = self.find(from)?;
        self.committed(&directory, range, from, to)
    }

    /// The committed chunk of a read-only directory that holds `seqno`. Looks again each time:
    /// these directories may be filled while the node runs.
    fn find(&self, seqno: Seqno) -> Result<(PathBuf, Range), ReadFault> {
        for directory in &self.options.read_only_directories {
            let shown = directory.to_string_lossy();
            let names = self.disk.list(directory).map_err(|error| fault(&shown, &error))?;
            let found = names.iter().filter_map(|name| Range::of_committed(name)).find(|r| r.holds(seqno));
            if let Some(range) = found {
                return Ok((directory.clone(), range));
            }
        }
        Err(ReadFault::Absent { seqno })
    }

    fn committed(
        &self,
        directory: &Path,
        range: Range,
        from: Seqno,
        to: Seqno,
    ) -> Result<Vec<Vec<u8>>, ReadFault> {
        let name = range.name();
        let io = |error| fault(&name, &error);
        let damaged = || ReadFault::Damaged { file: name.clone() };
        let file = self.disk.open(&directory.join(&name)).map_err(io)?;
        let mut header = [0; HEADER_LEN];
        file.read_at(&mut header, 0).map_err(io)?;
        let table = u64::from_le_bytes(header);
        let count = range.last.0 - range.first.0 + 1;
        let size = file.size().map_err(io)?;
        if table.checked_add(count * POSITION_LEN) != Some(size) {
            return Err(damaged());
        }
        // One position more than entries wanted, as the next entry begins where the last ends.
        let index = from.0 - range.first.0;
        let wanted = (to.min(range.last).0 - from.0 + 1).min(MAX_READ_BYTES / HEADER_LEN as u64);
        let there = (wanted + 1).min(count - index);
        let mut positions = vec![0; usize::try_from(there * POSITION_LEN).map_err(|_| damaged())?];
        file.read_at(&mut positions, table + index * POSITION_LEN).map_err(io)?;
        let (positions, _) = positions.as_chunks();
        let mut offsets: Vec<u64> = positions.iter().map(|at| u64::from(u32::from_le_bytes(*at))).collect();
        if there == wanted {
            offsets.push(table);
        }
        if !offsets.is_sorted()
            || offsets.first() < Some(&(HEADER_LEN as u64))
            || offsets.last() > Some(&table)
        {
            return Err(damaged());
        }
        let begin = offsets[0];
        let fitting = offsets.partition_point(|end| end - begin <= MAX_READ_BYTES);
        offsets.truncate(fitting.max(2));
        entries(&*file, &name, &offsets)
    }
}

/// First and last entry of a committed chunk.
#[derive(Clone, Copy)]
struct Range {
    first: Seqno,
    last: Seqno,
}

impl Range {
    fn of_committed(name: &str) -> Option<Self> {
        match name.parse() {
            Ok(ChunkName { first, phase: ChunkPhase::Committed { last }, mark: ChunkMark::None }) => {
                Some(Self { first, last })
            }
            _ => None,
        }
    }

    fn holds(self, seqno: Seqno) -> bool {
        (self.first..=self.last).contains(&seqno)
    }

    fn name(self) -> String {
        let phase = ChunkPhase::Committed { last: self.last };
        ChunkName { first: self.first, phase, mark: ChunkMark::None }.to_string()
    }
}

/// The entries between consecutive offsets, read with one call.
fn entries(file: &dyn File, name: &str, offsets: &[u64]) -> Result<Vec<Vec<u8>>, ReadFault> {
    let damaged = || ReadFault::Damaged { file: name.to_owned() };
    let [begin, .., end] = *offsets else { return Err(damaged()) };
    let mut bytes = vec![0; usize::try_from(end - begin).map_err(|_| damaged())?];
    file.read_at(&mut bytes, begin).map_err(|error| fault(name, &error))?;
    let at = |offset: u64| usize::try_from(offset - begin).expect("inside of what was read");
    Ok(offsets.windows(2).map(|pair| bytes[at(pair[0])..at(pair[1])].to_vec()).collect())
}

fn fault(name: &str, error: &io::Error) -> ReadFault {
    match error.raw_os_error() {
        // The file is shorter than its own header says.
        None if error.kind() == io::ErrorKind::UnexpectedEof => ReadFault::Damaged { file: name.to_owned() },
        errno => ReadFault::Io { file: name.to_owned(), errno: errno.unwrap_or(0) },
    }
}
