//! Hostile evidence: whatever it is, there is an answer, and what was cut off is not believed.

use std::{fs, path::PathBuf};

use clap::Parser;
use coco_attest::{Evidence, Platform as Kind};
use coco_crypto::Certificate;
use coco_imitated::{
    azure::Azure,
    intel::{self, Kind as OfIntel},
    nitro::Enclave,
    snp::{Machine, NOW},
    tpm::{ATTESTS, Certificates, keys},
    windows::{Windows, vouched},
};
use coco_wire::{Digest, text::encode_base64};
use serde_json::json;

use super::{Asked, NotShown, VerifyArgs, judge};
use crate::attest::{
    describe::describe,
    form::of_bytes,
    piece::{Piece, Platform},
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: VerifyArgs,
}

const PLATFORMS: [Platform; 9] = [
    Platform::Virtual,
    Platform::SevSnp,
    Platform::Sgx,
    Platform::Tdx,
    Platform::Tpm,
    Platform::AzureCvm,
    Platform::Vbs,
    Platform::Nitro,
    Platform::EventLog,
];

/// What each kind begins with.
const BEGINNINGS: [&[u8]; 8] = [
    b"\x03\0\0\0",
    b"\x03\0\x02\0\0\0\0\0",
    b"\x04\0\x02\0\x81\0\0\0",
    b"\xff\x54\x43\x47\x80\x18",
    b"HCLA\x01\0\0\0",
    b"\x84\x44\xa1\x01\x38\x22",
    b"{\"format\":\"AMD_SEV_SNP_v1\",\"raw\":\"",
    b"",
];

/// Numbers that look drawn (xorshift), from a seed that failures print.
struct Drawn(u64);

impl Drawn {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

fn asked(arguments: &[&str]) -> Asked {
    let at = NOW.to_string();
    let line = [&["coco", "-", "--at", at.as_str()], arguments].concat();
    Line::try_parse_from(line).unwrap().args.asked().unwrap_or_else(|error| panic!("{error}"))
}

/// How many pieces of evidence in these bytes are believed. Everything else has its error.
fn believed(bytes: &[u8], platform: Option<Platform>, asked: &Asked) -> usize {
    let Ok(pieces) = of_bytes("it", bytes.to_vec(), platform) else { return 0 };
    let judged = pieces.iter().map(|piece| {
        let _said = describe(piece);
        match judge(piece, asked) {
            Ok(_) => 1,
            Err(NotShown::Refused(refused)) => {
                assert!(!refused.to_string().is_empty());
                let _advice = refused.advice();
                0
            }
            Err(NotShown::Misuse(misuse)) => {
                assert!(!misuse.to_string().is_empty());
                0
            }
        }
    });
    judged.sum()
}

/// An imitated machine's evidence as a node shows it, a file with its root, and who endorses its utility VM.
fn node() -> (serde_json::Value, tempfile::NamedTempFile, String) {
    let mut machine = Machine::milan();
    let (message, did) = coco_imitated::uvm::Message::new().sign();
    machine.uvm = Some(message);
    let evidence = machine.sign();
    let root = tempfile::NamedTempFile::new().unwrap();
    fs::write(root.path(), machine.root.sign()).unwrap();
    let node = json!({
        "format": "AMD_SEV_SNP_v1",
        "raw": encode_base64(&evidence.report),
        "endorsements": encode_base64(&evidence.certificates),
        "uvm_endorsements": encode_base64(&evidence.uvm.unwrap()),
    });
    (node, root, did)
}

#[test]
fn what_is_cut_off_is_not_believed() {
    let (node, root, did) = node();
    let asked = asked(&["--root", root.path().to_str().unwrap(), "--accept", &did]);
    let whole = json!({ "attestations": [node] }).to_string().into_bytes();
    assert_eq!(believed(&whole, None, &asked), 1);
    for len in (0..whole.len()).step_by(13) {
        assert_eq!(believed(&whole[..len], None, &asked), 0, "{len}");
    }
    for field in ["raw", "endorsements", "uvm_endorsements"] {
        let bytes = coco_wire::text::decode_base64(node[field].as_str().unwrap()).unwrap();
        // The line feed at the end of a text plays no part.
        for len in (0..bytes.len() - 1).step_by(61) {
            let mut cut = node.clone();
            cut[field] = json!(encode_base64(&bytes[..len]));
            // Endorsements that are not there are not needed.
            let expected = usize::from(field == "uvm_endorsements" && len == 0);
            assert_eq!(believed(cut.to_string().as_bytes(), None, &asked), expected, "{field} {len}");
        }
    }
}

#[test]
fn anything_has_an_answer() {
    let seed = 0x5eed_0001;
    let mut drawn = Drawn(seed);
    let asked = asked(&[]);
    for round in 0..2000 {
        let beginning = BEGINNINGS[round % BEGINNINGS.len()];
        let len = usize::try_from(drawn.next() % 1400).unwrap();
        let mut bytes = [beginning, &drawn.bytes(len)].concat();
        if round % 5 == 0 {
            bytes.resize(1184, 0);
        }
        let platform = PLATFORMS.get(usize::try_from(drawn.next() % 18).unwrap()).copied();
        assert_eq!(believed(&bytes, platform, &asked), 0, "seed {seed:#x}, round {round}");
    }
}

#[test]
fn genuine_evidence_that_is_cut_off_has_an_answer() {
    let Some(directory) = std::env::var_os("COCO_VECTORS").map(PathBuf::from) else {
        eprintln!("SKIPPED: COCO_VECTORS does not name the directory with genuine evidence");
        return;
    };
    let collateral = directory.join("tdx/dcap-qvl/tdx_quote_collateral.json");
    let asked = asked(&["--collateral", collateral.to_str().unwrap()]);
    for name in [
        "sgx/dcap-qvl/sgx_quote",
        "tdx/dcap-qvl/tdx_quote_td15ex",
        "nitro/evervault/valid-attestation-doc-base64",
        "vbs/sql2019-aetm/vbs_enclave_report_pkg.bin",
        "azure-cvm/trustee-az-snp/hcl-report.bin",
        "azure-cvm/trustee-az-snp/tpm-quote.msg",
        "azure-cvm/trustee-az-snp/tpm-quote-v1.json",
        "tpm/go-attestation/crypto_agile_eventlog",
    ] {
        let bytes = fs::read(directory.join(name)).unwrap();
        for len in (0..bytes.len()).step_by(29) {
            assert_eq!(believed(&bytes[..len], None, &asked), 0, "{name} {len}");
        }
    }
}

#[test]
fn options_that_mean_nothing_are_misuse() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let cases: [(Platform, &[&str], &str); 8] = [
        (Platform::Tpm, &["--host-data", "00"], "--host-data has no meaning for evidence of a TPM 2.0"),
        (Platform::SevSnp, &["--register", "0=00"], "--register has no meaning for evidence of AMD SEV-SNP"),
        (Platform::Nitro, &["--minimum-tcb", "1"], "--minimum-tcb has no meaning"),
        (Platform::Nitro, &["--accept", "sha1"], "--accept has no meaning"),
        (Platform::Sgx, &["--uvm-endorsements", path], "--uvm-endorsements has no meaning"),
        (Platform::Sgx, &["--accept", "sha1"], "it takes names of TCB statuses and advisories"),
        (
            Platform::Virtual,
            &["--nonce", "00"],
            "--nonce has no meaning for evidence of the virtual platform",
        ),
        (Platform::EventLog, &[], "an event log alone can be shown but not verified"),
    ];
    for (platform, arguments, expected) in cases {
        let pieces = of_bytes("it", vec![1, 2, 3], Some(platform)).unwrap();
        match judge(&pieces[0], &asked(arguments)) {
            Err(NotShown::Misuse(misuse)) => {
                let text = misuse.to_string();
                assert!(text.contains(expected), "{platform:?}: {text}");
            }
            Err(NotShown::Refused(refused)) => panic!("{platform:?}: {refused}"),
            Ok(_) => panic!("{platform:?} is believed"),
        }
    }
}

/// What a node on a platform shows that is bound to a digest, the root of its maker, and who vouches for its boot.
type Shows = fn(&Digest) -> (Evidence, Vec<u8>, Option<Vec<u8>>);

const SHOWN: [(&str, Shows); 5] =
    [("SEV-SNP", of_snp), ("TDX", of_intel), ("VBS", of_windows), ("Azure", of_azure), ("Nitro", of_nitro)];

fn shown(platform: Kind, quote: Vec<u8>, endorsements: Vec<u8>) -> Evidence {
    Evidence { platform, quote, endorsements, uvm_endorsements: None }
}

fn of_snp(bound: &Digest) -> (Evidence, Vec<u8>, Option<Vec<u8>>) {
    let mut machine = Machine::milan();
    machine.bind(bound);
    let evidence = machine.sign();
    (shown(Kind::SevSnp, evidence.report, evidence.certificates), machine.root.sign(), None)
}

fn of_intel(bound: &Digest) -> (Evidence, Vec<u8>, Option<Vec<u8>>) {
    let mut machine = intel::Machine::new(OfIntel::Tdx15);
    machine.bind(bound);
    let evidence = machine.sign();
    let [_, _, root, _] = machine.sign_certificates();
    (shown(Kind::Tdx, evidence.quote, evidence.collateral.to_json()), root, None)
}

fn of_windows(bound: &Digest) -> (Evidence, Vec<u8>, Option<Vec<u8>>) {
    let certificates = Certificates::new(ATTESTS);
    let authority = certificates.0[1].sign();
    let mut windows = Windows::genuine();
    windows.firmware[1] = vec![vouched(&authority)];
    windows.tpm.key = &keys().rsa;
    windows.bind(bound);
    let evidence = windows.sign();
    let quote = evidence.tpm.form(&evidence.report);
    (shown(Kind::Vbs, quote, certificates.sign()), certificates.0[2].sign(), Some(authority))
}

fn of_azure(bound: &Digest) -> (Evidence, Vec<u8>, Option<Vec<u8>>) {
    let mut machine = Azure::genuine();
    machine.bind(bound);
    let evidence = machine.sign();
    let quote = evidence.tpm.form(&evidence.report);
    (shown(Kind::AzureCvm, quote, evidence.snp.certificates), machine.snp.root.sign(), None)
}

fn of_nitro(bound: &Digest) -> (Evidence, Vec<u8>, Option<Vec<u8>>) {
    let mut enclave = Enclave::genuine();
    enclave.bind(bound);
    let message = enclave.sign().message;
    let (_, chain) = coco_attest::nitro::read(&message).unwrap();
    (shown(Kind::Nitro, message, Vec::new()), chain.last().unwrap().der().to_vec(), None)
}

/// In a session counts only what was made for it: what names the node alone may be of any time.
#[test]
fn evidence_for_a_session_is_bound_to_it() {
    let [session, node] = [Digest([5; 32]), Digest([7; 32])];
    for (name, shows) in SHOWN {
        for (bound, is_believed) in [(session, true), (node, false)] {
            let (evidence, root, authority) = shows(&bound);
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), root).unwrap();
            let mut asked = asked(&["--root", file.path().to_str().unwrap()]);
            let authority = authority.map(|der| Certificate::from_der(&der).unwrap());
            asked.boot_authorities.extend(authority);
            asked.session = Some(session);
            let piece = Piece::of_node("it", Some(node), evidence).unwrap();
            match judge(&piece, &asked) {
                Ok(_) => assert!(is_believed, "{name}: what was made at any time counts"),
                Err(NotShown::Refused(refused)) => {
                    assert!(!is_believed && refused.is_of_binding(), "{name}: {refused}");
                }
                Err(NotShown::Misuse(misuse)) => panic!("{name}: {misuse}"),
            }
        }
    }
}
