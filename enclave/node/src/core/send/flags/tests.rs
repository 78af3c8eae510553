use super::*;

#[test]
fn entries_read_back_with_other_flags_are_found() {
    let entry = |flags| EntryHeader::new(flags, 200).unwrap().encode().to_vec();
    let (none, after) = (entry(EntryFlags::NONE), entry(EntryFlags::FORCE_CHUNK_AFTER));
    let mut flags = Flags::default();
    assert!(flags.are_known_from(Seqno(1)), "a node that began with the service knows all");
    flags.from = Seqno(5);
    flags.note(Seqno(5), &none);
    flags.note(Seqno(6), &after);
    let cases = [
        (4, &none, false, "not known"),
        (5, &none, true, "as written"),
        (5, &after, false, "set"),
        (6, &after, true, "as written"),
        (6, &none, false, "cleared"),
        (6, &vec![1; 4], false, "no entry"),
    ];
    for (seqno, entry, expected, case) in cases {
        assert_eq!(flags.are_those_of(Seqno(seqno), entry), expected, "{seqno}: {case}");
    }
    flags.rollback(Seqno(5));
    flags.note(Seqno(6), &none);
    assert!(flags.are_those_of(Seqno(6), &none), "another entry after a rollback");
}
