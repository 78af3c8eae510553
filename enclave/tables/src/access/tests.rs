use super::{Access::*, *};

#[test]
fn access_is_as_documented() {
    // In the order: application, read-only application, read-only governance, governance.
    let cases = [
        ("records", [Ok(ReadWrite), Ok(ReadOnly), Ok(Illegal), Ok(Illegal)]),
        ("public:records", [Ok(ReadWrite), Ok(ReadOnly), Ok(Illegal), Ok(WriteOnly)]),
        ("public:ccf.gov.users.info", [Ok(ReadOnly), Ok(ReadOnly), Ok(ReadOnly), Ok(ReadWrite)]),
        ("public:ccf.internal.tree", [Ok(ReadOnly); 4]),
        ("public:coco.internal.snapshot_requests", [Ok(ReadOnly); 4]),
        ("public:coco.gov.nodes.appraisals", [Ok(ReadOnly), Ok(ReadOnly), Ok(ReadOnly), Ok(ReadWrite)]),
        ("coco.internal.x", [Ok(Illegal); 4]),
        ("coco.gov.x", [Ok(Illegal); 4]),
        ("ccf.gov.users.info", [Ok(Illegal); 4]),
        ("ccf.internal.tree", [Ok(Illegal); 4]),
        ("public:ccf.other", [Err(ReservedName); 4]),
        ("ccf.gov", [Err(ReservedName); 4]),
        ("public:ccfx", [Ok(ReadWrite), Ok(ReadOnly), Ok(Illegal), Ok(WriteOnly)]),
        ("public:public:ccf.gov.x", [Ok(ReadWrite), Ok(ReadOnly), Ok(Illegal), Ok(WriteOnly)]),
        ("", [Ok(ReadWrite), Ok(ReadOnly), Ok(Illegal), Ok(Illegal)]),
    ];
    for (table, expected) in cases {
        let contexts = [
            Context::Application,
            Context::ApplicationReadOnly,
            Context::GovernanceReadOnly,
            Context::Governance,
        ];
        let found = contexts.map(|context| Access::of(context, &TableName::new(table)));
        assert_eq!(found, expected, "{table}");
    }
}

#[test]
fn reading_and_writing() {
    let both = |access: Access| (access.can_read(), access.can_write());
    assert_eq!(
        [ReadWrite, ReadOnly, WriteOnly, Illegal].map(both),
        [(true, true), (true, false), (false, true), (false, false)]
    );
}

#[test]
fn two_restrictions_leave_what_both_allow() {
    let all = [ReadWrite, ReadOnly, WriteOnly, Illegal];
    for first in all {
        for second in all {
            let both = first.and(second);
            assert_eq!(both.can_read(), first.can_read() && second.can_read(), "{first:?} {second:?}");
            assert_eq!(both.can_write(), first.can_write() && second.can_write(), "{first:?} {second:?}");
        }
    }
}
