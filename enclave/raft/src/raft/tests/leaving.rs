//! How nodes leave a service.

use coco_wire::{Seqno, View};

use super::{
    accepted, election, entry, joins, node, run,
    several::{append, handle, ranges},
    signature, txid,
};
use crate::{Effect, Entry, Input, Membership, Message, Role};

#[test]
fn a_leader_leaves_only_when_all_know() {
    let (mut raft, _) = run(&[1, 2, 3], election());
    let mut decisions = |inputs: Vec<Input>| {
        let mut effects = handle(&mut raft, inputs);
        effects.retain(|effect| !matches!(effect, Effect::Send { message: Message::AppendEntries(_), .. }));
        effects
    };
    let persisted = |seqno| Input::Persisted(txid(2, seqno));
    let ordered = decisions(vec![Input::Propose(vec![joins(2, 1, &[2, 3])])]);
    assert_eq!(ordered, [Effect::Membership(Membership::RetirementOrdered)]);
    let signed = decisions(vec![Input::Propose(vec![signature(2, 2)]), persisted(2), accepted(2, 2, 2)]);
    assert_eq!(
        signed,
        [Effect::Membership(Membership::RetirementSigned)],
        "two of the old, but one of the new"
    );
    let completed = decisions(vec![accepted(3, 2, 2)]);
    assert_eq!(
        completed,
        [
            Effect::Commit(Seqno(2)),
            Effect::Membership(Membership::RetirementCompleted),
            Effect::Retirable([node(1)].into())
        ]
    );

    let mark = Entry { retired: vec![node(1)], ..entry(2, 3) };
    assert_eq!(
        decisions(vec![Input::Propose(vec![mark, signature(2, 4)]), persisted(4), accepted(3, 2, 4)]),
        []
    );
    let gone = decisions(vec![accepted(2, 2, 4)]);
    let nominates = Effect::Send { to: node(2), message: Message::ProposeRequestVote { view: View(2) } };
    assert_eq!(
        gone,
        [
            Effect::Commit(Seqno(4)),
            Effect::Membership(Membership::RetiredCommitted),
            nominates,
            Effect::Rollback { to: Seqno(4) }
        ]
    );
    assert_eq!(raft.role(), &Role::Retired);
    assert_eq!(handle(&mut raft, [Input::Tick { now_ms: 99_999 }]), [], "it does not stand again");
}

#[test]
fn a_retirement_is_undone_by_a_rollback_until_it_is_committed() {
    let entries = vec![signature(2, 1), joins(2, 2, &[2, 3]), signature(2, 3)];
    let ordered = Effect::Membership(Membership::RetirementOrdered);
    let signed = Effect::Membership(Membership::RetirementSigned);
    let undone = Effect::Membership(Membership::Active);
    let of_view_3 = append(3, 3, (2, 1), vec![signature(3, 2)], 0);
    let (raft, effects) = run(&[1, 2, 3], [append(2, 2, (0, 0), entries, 1), of_view_3]);
    let told: Vec<_> = effects.into_iter().filter(|effect| matches!(effect, Effect::Membership(_))).collect();
    assert_eq!(told, [ordered, signed, undone]);
    assert_eq!(raft.membership(), Membership::Active);
    assert_eq!(raft.log().configurations().len(), 1);
}

#[test]
fn a_node_that_left_hears_of_it_until_it_is_marked() {
    let (mut raft, _) = run(&[1, 2, 3], election());
    let removes = vec![joins(2, 1, &[1, 2]), signature(2, 2)];
    let inputs =
        [Input::Propose(removes), Input::Persisted(txid(2, 2)), accepted(2, 2, 2), accepted(3, 2, 2)];
    let effects = handle(&mut raft, inputs);
    assert!(effects.contains(&Effect::Retirable([node(3)].into())));
    assert_eq!(raft.log().leaving(), &[node(3)].into());
    assert_eq!(ranges(&handle(&mut raft, [Input::Propose(vec![entry(2, 3)])]), 3), [(2, 3)]);

    let mark = Entry { retired: vec![node(3)], ..entry(2, 4) };
    handle(
        &mut raft,
        [Input::Propose(vec![mark, signature(2, 5)]), Input::Persisted(txid(2, 5)), accepted(2, 2, 5)],
    );
    assert!(raft.log().leaving().is_empty());
    let effects = handle(&mut raft, [Input::Propose(vec![entry(2, 6)]), Input::Tick { now_ms: 1900 }]);
    assert_eq!(ranges(&effects, 3), [], "nobody talks to it any more");
}
