//! Services in Nitro Enclaves, and whom they let in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_attest::{Refusal, Roots, nitro};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_crypto::x509::UnixTime;
use coco_imitated::nitro::{Enclave, keys, value};
use coco_kv::Tx;
use coco_tables::{Tables, nitro::NitroLimits, nodes::QuoteFormat, platforms::CodeStatus, value::Registers};
use coco_wire::{Digest, cbor::Cbor, text::encode_hex};
use serde_json::{Value, json};

use crate::{
    applicant::{Applicant, Hardware},
    harness::Admin,
    join::{node, refusal},
    node::{Ground, STARTED_MS},
    snp::{KEY, MEASUREMENT, UNVERIFIED, refused_first, refused_on, start},
};

const REGISTERS: &str = "Quote registers are not authorised";
const AGE: &str = "Quote is too old";

/// When the nodes of these tests begin.
fn now() -> UnixTime {
    UnixTime(i64::try_from(STARTED_MS / 1000).expect("not far away"))
}

/// The common case: its document is made when the nodes begin.
pub(crate) fn enclave() -> Enclave {
    Enclave::genuine().made_at(now())
}

fn with(change: impl FnOnce(&mut Enclave)) -> Enclave {
    let mut enclave = enclave();
    change(&mut enclave);
    enclave
}

fn register(enclave: &mut Enclave, number: i64, byte: u8) {
    enclave.registers.retain(|(other, _)| *other != Cbor::Int(number));
    enclave.registers.push((Cbor::Int(number), Cbor::Bytes(vec![byte; 48].leak())));
}

impl Hardware for Enclave {
    fn quote(&self) -> Value {
        let document = STANDARD.encode(self.sign().message);
        json!({ "format": "AWS_Nitro_v1", "quote": document, "endorsements": "" })
    }

    fn bound(&self, report_data: &Digest) -> Value {
        let mut enclave = self.clone();
        enclave.bind(report_data);
        enclave.quote()
    }
}

/// What a node in this enclave runs on.
pub(crate) fn ground(enclave: &Enclave) -> Ground {
    let roots = Roots { nitro: enclave.sign().root, ..Roots::MAKERS };
    let enclave = enclave.clone();
    let platform = move |report_data: &Digest| {
        let mut enclave = enclave.clone();
        enclave.bind(report_data);
        let quote = enclave.sign().message;
        Evidence { format: EvidenceFormat::Nitro, quote, endorsements: Vec::new(), uvm_endorsements: None }
    };
    Ground { platform: Box::new(platform), roots, ..Ground::default() }
}

/// A service whose first node runs in this enclave.
fn start_on(enclave: &Enclave) -> Admin {
    start(ground(enclave))
}

#[test]
fn a_service_admits_what_its_first_node_is() {
    let mut admin = start_on(&enclave());
    let state = admin.view.state();
    let nitro = &admin.tables.nitro;
    let measurement = encode_hex(&value(0));
    assert!(nitro.measurements.has(&state.latest, &measurement));
    let counts = [
        nitro.measurements.iter(&state.latest).count(),
        nitro.registers.iter(&state.latest).count(),
        usize::from(nitro.limits.get(&state.latest).unwrap().is_some()),
    ];
    assert_eq!(counts, [1, 0, 0]);
    let own = admin.get("/node/quotes/self");
    assert_eq!((&own["format"], &own["measurement"]), (&json!("AWS_Nitro_v1"), &json!(measurement)));
}

#[test]
fn an_enclave_like_the_first_one_joins_and_is_given_the_secrets() {
    let mut admin = start_on(&enclave());
    let applicant = Applicant::on(enclave());
    applicant.told(&mut admin, "Trusted");
    let row = node(&admin, &applicant.id()).unwrap();
    assert_eq!(row.quote_info.format, QuoteFormat::AwsNitroV1);
    applicant.let_in(&mut admin);
    applicant.challenged(&mut admin);
    let answer = applicant.show(&mut admin, &Digest([1; 32]));
    assert_eq!(refusal(&answer), (401, "InvalidQuote", KEY));
}

/// Case, what is changed, and the answer.
type Case = (&'static str, fn(&mut Enclave), &'static str);

const ENCLAVES: [Case; 10] = [
    ("another image", |it| register(it, 0, 0x77), MEASUREMENT),
    ("debug mode", |it| register(it, 0, 0), UNVERIFIED),
    ("no register of the image", |it| it.registers.retain(|(number, _)| *number != Cbor::Int(0)), UNVERIFIED),
    ("another root", |it| it.authorities[0].signed_by = &keys().zone, UNVERIFIED),
    ("another key", |it| it.key = &keys().other, UNVERIFIED),
    ("another algorithm", |it| it.protected[0].1 = Cbor::Int(-7), UNVERIFIED),
    ("a document of long ago", |it| it.made = UnixTime(it.made.0 - 400), AGE),
    ("a document of tomorrow", |it| it.made = UnixTime(it.made.0 + 3000), UNVERIFIED),
    ("a certificate of earlier", |it| it.end.end = UnixTime(it.made.0 - 1), UNVERIFIED),
    ("no digest that we know", |it| it.put("digest", Cbor::Text("SHA256")), UNVERIFIED),
];

#[test]
fn enclaves_that_are_kept_out() {
    let mut admin = start_on(&enclave());
    for (case, change, expected) in ENCLAVES {
        refused_on(&mut admin, with(change), expected, case);
    }
    let applicant = Applicant::on(enclave());
    let bindings: [fn(&mut Enclave); 4] = [
        |it| it.user_data = vec![1; 32],
        |it| it.user_data.push(0),
        |it| it.user_data.truncate(31),
        |it| it.put("user_data", Cbor::Null),
    ];
    for change in bindings {
        let mut enclave = enclave();
        enclave.bind(&applicant.id());
        change(&mut enclave);
        let mut body = applicant.body();
        body["quote_info"] = enclave.quote();
        assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", KEY));
    }
    for (field, value) in [("endorsements", "AAAA"), ("uvm_endorsements", "AAAA"), ("quote", "")] {
        let mut body = applicant.body();
        body["quote_info"][field] = json!(value);
        assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", UNVERIFIED), "{field}");
    }
    applicant.told(&mut admin, "Trusted");
}

/// Case, what members wrote, and the answer.
type Vote = (&'static str, fn(&Tables, &mut Tx), &'static str);

const VOTES: [Vote; 6] = [
    ("no image", |it, tx| it.nitro.measurements.remove(tx, &encode_hex(&value(0))), MEASUREMENT),
    (
        "an image that cannot be read",
        |it, tx| {
            let key = encode_hex(&value(0)).into_bytes();
            tx.put(it.nitro.measurements.name(), key, br#""Forbidden""#.as_slice());
        },
        MEASUREMENT,
    ),
    (
        "another role",
        |it, tx| it.nitro.registers.put(tx, &"3".to_owned(), &Registers(vec!["00".repeat(48)])),
        REGISTERS,
    ),
    (
        "a register that does not exist",
        |it, tx| it.nitro.registers.put(tx, &"32".to_owned(), &Registers(vec!["00".repeat(48)])),
        REGISTERS,
    ),
    (
        "a register that cannot be read",
        |it, tx| tx.put(it.nitro.registers.name(), b"3".as_slice(), b"{}".as_slice()),
        "malformed row in table public:coco.gov.nodes.nitro.registers",
    ),
    (
        "limits that cannot be read",
        |it, tx| tx.put(it.nitro.limits.name(), vec![0; 8], b"{}".as_slice()),
        "malformed row in table public:coco.gov.nodes.nitro.limits",
    ),
];

#[test]
fn policies_that_keep_an_enclave_out() {
    for (case, vote, expected) in VOTES {
        let mut admin = start_on(&enclave());
        admin.write(vote);
        refused_on(&mut admin, enclave(), expected, case);
    }
}

#[test]
fn what_members_add_is_admitted() {
    let additions: [fn(&mut Enclave); 2] =
        [|it| register(it, 0, 0x77), |it| it.made = UnixTime(it.made.0 - 400)];
    for change in additions {
        let mut admin = start_on(&enclave());
        admin.write(|tables, tx| {
            tables.nitro.measurements.put(tx, &"77".repeat(48), &CodeStatus::AllowedToJoin);
            tables.nitro.registers.put(tx, &"3".to_owned(), &Registers(vec![encode_hex(&value(3))]));
            tables.nitro.limits.put(tx, &NitroLimits { max_age_s: 3600 });
        });
        Applicant::on(with(change)).told(&mut admin, "Trusted");
    }
}

#[test]
fn a_first_node_that_is_not_what_it_says_creates_no_service() {
    let refused = Refusal::Nitro;
    let cases = [
        (Ground { roots: Roots::MAKERS, ..ground(&enclave()) }, refused(nitro::Refusal::Root)),
        (ground(&with(|it| register(it, 0, 0))), refused(nitro::Refusal::Debug)),
        (ground(&with(|it| it.key = &keys().other)), refused(nitro::Refusal::Signature)),
    ];
    for (ground, expected) in cases {
        assert_eq!(refused_first(ground), format!("The node's own evidence is refused: {expected}"));
    }
}
