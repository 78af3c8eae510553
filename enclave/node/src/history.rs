//! Committed transactions read back from the ledger: decrypted, checked against a signed root, kept for a while.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_app::{Chain, ErrorCode, Historical, Lookup, Receipt, Reject, Status, TxStatus};
use coco_boundary::{Effect, Monotonic, ReadFault, RequestId};
use coco_ledger::{Opened, SignedRoot, open};
use coco_wire::{Seqno, WriteSet};

use crate::{feed::Feed, keys::SecretSlot};

/// Most transactions that one call may ask for.
const MAX_PER_CALL: usize = 10_000;
/// Most transactions being loaded at a time; further ones wait until the client asks again.
const MAX_LOADING: usize = 20_000;
/// A read that was not answered for so long is asked for again.
const RETRY_MS: u64 = 5_000;
/// Rough cost of a kept transaction beside its bytes in the ledger.
const OVERHEAD: usize = 512;
/// Bytes of entries that wait for their signature to be read, too: 256 MiB.
const MAX_UNPROVED: usize = 256 << 20;

/// Cache of committed transactions with their receipts.
pub struct History {
    secrets: SecretSlot,
    limit: usize,
    feed: Arc<Feed>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    /// Committed signatures, ascending.
    signatures: Vec<Seqno>,
    kept: BTreeMap<Seqno, (Arc<Historical>, usize)>,
    /// In the order in which they came, to be dropped in that order.
    order: VecDeque<Seqno>,
    bytes: usize,
    loading: BTreeMap<Seqno, Monotonic>,
    requests: BTreeMap<RequestId, Reading>,
    /// Bytes of entries in `requests`.
    unproved: usize,
    next_request: u64,
    wanted: Vec<Effect>,
}

/// Entries as they came from the host: opened and checked on another thread than the sequencer's.
pub struct Decoding(Reading);

/// A run of entries that is read.
struct Reading {
    first: Seqno,
    wanted_to: Seqno,
    purpose: Purpose,
    /// What came so far; no signature is among them as long as more is read.
    entries: Vec<Vec<u8>>,
}

/// Why entries are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A call asks for them.
    Keep,
    /// Indexes lack them.
    Index,
}

impl History {
    /// An empty cache of about `limit` bytes, which reads what indexes lack for `feed`.
    #[must_use]
    pub(crate) fn new(secrets: SecretSlot, limit: usize, feed: Arc<Feed>) -> Self {
        Self { secrets, limit, feed, cache: Mutex::default() }
    }

    /// Begins to read what indexes lack of what is committed, if they do: to be called from time to time.
    pub fn fill_indexes(&self, committed: Seqno, now: Monotonic) {
        for (from, to) in self.feed.lacking(committed, now) {
            let reading =
                Reading { first: from, wanted_to: to, purpose: Purpose::Index, entries: Vec::new() };
            self.lock().read(reading);
        }
    }

    /// Notes a committed signature; they come in order.
    pub fn signature_committed(&self, seqno: Seqno) {
        self.lock().signatures.push(seqno);
    }

    /// Number of committed signatures noted so far.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.lock().signatures.len()
    }

    /// Transactions at `seqnos`, or a request to the host for those that are missing.
    ///
    /// # Errors
    /// If one is not committed, or there are too many.
    pub fn lookup(
        &self,
        chain: &Chain,
        seqnos: &[Seqno],
        now: Monotonic,
    ) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        if seqnos.len() > MAX_PER_CALL {
            let text = format!("At most {MAX_PER_CALL} transactions can be asked for at a time.");
            return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidInput, text));
        }
        if seqnos.iter().any(|seqno| *seqno > chain.committed.seqno || *seqno == Seqno::ZERO) {
            let text = "A transaction asked for is not committed.";
            return Err(Reject::new(Status::NOT_FOUND, ErrorCode::TransactionPendingOrUnknown, text));
        }
        let mut cache = self.lock();
        let found: Vec<_> =
            seqnos.iter().filter_map(|seqno| cache.kept.get(seqno).map(|(it, _)| Arc::clone(it))).collect();
        if found.len() == seqnos.len() {
            return Ok(Lookup::Found(found));
        }
        let missing: BTreeSet<_> =
            seqnos.iter().copied().filter(|seqno| !cache.kept.contains_key(seqno)).collect();
        cache.request(&missing, now);
        Ok(Lookup::Loading)
    }

    /// Reads that the host is to be asked for.
    #[must_use]
    pub fn take_reads(&self) -> Vec<Effect> {
        std::mem::take(&mut self.lock().wanted)
    }

    /// Takes the host's answer; the work on it is for another thread.
    #[must_use]
    pub fn answered(&self, request: RequestId, entries: Result<Vec<Vec<u8>>, ReadFault>) -> Option<Decoding> {
        let mut cache = self.lock();
        let mut reading = cache.requests.remove(&request)?;
        cache.unproved -= reading.bytes();
        match entries {
            Ok(entries) if !entries.is_empty() => {
                reading.entries.extend(entries);
                Some(Decoding(reading))
            }
            Ok(_) | Err(_) => {
                cache.forget(reading.first, reading.wanted_to);
                None
            }
        }
    }

    /// Opens entries, proves them by their signatures and keeps them; without a signature among them it asks for more.
    /// What the host altered is not kept, nor what was signed but never committed: that is of another view than `chain`
    /// has there.
    pub fn decode(&self, chain: &Chain, decoding: Decoding) {
        let Decoding(reading) = decoding;
        let mut batch: Vec<(Opened, usize)> = Vec::new();
        let (mut kept, mut indexed) = (Vec::new(), Vec::new());
        let secrets = self.secrets.load();
        for (seqno, bytes) in (reading.first.0..).map(Seqno).zip(&reading.entries) {
            let Some(Ok(opened)) = secrets.as_ref().map(|secrets| open(secrets, bytes)) else { break };
            if opened.txid.seqno != seqno || chain.status(opened.txid) != TxStatus::Committed {
                break;
            }
            let signature = opened.is_signature();
            batch.push((opened, bytes.len()));
            if !signature {
                continue;
            }
            let batch = std::mem::take(&mut batch);
            match reading.purpose {
                Purpose::Keep => kept.extend(prove(batch)),
                Purpose::Index => match check(batch) {
                    Some(transactions) => indexed.extend(transactions),
                    None => break,
                },
            }
        }
        // Nothing proves them yet, and nothing is wrong with them.
        if batch.len() == reading.entries.len() && reading.next() <= reading.wanted_to {
            let mut cache = self.lock();
            if cache.unproved + reading.bytes() <= MAX_UNPROVED {
                return cache.read(reading);
            }
        }
        if reading.purpose == Purpose::Index {
            return self.feed.fill(&indexed);
        }
        let mut cache = self.lock();
        cache.forget(reading.first, reading.wanted_to);
        for (historical, size) in kept {
            cache.keep(Arc::new(historical), size, self.limit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn next(&self) -> Seqno {
        Seqno(self.first.0 + self.entries.len() as u64)
    }

    fn bytes(&self) -> usize {
        self.entries.iter().map(Vec::len).sum()
    }
}

impl Cache {
    /// Asks for runs of entries, each up to the signature that covers it.
    fn request(&mut self, missing: &BTreeSet<Seqno>, now: Monotonic) {
        let mut asked_to = Seqno::ZERO;
        for &seqno in missing {
            let busy = self.loading.get(&seqno).is_some_and(|at| now.since_ms(*at) < RETRY_MS);
            if busy || seqno <= asked_to || self.loading.len() >= MAX_LOADING {
                continue;
            }
            let at = self.signatures.partition_point(|signature| *signature < seqno);
            let Some(&to) = self.signatures.get(at) else { continue };
            for loading in missing.range(seqno..=to) {
                self.loading.insert(*loading, now);
            }
            self.read(Reading { first: seqno, wanted_to: to, purpose: Purpose::Keep, entries: Vec::new() });
            asked_to = to;
        }
    }

    /// Has what is left of a run read.
    fn read(&mut self, reading: Reading) {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let (from, to) = (reading.next(), reading.wanted_to);
        self.unproved += reading.bytes();
        self.requests.insert(request, reading);
        self.wanted.push(Effect::ReadEntries { request, from, to });
    }

    fn forget(&mut self, from: Seqno, to: Seqno) {
        let done: Vec<_> = self.loading.range(from..=to).map(|(seqno, _)| *seqno).collect();
        for seqno in done {
            self.loading.remove(&seqno);
        }
    }

    fn keep(&mut self, historical: Arc<Historical>, size: usize, limit: usize) {
        let seqno = historical.txid.seqno;
        let size = size + OVERHEAD;
        if self.kept.insert(seqno, (historical, size)).is_none() {
            self.order.push_back(seqno);
            self.bytes += size;
        }
        while self.bytes > limit && self.order.len() > 1 {
            let oldest = self.order.pop_front().and_then(|oldest| self.kept.remove(&oldest));
            self.bytes -= oldest.map_or(0, |(_, size)| size);
        }
    }
}

/// Transactions that the signature at the end covers, with their receipts.
fn prove(batch: Vec<(Opened, usize)>) -> Vec<(Historical, usize)> {
    let Some((signature, _)) = batch.last() else { return Vec::new() };
    let Ok(root) = SignedRoot::from_writes(signature.txid, &signature.writes) else { return Vec::new() };
    let txid = signature.txid;
    let proved = batch.into_iter().filter_map(|(opened, size)| {
        let receipt = if opened.txid == txid {
            Receipt {
                json: root.own_receipt().ok(),
                cose_signature: root.cose_signature().ok(),
                cose_proof: None,
                cose: None,
                cose_endorsements: None,
            }
        } else {
            // A path that does not lead to the root is an altered entry.
            root.check(&opened).ok()?;
            Receipt {
                json: root.receipt(&opened).ok(),
                cose_signature: root.cose_signature().ok(),
                cose_proof: root.cose_proof(&opened).ok(),
                cose: root.cose_receipt(&opened).ok(),
                cose_endorsements: None,
            }
        };
        let historical = Historical {
            txid: opened.txid,
            writes: Arc::new(opened.writes),
            claims: opened.claims,
            receipt: Arc::new(receipt),
        };
        Some((historical, size))
    });
    proved.collect()
}

/// What transactions wrote, if the signature at the end covers all of them.
fn check(batch: Vec<(Opened, usize)>) -> Option<Vec<(Seqno, WriteSet)>> {
    let (signature, _) = batch.last()?;
    let root = SignedRoot::from_writes(signature.txid, &signature.writes).ok()?;
    let txid = signature.txid;
    let covered = |opened: &Opened| opened.txid == txid || root.check(opened).is_ok();
    let all = batch.iter().all(|(opened, _)| covered(opened));
    all.then(|| batch.into_iter().map(|(opened, _)| (opened.txid.seqno, opened.writes)).collect())
}
