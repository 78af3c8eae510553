use coco_app::{Headers, Method, Request};
use coco_boundary::ReadFault;
use coco_wire::{
    Key, Seqno, TableName, TxId, Value, View, WriteSet,
    chunk::Chunk,
    domain::Commitments,
    entry::{EntryFlags, UnsealedEntry},
};

use super::*;
use crate::admin::files::range::Range;

fn entry(seqno: u64, len: usize) -> Vec<u8> {
    let mut writes = WriteSet::default();
    writes.table_mut(&TableName::new("public:t")).insert(Key::new(b"key"), Some(Value::new(&vec![7; len])));
    let id = TxId { view: View(2), seqno: Seqno(seqno) };
    let entry = UnsealedEntry::of_writes(id, EntryFlags::NONE, Commitments::None, &writes).unwrap();
    entry.seal(|_, _, _| Ok::<_, ()>([0; 16])).unwrap()
}

/// An open chunk of entries 5 to 8, one of them larger than what is read at a time, and what was preallocated behind.
fn open_chunk() -> Vec<u8> {
    let mut bytes = chunk::encode_header(0).to_vec();
    for (seqno, len) in [(5, 10), (6, 3 * usize::try_from(STRIDE).unwrap()), (7, 0), (8, 20)] {
        bytes.extend(entry(seqno, len));
    }
    bytes.extend([0; 1000]);
    bytes
}

fn ask(method: Method, last: u64, range: Option<&str>) -> GetPrefix {
    let name = PrefixName { first: Seqno(5), last: Seqno(last) };
    let request = Request::new(method, String::new(), Headers::default(), Vec::new().into());
    let range = range.map(|range| Range::parse(range).unwrap());
    GetPrefix::new(name, Get::new(FileName::Chunk(name.chunk()), range, &request))
}

/// Answers from these bytes as a host does, at most `at_once` at a time.
fn answer(mut get: GetPrefix, file: &[u8], at_once: u64) -> Response {
    let mut given = Given::Nothing;
    loop {
        given = match get.next(given) {
            Next::Read { file: name, offset, len } => {
                assert_eq!(name.to_string(), "ledger_5");
                let begin = usize::try_from(offset).unwrap().min(file.len());
                let end = usize::try_from(offset + len.min(at_once)).unwrap().min(file.len());
                let bytes = file[begin..end].to_vec();
                Given::Part(Ok(FilePart { bytes, file_len: file.len() as u64 }))
            }
            Next::Answer(response) => return response,
            Next::List(_) => panic!("nothing is looked for"),
        };
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
}

#[test]
fn it_is_a_complete_chunk_of_what_is_committed() {
    let open = open_chunk();
    for last in 5..=8 {
        for at_once in [100, STRIDE, u64::MAX / 2] {
            let response = answer(ask(Method::Get, last, None), &open, at_once);
            assert_eq!(response.status, Status::OK, "up to {last}");
            let found = Chunk::decode(&response.body).unwrap();
            assert!(found.is_complete());
            let seqnos: Vec<_> = found.entries().map(|entry| entry.unwrap().1.iv().tx_id().seqno.0).collect();
            assert_eq!(seqnos, (5..=last).collect::<Vec<_>>());
            let name = format!("ledger_5-{last}.committed_prefix");
            assert_eq!(header(&response, "x-ms-ccf-ledger-chunk-name"), Some(name.as_str()));
            assert_eq!(header(&response, "x-ms-ccf-ledger-chunk-kind"), Some("committed-prefix"));
            assert_eq!(header(&response, "cache-control"), Some("no-store"));
        }
    }
}

#[test]
fn ranges_are_of_the_whole() {
    let open = open_chunk();
    let whole = answer(ask(Method::Get, 7, None), &open, STRIDE).body;
    let len = whole.len();
    let head = answer(ask(Method::Head, 7, None), &open, STRIDE);
    assert_eq!((header(&head, "content-length"), head.body.len()), (Some(len.to_string().as_str()), 0));
    for (range, expected) in [
        ("bytes=0-0".to_owned(), 0..1),
        ("bytes=3-11".to_owned(), 3..12),
        ("bytes=100-".to_owned(), 100..len),
        ("bytes=-5".to_owned(), len - 5..len),
        (format!("bytes={}-{}", len - 20, len - 3), len - 20..len - 2),
        (format!("bytes=-{}", 2 * len), 0..len),
    ] {
        let part = answer(ask(Method::Get, 7, Some(&range)), &open, 1000);
        assert_eq!(part.status, Status::PARTIAL_CONTENT, "{range}");
        let described = format!("bytes {}-{}/{len}", expected.start, expected.end - 1);
        assert_eq!(header(&part, "content-range"), Some(described.as_str()));
        assert!(part.body == whole[expected], "{range}");
    }
}

#[test]
fn what_is_not_there_is_not_made_up() {
    let open = open_chunk();
    let mut damaged = open.clone();
    damaged[8] = 2;
    for (what, file, last) in [
        ("more entries than there are", open.as_slice(), 9),
        ("no entry", damaged.as_slice(), 6),
        ("an empty file", [].as_slice(), 5),
        ("a file that ends in a header", &open[..12], 5),
    ] {
        assert_eq!(answer(ask(Method::Get, last, None), file, STRIDE).status, Status::NOT_FOUND, "{what}");
    }
    let cut = answer(ask(Method::Get, 5, None), &open[..40], STRIDE);
    assert!(!cut.status.is_success(), "a file that ends in an entry");
    let mut get = ask(Method::Get, 5, None);
    get.next(Given::Nothing);
    let fault = ReadFault::Io { file: "ledger_5".into(), errno: 2 };
    let Next::Answer(absent) = get.next(Given::Part(Err(fault))) else { panic!("an answer") };
    assert_eq!(absent.status, Status::NOT_FOUND);
}
