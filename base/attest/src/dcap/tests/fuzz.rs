//! All that is read of a machine of Intel's, and of what Intel says of it, changed again and again.

use std::cell::Cell;

use coco_crypto::{
    PrivateKey, SignatureForm, hash::HashAlgorithm, signature::SignatureScheme, x509::RevocationList,
};
use coco_fuzz::{Campaign, Target, Work, variants};
use coco_imitated::intel::{Document, Published};

use super::{
    super::{Advisories, Collateral, Demand, Refusal, Requirements, Signed, TcbStatus, certificates},
    machine::{Claims, Evidence, Kind, Machine, NOW, Verify as _, keys, to_pem},
};
use crate::{
    sgx, tdx,
    tests::{
        der::{day, sign_statement, statement},
        vectors::seeds,
    },
};

/// Most bytes of what is signed: longer ones are refused before anybody looks at them.
const MAX_SIGNED: usize = 0x4000;
/// Every second byte of numbers and lengths of quotes, and what documents and collateral have.
const WORDS: &[&[u8]] = &[
    b"\x03\0\x02\0\0\0\0\0",
    b"\x04\0\x02\0\x81\0\0\0",
    b"\x05\0\x02\0\x81\0\0\0",
    b"\x05\0\xff\xff\0\0",
    b"\x06\0",
    b"-----END CERTIFICATE-----\n",
];
const JSON: &[&[u8]] = &[
    b"\"tcbLevels\":[]",
    b"\"svn\":256",
    b"\"tcbStatus\":\"Revoked\"",
    b"\"tcbDate\":\"2023-01-01T00:00:00Z\"",
    b"\"fmspc\":\"\"",
    b"\"advisoryIDs\":null",
    b"\"tdxModuleIdentities\"",
    b"\"9999-12-31T23:59:60Z\"",
    b"null",
    b"{",
    b"[",
];
const DER: &[&[u8]] = &[b"\x30\x80", b"\x02\x01\x00", b"\x01\x01\xff", b"\x17\x0d", b"\x18\x0f", b"\x04\x10"];
/// How often in turn a time is taken when nothing is valid yet, or nothing any more.
const TIMES: usize = 31;
/// Almost all that a machine may be worth.
const ANY: Requirements<'static> = Requirements {
    statuses: &[
        TcbStatus::UpToDate,
        TcbStatus::SwHardeningNeeded,
        TcbStatus::ConfigurationNeeded,
        TcbStatus::ConfigurationAndSwHardeningNeeded,
        TcbStatus::OutOfDate,
        TcbStatus::OutOfDateConfigurationNeeded,
    ],
    advisories: Advisories::Only(&["INTEL-SA-00001"]),
    ..Requirements::STRICT
};

#[test]
fn evidence() {
    let mut campaign = Campaign::new("dcap");
    quotes(&mut campaign);
    collateral(&mut campaign);
    signed_quotes(&mut campaign);
    signed_documents(&mut campaign);
    signed_certificates(&mut campaign);
    campaign.finish(&variants(include_str!("../refusal.rs"), "Refusal"));
}

/// What is required in turn, and when.
#[derive(Default)]
struct Judge {
    round: Cell<usize>,
}

impl Judge {
    fn verify(&self, evidence: &Evidence) -> Result<u64, Refusal> {
        let requirements = [
            ANY,
            Requirements { minimum_evaluation: 17, max_age_s: Some(20 * 86_400), ..ANY },
            Requirements { advisories: Advisories::Only(&[]), ..ANY },
            Requirements { demands: &[Demand::NoSmt, Demand::NotDynamic, Demand::NoCachedKeys], ..ANY },
            Requirements::STRICT,
        ];
        let round = self.round.get();
        self.round.set(round + 1);
        let now = match round % TIMES {
            0 => day(30),
            1 => day(70),
            _ => NOW,
        };
        evidence.verify(&requirements[round % requirements.len()], now).map(|claims| match claims {
            Claims::Sgx(claims) => claims.machine.tcb.advisories.len() as u64,
            Claims::Tdx(claims) => 16 + claims.machine.tcb.advisories.len() as u64,
        })
    }
}

fn quotes(campaign: &mut Campaign) {
    let judge = Judge::default();
    let made_up = Kind::ALL.map(|kind| Machine::new(kind).sign().quote);
    let quotes = seeds(made_up, "", &["tdx-oc/quote.bin", ".dat", "sgx/quote.bin"]);
    campaign.run(Target::new("quote of SGX", Work::Parse, &quotes).with(WORDS), |bytes| {
        sgx::Enclave::of_quote(bytes).map(|enclave| u64::from(enclave.attributes.debug()))
    });
    campaign.run(Target::new("quote of TDX", Work::Parse, &quotes).with(WORDS), |bytes| {
        tdx::Domain::of_quote(bytes).map(|domain| {
            let extended = domain.current.as_ref().map(|current| current.extended.is_some());
            u64::from(extended.is_some()) + 2 * u64::from(extended == Some(true))
        })
    });
    campaign.run(Target::new("certificates of quotes", Work::Parse, &quotes).with(WORDS), |bytes| {
        certificates(bytes).map(|_| 0)
    });
    for kind in [Kind::Sgx, Kind::Tdx15] {
        let good = Machine::new(kind).sign();
        let quotes = [good.quote.clone()];
        let name = if kind.is_tdx() { "quote of TDX, verified" } else { "quote of SGX, verified" };
        campaign.run(Target::new(name, Work::Check, &quotes).with(WORDS), |bytes| {
            judge.verify(&Evidence { quote: bytes.to_vec(), ..good.clone() })
        });
    }
}

fn collateral(campaign: &mut Campaign) {
    let judge = Judge::default();
    let good = Machine::new(Kind::Tdx15).sign();
    let collateral = &good.collateral;
    let words: &[&[u8]] =
        &[b"\"pck_certificate_chain\":null,", b"\"pck_crl_issuer_chain\":\"\",", b"\\u0000", b"0A"];
    let texts = seeds([collateral.to_json()], "", &["dcap-qvl/sgx_quote_collateral.json"]);
    campaign.run(Target::new("collateral", Work::Parse, &texts).with(words).of_text(), |bytes| {
        Collateral::from_json(bytes).map(|collateral| collateral.root_list.len() as u64)
    });
    campaign.run(
        Target::new("collateral, verified", Work::Check, &texts[..1]).with(words).of_text(),
        |bytes| {
            let Collateral { tcb_info, qe_identity, root_list, machine_list } = Collateral::from_json(bytes)?;
            let [tcb_info, qe_identity] = [tcb_info, qe_identity].map(|signed| {
                let Signed { text, signature, issuers } = signed;
                Document { text, signature, issuers }
            });
            let collateral = Published { tcb_info, qe_identity, root_list, machine_list };
            judge.verify(&Evidence { collateral, ..good.clone() })
        },
    );
    let lists = [collateral.root_list.clone(), collateral.machine_list.clone()];
    campaign.run(Target::new("revocation list", Work::Parse, &lists).with(DER), |bytes| {
        let list = RevocationList::from_der(bytes)?;
        Ok::<_, Refusal>(u64::from(list.revokes(&[5])) + 2 * u64::from(list.validity().contains(NOW)))
    });
}

fn sign(key: &PrivateKey, bytes: &[u8]) -> Vec<u8> {
    key.sign(SignatureScheme::Ecdsa(HashAlgorithm::Sha256, SignatureForm::Fixed), bytes).unwrap()
}

/// Header, body, report and data of the quoting enclave one behind the other are signed after they were changed.
fn signed_quotes(campaign: &mut Campaign) {
    let judge = Judge::default();
    for (kind, name) in [
        (Kind::Sgx, "quote of SGX, signed"),
        (Kind::Tdx10, "quote of TDX 1.0, signed"),
        (Kind::Tdx15Ex, "quote of TDX 1.5, signed"),
    ] {
        let machine = Machine::new(kind);
        let good = machine.sign();
        let [end, authority, root, _] = machine.sign_certificates();
        let text = to_pem(&[&end, &authority, &root]);
        let fields = [machine.header.as_slice(), &machine.body, &machine.qe_report, &machine.authentication];
        let lengths = fields.map(<[u8]>::len);
        let inputs = [fields.concat()];
        campaign.run(Target::new(name, Work::Sign, &inputs).of_one_length(), |bytes| {
            let mut changed = machine.clone();
            let mut rest = &bytes[..bytes.len().min(MAX_SIGNED)];
            let parts =
                [&mut changed.header, &mut changed.body, &mut changed.qe_report, &mut changed.authentication];
            for (part, length) in parts.into_iter().zip(lengths) {
                let (field, more) = rest.split_at(length.min(rest.len()));
                part[..field.len()].copy_from_slice(field);
                rest = more;
            }
            judge.verify(&Evidence { quote: changed.sign_quote(&text), ..good.clone() })
        });
    }
}

fn signed_documents(campaign: &mut Campaign) {
    let judge = Judge::default();
    for kind in [Kind::Sgx, Kind::Tdx15] {
        let good = Machine::new(kind).sign();
        let signed = |bytes: &[u8], document: &Document| {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_SIGNED)]).into_owned();
            let signature = sign(&keys().signer, text.as_bytes());
            Document { text, signature, ..document.clone() }
        };
        let [info, identity] = if kind.is_tdx() {
            ["TCB info of TDX, signed", "QE identity of TDX, signed"]
        } else {
            ["TCB info of SGX, signed", "QE identity of SGX, signed"]
        };
        let texts = [good.collateral.tcb_info.text.clone().into_bytes()];
        campaign.run(Target::new(info, Work::Sign, &texts).with(JSON).of_text(), |bytes| {
            let tcb_info = signed(bytes, &good.collateral.tcb_info);
            let collateral = Published { tcb_info, ..good.collateral.clone() };
            judge.verify(&Evidence { collateral, ..good.clone() })
        });
        let texts = [good.collateral.qe_identity.text.clone().into_bytes()];
        campaign.run(Target::new(identity, Work::Sign, &texts).with(JSON).of_text(), |bytes| {
            let qe_identity = signed(bytes, &good.collateral.qe_identity);
            let collateral = Published { qe_identity, ..good.collateral.clone() };
            judge.verify(&Evidence { collateral, ..good.clone() })
        });
    }
}

fn signed_certificates(campaign: &mut Campaign) {
    let judge = Judge::default();
    let machine = Machine::new(Kind::Tdx15);
    let good = machine.sign();
    let [end, authority, root, signer] = machine.sign_certificates();
    let ends = [statement(&end).to_vec()];
    campaign.run(Target::new("certificate of a machine, signed", Work::Sign, &ends).with(DER), |bytes| {
        let end = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().authority);
        let quote = machine.sign_quote(&to_pem(&[&end, &authority, &root]));
        judge.verify(&Evidence { quote, ..good.clone() })
    });
    let signers = [statement(&signer).to_vec()];
    campaign.run(Target::new("certificate of documents, signed", Work::Sign, &signers).with(DER), |bytes| {
        let signer = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().root);
        let mut collateral = good.collateral.clone();
        collateral.tcb_info.issuers = to_pem(&[&signer, &root]);
        judge.verify(&Evidence { collateral, ..good.clone() })
    });
    let lists = [statement(&good.collateral.machine_list).to_vec()];
    campaign.run(Target::new("revocation list, signed", Work::Sign, &lists).with(DER), |bytes| {
        let machine_list = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().authority);
        let collateral = Published { machine_list, ..good.collateral.clone() };
        judge.verify(&Evidence { collateral, ..good.clone() })
    });
}
