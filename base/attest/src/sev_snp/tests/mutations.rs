//! Evidence of a made-up machine with anything in it changed.

use coco_crypto::pem;
use coco_imitated::uvm::Message;

use super::{
    super::{
        Claims, Refusal, Requirements,
        uvm::{Endorsers, Trusted},
    },
    der::{day, revocation_list},
    machine::{Evidence, Machine, NOW, ROOT, Verify, keys, to_pem},
};
use crate::tests::changes::{Random, each_change};

struct Subject {
    evidence: Evidence,
    did: String,
}

impl Subject {
    fn new() -> Self {
        let (message, did) = Message::new().sign();
        let mut machine = Machine::milan();
        machine.lists.push(revocation_list(ROOT, &keys().root, [day(40), day(60)], &[&[5]]));
        machine.uvm = Some(message);
        Self { evidence: machine.sign(), did }
    }

    fn verify(&self, evidence: &Evidence) -> Result<Claims, Refusal> {
        let trusted = [Trusted { did: &self.did, feed: "feed of a test", svn: 0 }];
        evidence.verify(&Requirements { uvm: Endorsers::Only(&trusted), ..Requirements::STRICT }, NOW)
    }
}

#[test]
fn any_change_of_a_report_is_refused() {
    let subject = Subject::new();
    subject.verify(&subject.evidence).unwrap();
    each_change(&subject.evidence.report, &[0x01, 0x80, 0xff], |change, report| {
        let changed = Evidence { report, ..subject.evidence.clone() };
        assert!(subject.verify(&changed).is_err(), "{change}");
    });
}

#[test]
fn any_change_of_a_certificate_is_refused() {
    let subject = Subject::new();
    let text = String::from_utf8(subject.evidence.certificates.clone()).unwrap();
    let certificates: Vec<Vec<u8>> =
        pem::blocks(&text).unwrap().iter().map(|block| block.der.to_vec()).collect();
    for at in 0..3 {
        each_change(&certificates[at], &[0x01, 0xff], |change, der| {
            let mut changed = certificates.clone();
            changed[at] = der;
            let changed = Evidence { certificates: to_pem(&changed), ..subject.evidence.clone() };
            assert!(subject.verify(&changed).is_err(), "certificate {at}, {change}");
        });
    }
}

#[test]
fn changes_of_the_text_around_certificates_change_no_claims() {
    let subject = Subject::new();
    let claims = subject.verify(&subject.evidence).unwrap();
    let mut accepted = String::new();
    let original = subject.evidence.certificates.clone();
    each_change(&original, &[0x01, 0x20, 0xff], |change, certificates| {
        let changed = Evidence { certificates, ..subject.evidence.clone() };
        if let Ok(found) = subject.verify(&changed) {
            assert_eq!(found, claims);
            accepted.push_str(&change);
            accepted.push('\n');
        }
    });
    // Only the last line feed may go.
    assert_eq!(accepted, format!("{} bytes\n", original.len() - 1));
}

#[test]
fn any_change_of_a_revocation_list_is_refused() {
    let subject = Subject::new();
    each_change(&subject.evidence.lists[0], &[0x01, 0xff], |change, list| {
        let changed = Evidence { lists: vec![list], ..subject.evidence.clone() };
        assert!(subject.verify(&changed).is_err(), "{change}");
    });
}

#[test]
fn changes_of_endorsements_are_refused_but_for_the_unprotected_header() {
    let subject = Subject::new();
    let claims = subject.verify(&subject.evidence).unwrap();
    let message = subject.evidence.uvm.clone().unwrap();
    let unprotected = message.windows(7).position(|window| window == b"ignored").unwrap();
    each_change(&message, &[0x01, 0xff], |change, message| {
        let shorter = message.len() < subject.evidence.uvm.as_ref().unwrap().len();
        let changed = Evidence { uvm: Some(message), ..subject.evidence.clone() };
        if let Ok(found) = subject.verify(&changed) {
            assert_eq!(found, claims);
            let places = unprotected - 2..unprotected + 8;
            let place = places.clone().any(|at| change.starts_with(&format!("byte {at:#x} ")));
            assert!(place && !shorter, "{change}");
        }
    });
}

#[test]
fn random_changes_are_refused() {
    let subject = Subject::new();
    let claims = subject.verify(&subject.evidence).unwrap();
    let mut believed = 0;
    let mut random = Random::new();
    for round in 0..100_000 {
        let mut changed = subject.evidence.clone();
        let part = random.draw(8);
        let bytes = match part {
            0 => &mut changed.certificates,
            1 => &mut changed.lists[0],
            2 => changed.uvm.as_mut().unwrap(),
            _ => &mut changed.report,
        };
        random.change(bytes);
        // What is still believed says the same: it was changed where nothing is signed.
        if changed != subject.evidence
            && let Ok(found) = subject.verify(&changed)
        {
            assert_eq!(found, claims, "round {round} of seed {}", random.seed);
            believed += 1;
        }
    }
    assert!(believed < 1_000, "{believed} of seed {}", random.seed);
}
