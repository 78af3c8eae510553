use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    entry::EntryFlags,
    peer::{
        Draft, TooLong,
        frame::{SEALED_HEADER_LEN, TAG_LEN},
    },
};

fn entry(len: usize) -> Vec<u8> {
    let header = EntryHeader::new(EntryFlags::NONE, len as u64).unwrap();
    [&header.encode()[..], &vec![9; len]].concat()
}

fn check(message: &Message<'_>) {
    let mut bytes = Vec::new();
    message.encode_to(&mut bytes);
    assert_eq!(bytes.len(), message.encoded_len());
    assert_eq!(Message::decode(&bytes).as_ref(), Ok(message));
    assert_eq!(Draft::of(message).unwrap().message(), bytes);
    let open_ended = match message {
        Message::AppendEntries(..) => APPEND_ENTRIES_LEN,
        Message::ForwardedRequest { .. } | Message::ForwardedResponse { .. } => 9,
        _ => bytes.len(),
    };
    for cut in 0..open_ended {
        assert!(Message::decode(&bytes[..cut]).is_err(), "{message:?} cut to {cut}");
    }
    if open_ended == bytes.len() && open_ended < APPEND_ENTRIES_LEN && !matches!(bytes[0], 6 | 7) {
        bytes.push(0);
        assert_eq!(Message::decode(&bytes), Err(MessageError::Fields));
    }
}

fn txids() -> impl Strategy<Value = TxId> {
    (any::<u64>(), any::<u64>()).prop_map(|(view, seqno)| TxId { view: View(view), seqno: Seqno(seqno) })
}

fn elections() -> impl Strategy<Value = Election> {
    prop_oneof![Just(Election::PreVote), Just(Election::Vote)]
}

proptest! {
    #[test]
    fn messages_cross_unchanged(
        numbers in (any::<u64>(), any::<u64>()), txid in txids(), election in elections(),
        granted in any::<bool>(), body in vec(any::<u8>(), 0..50),
    ) {
        let (view, last, id) = (View(numbers.0), Seqno(numbers.1), ForwardId(numbers.1));
        check(&Message::AppendEntriesResponse(AppendEntriesResponse::Accepted { view, last }));
        check(&Message::AppendEntriesResponse(AppendEntriesResponse::Refused { view, possible: txid }));
        check(&Message::RequestVote(RequestVote { view, last_signature: txid, election }));
        check(&Message::RequestVoteResponse(RequestVoteResponse { view, granted, election }));
        check(&Message::ProposeRequestVote { view });
        let (read, round) = (ReadId(numbers.1), numbers.1);
        for index in [None, Some(txid.seqno)] {
            check(&Message::ReadIndex(ReadIndex::Answered { view, read, index }));
        }
        for message in [
            ReadIndex::Asked { view, read },
            ReadIndex::Confirm { view, round },
            ReadIndex::Confirmed { view, round },
        ] {
            check(&Message::ReadIndex(message));
        }
        check(&Message::ForwardedRequest { id, body: &body });
        check(&Message::ForwardedResponse { id, body: &body });
    }

    #[test]
    fn entries_cross_unchanged(
        lens in vec(36_usize..200, 0..8), view in any::<u64>(), previous in 0_u64..u64::MAX / 2,
    ) {
        let entries: Vec<Vec<u8>> = lens.iter().map(|len| entry(*len)).collect();
        let run = entries.concat();
        let at = |seqno| TxId { view: View(view), seqno: Seqno(seqno) };
        let header = AppendEntries {
            view: View(view),
            previous: at(previous),
            last: at(previous + lens.len() as u64),
            committed: Seqno(previous / 2),
        };
        let run = EntryRun::new(&run).unwrap();
        check(&Message::AppendEntries(header, run));
        prop_assert_eq!(run.count(), lens.len() as u64);
        prop_assert_eq!(run.iter().collect::<Vec<_>>(), entries.iter().collect::<Vec<_>>());
        let draft = Draft::append_entries(&header, &entries).unwrap();
        prop_assert_eq!(Message::decode(draft.message()), Ok(Message::AppendEntries(header, run)));
        prop_assert_eq!(draft.into_bytes().len(), SEALED_HEADER_LEN + APPEND_ENTRIES_LEN + run.bytes().len());
    }

    #[test]
    fn any_bytes_are_refused_or_have_one_encoding(kind in 0_u8..13, rest in vec(any::<u8>(), 0..80)) {
        let bytes = [&[kind][..], &rest].concat();
        if let Ok(message) = Message::decode(&bytes) {
            let mut again = Vec::new();
            message.encode_to(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }
}

#[test]
fn entries_must_be_whole_and_counted() {
    let (one, two) = (entry(40), [entry(40), entry(36)].concat());
    let cases: [(&[u8], u64, u64, bool); 9] = [
        (&[], 5, 5, true),
        (&[], 5, 6, false),
        (&one, 5, 6, true),
        (&one, 5, 5, false),
        (&one, 6, 5, false),
        (&two, 5, 7, true),
        (&two, 5, 6, false),
        (&one[..47], 5, 6, false),
        (&one[1..], 5, 6, false),
    ];
    for (run, previous, last, expected) in cases {
        let at = |seqno| TxId { view: View(2), seqno: Seqno(seqno) };
        let header =
            AppendEntries { view: View(2), previous: at(previous), last: at(last), committed: Seqno::ZERO };
        let draft = Draft::append_entries(&header, &[run]).unwrap();
        let decoded = Message::decode(draft.message());
        assert_eq!(decoded.is_ok(), expected, "{} bytes, {previous} to {last}: {decoded:?}", run.len());
    }
    let header = AppendEntries {
        view: View(2),
        previous: TxId { view: View(1), seqno: Seqno(5) },
        last: TxId { view: View(2), seqno: Seqno(5) },
        committed: Seqno::ZERO,
    };
    let draft = Draft::append_entries::<&[u8]>(&header, &[]).unwrap();
    assert_eq!(Message::decode(draft.message()), Err(MessageError::Entries), "no entries, yet another last");
}

#[test]
fn what_is_too_long_is_refused_before_it_is_copied() {
    // The same MiB again and again: nothing of this size is held.
    let part = vec![0; 1 << 20];
    let entries = vec![&part; 1025];
    let id = TxId::default();
    let header = AppendEntries { view: View(2), previous: id, last: id, committed: Seqno::ZERO };
    assert_eq!(Draft::append_entries(&header, &entries), Err(TooLong));
    let draft = Draft::of_bytes(b"any").unwrap();
    assert_eq!((draft.message(), format!("{draft:?}")), (&b"any"[..], "Draft(3 bytes)".to_owned()));
    assert!(draft.into_bytes().capacity() >= SEALED_HEADER_LEN + 3 + TAG_LEN);
}
