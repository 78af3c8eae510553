use coco_client::governance::ServiceRecord;

use super::{Objection, Rows};

fn constitution(validate: &str) -> String {
    format!("export function validate(input) {{ {validate} }}")
}

#[test]
fn verdicts_of_a_constitution() {
    let refused = |reason: &str| Some(format!("Refused({reason:?})"));
    for (validate, expected) in [
        ("return { valid: true }", None),
        ("return { valid: 1, description: 'x' }", None),
        ("return { valid: JSON.parse(input).a === 1 }", None),
        ("return { valid: false, description: 'no such action' }", refused("no such action")),
        ("return { valid: '' }", refused("")),
        ("return {}", refused("")),
        ("return 1", Some("NoVerdict".to_owned())),
    ] {
        let verdict = Rows::default().validate(&constitution(validate), "{\"a\":1}");
        assert_eq!(verdict.err().map(|objection| format!("{objection:?}")), expected, "{validate}");
    }
    for broken in ["throw new Error('no')", "while (true) {}", "]"] {
        let verdict = Rows::default().validate(&constitution(broken), "{}");
        assert!(matches!(verdict, Err(Objection::Failed(_))), "{broken}");
    }
}

#[test]
fn scripts_see_the_service() {
    let service = ServiceRecord { status: "Open".to_owned(), certificate: "PEM".to_owned() };
    let rows = Rows::default().service(&service);
    let script = constitution(
        "const row = ccf.kv['public:ccf.gov.service.info'].get(new ArrayBuffer(8));
         return { valid: ccf.bufToJsonCompatible(row).cert === 'PEM' }",
    );
    rows.validate(&script, "{}").unwrap();
    assert!(Rows::default().validate(&script, "{}").is_err());
    let ballot =
        "export function vote(proposal, proposer) { return proposal.length === 2 && proposer[0] === '0' }";
    assert!(rows.vote(ballot, "{}", &Default::default()).unwrap());
    assert!(!rows.vote(ballot, "{ }", &Default::default()).unwrap());
}
