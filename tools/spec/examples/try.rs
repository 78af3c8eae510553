//! try
use coco_spec::*;
fn main() {
    let base = Model { nodes: 3, founders: 3, max_view: 3, max_length: 3, max_data: 0, max_configurations: 1, max_marks: 0, at_once: true, stand: false, join: false, flaw: None };
    let el = Model { max_length: 4, max_data: 1, ..base };
    let disk = Model { max_length: 3, at_once: false,  ..base };
    let rc = Model { founders: 2, max_configurations: 2, ..base };
    let rc4 = Model { founders: 2, max_configurations: 2, max_length: 4, ..base };
    let ret = Model { nodes: 2, founders: 2, max_length: 6, max_configurations: 2, max_marks: 1, ..base };
    use Flaw::*;
    let cases: Vec<(&str, Model, Option<Flaw>)> = vec![
        ("elections", base, None), ("el", el, Some(CommitOfAnyView)), ("el", el, Some(AnyCandidate)), ("el", el, Some(ManyVotes)), ("el", el, Some(LongEnough)),
        ("el", el, Some(CutAfterMessage)), ("el", el, Some(KeepUnsigned)), ("el", el, Some(CommitUnmatched)), ("disk", disk, Some(CountUnwritten)),
        ("rc", rc, Some(QuorumOfUnion)), ("rc4", rc4, Some(NewestOnly)), ("rc4", rc4, Some(CommittedOnly)), ("ret", ret, Some(StandWhenGone)), ("ret", ret, Some(MarkEarly)), ("ret", ret, None), ("disk", disk, None),
    ];
    for (name, model, flaw) in cases {
        let t = std::time::Instant::now();
        println!("{name} {flaw:?}: {:?} {:.1}", explore(&Model { flaw, ..model }, 2_000_000).map_err(|b| b.to_string()), t.elapsed().as_secs_f64());
    }
}
