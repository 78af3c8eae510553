use coco_app::{ApiInfo, CommitObserver, Index as _, IndexStatus, Manifest, RestAdapter};
use coco_wire::{Key, TableName, Value};

use super::*;

const TABLE: &str = "public:t";

/// An index of the application's own, while it has one: all transactions from the first that it wants.
#[derive(Default)]
struct Own(Mutex<Option<(Seqno, Vec<Seqno>)>>);

impl Own {
    fn begin_at(&self, next: u64) {
        *self.0.lock().unwrap() = Some((Seqno(next), Vec::new()));
    }

    fn seen(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().flat_map(|(_, seen)| seen.iter().map(|seqno| seqno.0)).collect()
    }
}

impl CommitObserver for Own {
    fn index(&self, committed: &Committed<'_>) {
        if let Some((next, seen)) =
            self.0.lock().unwrap().as_mut().filter(|(next, _)| *next <= committed.seqno)
        {
            assert_eq!(committed.seqno, *next, "nothing is left out");
            seen.push(committed.seqno);
            *next = committed.seqno.next();
        }
    }

    fn indexes(&self) -> Vec<IndexStatus> {
        let status = |next| IndexStatus { name: "own".to_owned(), next };
        self.0.lock().unwrap().iter().map(|(next, _)| status(*next)).collect()
    }
}

struct Fixture {
    feed: Feed,
    own: Arc<Own>,
    indexes: Arc<Indexes>,
    committed: u64,
    now: Monotonic,
}

impl Fixture {
    fn new(indexed_tables: Vec<&'static str>) -> Self {
        let (own, indexes) = (Arc::<Own>::default(), Arc::new(Indexes::over(indexed_tables)));
        let info = ApiInfo { mount: "/app", title: "", description: "", version: "" };
        let app = RestAdapter::new(Manifest::default(), info).observed_by(own.clone());
        let feed = Feed::new(Arc::clone(&indexes), Arc::new(app));
        Self { feed, own, indexes, committed: 0, now: Monotonic(0) }
    }

    /// Commits some more at once, each of so many bytes.
    fn commit(&mut self, count: u64, len: usize) {
        let mut committing = self.feed.committing();
        for _ in 0..count {
            self.committed += 1;
            committing.committed(Seqno(self.committed), &Arc::new(writes(len)));
        }
        committing.finish(Seqno(self.committed));
    }

    /// What is to be read now, after a short while.
    fn wanted(&mut self) -> Option<(u64, u64)> {
        self.now = Monotonic(self.now.0 + 1);
        let lacking = self.feed.lacking(Seqno(self.committed), self.now);
        assert!(lacking.len() <= 1, "one read serves both: {lacking:?}");
        lacking.first().map(|(from, to)| (from.0, to.0))
    }

    fn fill(&self, seqnos: impl Iterator<Item = u64>) {
        self.feed.fill(&seqnos.map(|seqno| (Seqno(seqno), writes(1))).collect::<Vec<_>>());
    }

    fn indexed(&self) -> (u64, Vec<u64>) {
        let index = self.indexes.table(TABLE).unwrap();
        let all = index.seqnos(b"key", Seqno(1), Seqno(u64::MAX), usize::MAX);
        (index.indexed_to().0, all.into_iter().map(|seqno| seqno.0).collect())
    }
}

fn writes(len: usize) -> WriteSet {
    let mut writes = WriteSet::default();
    writes.table_mut(&TableName::new(TABLE)).insert(Key::new(b"key"), Some(Value::new(&vec![0; len])));
    writes
}

#[test]
fn a_node_that_has_everything_reads_nothing() {
    let mut node = Fixture::new(vec![TABLE]);
    node.own.begin_at(1);
    node.commit(3, 1);
    assert_eq!((node.wanted(), node.own.seen(), node.indexed()), (None, vec![1, 2, 3], (3, vec![1, 2, 3])));
    node.commit(2, 1);
    assert_eq!((node.wanted(), node.own.seen().len(), node.indexed().0), (None, 5, 5));
}

#[test]
fn what_is_lacking_comes_first() {
    let mut node = Fixture::new(vec![TABLE]);
    node.own.begin_at(1);
    // A snapshot of the first ten.
    node.committed = 10;
    node.commit(5, 1);
    assert_eq!((node.own.seen(), node.indexed()), (vec![], (0, vec![])), "not before its turn");
    assert_eq!(node.wanted(), Some((1, 15)));
    assert_eq!(node.wanted(), None, "it is being read");
    node.fill(1..=4);
    assert_eq!((node.own.seen().len(), node.indexed().0), (4, 4), "progress is told");
    assert_eq!(node.wanted(), Some((5, 15)));
    node.commit(5, 1);
    // The rest up to where the node began; what came since it has kept.
    node.fill(5..=10);
    let all: Vec<_> = (1..=20).collect();
    assert_eq!((node.own.seen(), node.indexed()), (all.clone(), (20, all)));
    node.commit(1, 1);
    assert_eq!((node.wanted(), node.own.seen().len()), (None, 21));
}

#[test]
fn answers_may_be_late_wrong_or_double() {
    let mut node = Fixture::new(vec![TABLE]);
    node.committed = 10;
    assert_eq!(node.wanted(), Some((1, 10)));
    node.fill(3..=10);
    assert_eq!(node.indexed().0, 0, "a gap");
    assert_eq!(node.wanted(), None, "what did not help is not asked for again at once");
    node.now.0 += RETRY_MS;
    assert_eq!(node.wanted(), Some((1, 10)));
    node.fill([1, 2, 4].into_iter());
    node.fill(1..=6);
    node.fill(1..=10);
    node.fill(4..=7);
    assert_eq!((node.wanted(), node.indexed()), (None, (10, (1..=10).collect())));
}

#[test]
fn no_more_is_kept_than_allowed() {
    let mut node = Fixture::new(vec![TABLE]);
    node.committed = 1;
    for _ in 0..5 {
        node.commit(1, MAX_RECENT_BYTES / 3);
    }
    assert_eq!(node.wanted(), Some((1, 6)));
    node.fill(1..=1);
    assert_eq!(node.indexed().0, 1, "the next ones are not kept any more");
    assert_eq!(node.wanted(), Some((2, 6)));
    node.fill(2..=4);
    assert_eq!((node.wanted(), node.indexed().0), (None, 6));
}

#[test]
fn an_index_begins_where_it_wants() {
    let mut node = Fixture::new(vec![]);
    node.committed = 10;
    node.commit(5, 1);
    assert_eq!(node.wanted(), None, "nobody wants anything");
    node.own.begin_at(16);
    assert_eq!(node.wanted(), None);
    node.commit(2, 1);
    assert_eq!(node.own.seen(), [16, 17], "without what was before");
    node.own.begin_at(3);
    node.commit(1, 1);
    assert_eq!(node.wanted(), Some((3, 18)));
    node.fill(3..=18);
    assert_eq!((node.wanted(), node.own.seen()), (None, (3..=18).collect()));
    node.own.begin_at(30);
    node.commit(5, 1);
    assert_eq!((node.wanted(), node.own.seen()), (None, vec![]), "not yet");
}

#[test]
fn neither_waits_for_the_other() {
    let mut node = Fixture::new(vec![TABLE]);
    node.committed = 10;
    node.own.begin_at(11);
    node.commit(5, 1);
    assert_eq!((node.own.seen(), node.indexed().0), ((11..=15).collect(), 0));
    node.own.begin_at(8);
    node.now.0 += RETRY_MS;
    let reads = |node: &Fixture| node.feed.lacking(Seqno(node.committed), node.now);
    assert_eq!(reads(&node), [(Seqno(1), Seqno(15)), (Seqno(8), Seqno(15))]);
    node.fill(8..=15);
    assert_eq!((node.own.seen(), node.indexed().0), ((8..=15).collect(), 0));
    assert_eq!(reads(&node), [], "the other read is not answered yet");
    node.fill(1..=10);
    assert_eq!(node.indexed().0, 15);
}
