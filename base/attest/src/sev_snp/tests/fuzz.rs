//! All that is read of a machine with SEV-SNP, and of those who vouch for it, changed again and again.

use coco_crypto::{
    PrivateKey, SignatureForm, hash::HashAlgorithm, pem, signature::SignatureScheme, x509::RevocationList,
};
use coco_fuzz::{Campaign, Target, Work, variants};
use coco_imitated::{
    snp::Line,
    uvm::{MEASUREMENT, Message},
};
use coco_wire::cose::{self, CoseSign1, Headers};

use super::{
    super::{
        Demand, Processor, Product, Refusal, Report, Requirements, Revocation, Vmpl,
        certificates::{self, InvalidEndorsements},
        check_endorsements,
        servers::{Inquiry, Next, Server, Service},
        uvm::{self, Endorsers},
    },
    der::{day, revocation_list, sign_statement, statement},
    machine::{Evidence, Machine, NOW, ROOT, Verify as _, keys, to_pem},
};
use crate::{chain, tests::vectors::seeds};

/// Words of the JSON that servers and Azure write.
const JSON: &[&[u8]] =
    &[b"\"vcekCert\"", b"\"certificateChain\"", b"\"tcbm\"", b"-----END CERTIFICATE-----\\n", b"\\u0000"];
/// Beginnings of elements of DER.
const DER: &[&[u8]] = &[
    b"\x30\x80",
    b"\x30\x82\xff\xff",
    b"\x02\x01\x00",
    b"\x01\x01\xff",
    b"\x17\x0d",
    b"\x18\x0f",
    b"\x03\x02\x07\x80",
];

/// Most bytes of what is signed: longer ones are refused before anybody looks at them.
const MAX_SIGNED: usize = 0x4000;

#[test]
fn evidence() {
    let mut campaign = Campaign::new("sev_snp");
    reports(&mut campaign);
    certificates_of_hosts(&mut campaign);
    certificate_texts(&mut campaign);
    revocation_lists(&mut campaign);
    answers_of_servers(&mut campaign);
    signed_reports(&mut campaign);
    signed_certificates(&mut campaign);
    campaign.finish(&variants(include_str!("../refusal.rs"), "Refusal"));
}

#[test]
fn endorsements_of_utility_vms() {
    let mut campaign = Campaign::new("uvm");
    let (message, _) = Message::new().sign();
    let messages = seeds([message], "uvm", &[".cose"]);
    let target =
        |name, work| Target::new(name, work, &messages).with(&[b"\xd2\x84", b"\xa0", b"\x40", b"\xf6"]);
    campaign.run(target("message, read", Work::Parse), |bytes| {
        let message = CoseSign1::decode(bytes)?;
        Ok::<_, uvm::Refusal>(message.protected.parameters().len() as u64)
    });
    campaign.run(target("message", Work::Check), |bytes| {
        Endorsers::Anyone.verify(bytes, &MEASUREMENT).map(|claims| claims.svn)
    });
    let sign = |protected: &[u8], payload: &[u8]| {
        let scheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed);
        let signature =
            PrivateKey::sign(&keys().other, scheme, &cose::to_be_signed(protected, payload)).unwrap();
        cose::encode(protected, &Headers::empty(), Some(payload), &signature)
    };
    let payload = Message::new().payload.unwrap().into_bytes();
    let (message, _) = Message::new().sign();
    let protected = CoseSign1::decode(&message).unwrap().protected.encode();
    Endorsers::Anyone.verify(&sign(&protected, &payload), &MEASUREMENT).unwrap();
    let words: &[&[u8]] = &[b"\"x-ms-sevsnpvm-guestsvn\"", b"\"0\"", b"[", b"{}"];
    let payloads = [payload.clone()];
    let target = Target::new("payload, signed", Work::Sign, &payloads).with(words).of_text();
    campaign.run(target, |bytes| {
        Endorsers::Anyone.verify(&sign(&protected, bytes), &MEASUREMENT).map(|claims| claims.svn)
    });
    let words: &[&[u8]] =
        &[b"did:x509:0:sha256:", b"::eku:1.3.6.1", b"::subject:CN:End", b"::san:dns:x", b"%00", b"::"];
    let headers = [protected];
    let target = Target::new("header, signed", Work::Sign, &headers).with(words);
    campaign.run(target, |bytes| {
        Endorsers::Anyone.verify(&sign(bytes, &payload), &MEASUREMENT).map(|claims| claims.svn)
    });
    campaign.finish(&variants(include_str!("../uvm.rs"), "Refusal"));
}

fn machines() -> Vec<Machine> {
    let lines = [(Line::Milan, 2), (Line::Milan, 3), (Line::Genoa, 3), (Line::Turin, 5)];
    let mut machines: Vec<Machine> = lines.map(|(line, version)| Machine::new(line, version)).into();
    machines.push(Machine::of_provider("CN=cloud"));
    machines
}

fn reports(campaign: &mut Campaign) {
    let reports =
        seeds(machines().iter().map(Machine::sign_report), "snp", &["report.bin", "attestation.bin"]);
    let target = Target::new("report", Work::Parse, &reports).of_one_length();
    campaign.run(target, |bytes| {
        let report = Report::read(bytes)?;
        let product = report.processor.map(|processor| {
            assert_eq!(Processor::of_cpuid(processor.cpuid()).cpuid(), processor.cpuid());
            processor.product()
        });
        let version = product.transpose()?.map(|product| product.tcb_version(report.reported_tcb));
        Ok::<_, Refusal>(u64::from(report.version) + 8 * u64::from(version.is_some()))
    });
}

fn certificates_of_hosts(campaign: &mut Campaign) {
    let milan = Machine::milan();
    let report = Report::read(&milan.report).unwrap();
    let text = String::from_utf8(milan.sign().certificates).unwrap();
    let ders: Vec<Vec<u8>> = pem::blocks(&text).unwrap().iter().map(|block| block.der.to_vec()).collect();
    let mut table = Vec::new();
    let mut offset = 4 * 24;
    for (id, der) in [certificates::VCEK, certificates::ASK, certificates::ARK].iter().zip(&ders) {
        table.extend(id);
        table.extend(u32::try_from(offset).unwrap().to_le_bytes());
        table.extend(u32::try_from(der.len()).unwrap().to_le_bytes());
        offset += der.len();
    }
    table.extend([0; 24]);
    table.extend(ders.concat());
    assert_eq!(certificates::of_table(&table, &report), Ok(text.clone().into_bytes()));
    let tables = [table];
    let target = Target::new("table", Work::Parse, &tables);
    campaign.run(target, |bytes| certificates::of_table(bytes, &report).map(|text| text.len() as u64 / 4096));

    let blocks: Vec<&str> = text.split_inclusive("-----END CERTIFICATE-----\n").collect();
    let tcb = format!("{:016x}", report.reported_tcb);
    let json =
        serde_json::json!({ "vcekCert": blocks[0], "certificateChain": blocks[1..].concat(), "tcbm": tcb });
    let json = [json.to_string().into_bytes()];
    let target = Target::new("JSON of Azure", Work::Parse, &json).with(JSON).of_text();
    campaign.run(target, |bytes| certificates::of_azure(bytes, &report).map(|_| 0));
    let target = Target::new("JSON of a service", Work::Parse, &json).with(JSON).of_text();
    campaign.run(target, |bytes| certificates::of_thim(bytes).map(|_| 0).ok_or(InvalidEndorsements::Json));
}

fn certificate_texts(campaign: &mut Campaign) {
    let signed = Machine::milan().sign();
    let texts = seeds([signed.certificates.clone()], "snp", &["vcek_ask_ark.pem", "ask_ark_asvk.pem"]);
    let target = |name, work| {
        Target::new(name, work, &texts).with(&[b"-----END CERTIFICATE-----", b"-----BEGIN ", b"=="])
    };
    campaign.run(target("certificates, read", Work::Parse), |bytes| {
        chain::read(bytes, 3..=3).map(|chain| chain.len() as u64)
    });
    campaign.run(target("certificates", Work::Check), |bytes| {
        check_endorsements(bytes, &signed.report).map(|()| 0)
    });
}

fn revocation_lists(campaign: &mut Campaign) {
    let lists = lists();
    let target = |name, work| Target::new(name, work, &lists).with(DER);
    campaign.run(target("revocation list, read", Work::Parse), |bytes| {
        let list = RevocationList::from_der(bytes)?;
        let revoked = list.revokes(&[5]) || list.revokes(&[]);
        Ok::<_, Refusal>(u64::from(revoked) + 2 * u64::from(list.validity().contains(NOW)))
    });
    let signed = Machine::milan().sign();
    campaign.run(target("revocation list", Work::Check), |bytes| {
        let evidence = Evidence { lists: vec![bytes.to_vec()], ..signed.clone() };
        let requirements = Requirements { revocation: Revocation::Required, ..Requirements::STRICT };
        evidence.verify(&requirements, NOW).map(|_| 0)
    });
}

/// Servers of all kinds answer in turn: a byte says the status, two the length of the answer.
fn answers_of_servers(campaign: &mut Campaign) {
    let signed = Machine::milan().sign();
    let text = String::from_utf8(signed.certificates.clone()).unwrap();
    let blocks: Vec<&str> = text.split_inclusive("-----END CERTIFICATE-----\n").collect();
    let end = pem::blocks(&text).unwrap()[0].der.to_vec();
    let json =
        serde_json::json!({ "vcekCert": blocks[0], "certificateChain": blocks[1..].concat() }).to_string();
    let answer = |status: u8, body: &[u8]| {
        [&[status][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
    };
    let above = blocks[1..].concat();
    let conversations = [
        answer(0, text.as_bytes()),
        [answer(1, b""), answer(2, b"7"), answer(0, b"none"), answer(0, &end), answer(0, above.as_bytes())]
            .concat(),
        [answer(0, b""), answer(3, b""), answer(3, b""), answer(0, b""), answer(0, json.as_bytes())].concat(),
    ];
    let servers = [Service::Azure, Service::Amd, Service::Thim].map(|service| Server {
        service,
        address: "server:443".to_owned(),
        max_retries: 1,
        max_answer: 1 << 16,
    });
    let target = Target::new("answers of servers", Work::Check, &conversations).with(JSON).of_text();
    campaign.run(target, |bytes| {
        let mut inquiry = Inquiry::new(&servers, &signed.report).unwrap();
        let (mut rest, mut answers) = (bytes, 0);
        while let Some(([status, high, low], more)) = rest.split_first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
            let (body, more) = more.split_at(length);
            rest = more;
            answers += 1;
            let status = [200, 429, 503, 404].get(usize::from(*status)).copied().unwrap_or(500);
            assert!(!inquiry.question().target.is_empty());
            match inquiry.answered(status, std::str::from_utf8(body).ok(), body) {
                Next::Found(_) => return Ok(answers),
                Next::GiveUp { because, .. } => return Err(because),
                Next::Ask | Next::AskAgain { .. } | Next::AskOther { .. } => {}
            }
        }
        Ok(100 + answers)
    });
}

/// Reports that are signed after they were changed, before what is required in turn.
fn signed_reports(campaign: &mut Campaign) {
    let good = Machine::milan().sign();
    let milan = Machine::milan();
    let read = Report::read(&milan.report).unwrap();
    let processor = read.processor.unwrap();
    let minimum = [(processor, Product::Milan.tcb_version(read.reported_tcb))];
    let other = [(Processor { stepping: 9, ..processor }, minimum[0].1)];
    let strict = Requirements::STRICT;
    let requirements = [
        strict,
        Requirements { vmpl: Vmpl::Guest, oldest_version: 2, ..strict },
        Requirements { expected_tcb: Some(read.reported_tcb), ..strict },
        Requirements { minimum_tcb: Some(&minimum), ..strict },
        Requirements { minimum_tcb: Some(&other), ..strict },
        Requirements { report_data: Some(read.report_data), ..strict },
        Requirements { demands: &[Demand::NoSmt], ..strict },
        Requirements { demands: &[Demand::AliasCheck, Demand::Mitigations(7)], ..strict },
    ];
    let reports = [2, 3, 5].map(|version| Machine::new(Line::Milan, version).report);
    let mut round = 0;
    campaign.run(Target::new("report, signed", Work::Sign, &reports).of_one_length(), |bytes| {
        let mut machine = milan.clone();
        let taken = bytes.len().min(machine.report.len());
        machine.report[..taken].copy_from_slice(&bytes[..taken]);
        let evidence = Evidence { report: machine.sign_report(), ..good.clone() };
        round += 1;
        let requirements = &requirements[round % requirements.len()];
        evidence.verify(requirements, NOW).map(|claims| u64::from(claims.report.version))
    });
}

/// Certificates of keys of chips, and revocation lists, that are signed after they were changed.
fn signed_certificates(campaign: &mut Campaign) {
    let good = Machine::milan().sign();
    let text = String::from_utf8(good.certificates.clone()).unwrap();
    let above: Vec<Vec<u8>> =
        pem::blocks(&text).unwrap()[1..].iter().map(|block| block.der.to_vec()).collect();
    let ends: Vec<Vec<u8>> =
        machines().iter().map(|machine| statement(&machine.end.sign()).to_vec()).collect();
    campaign.run(Target::new("certificate, signed", Work::Sign, &ends).with(DER), |bytes| {
        let end = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().intermediate);
        let certificates = to_pem(&[vec![end], above.clone()].concat());
        let evidence = Evidence { certificates, ..good.clone() };
        evidence.verify(&Requirements { oldest_version: 2, ..Requirements::STRICT }, NOW).map(|_| 0)
    });
    let lists = lists().map(|list| statement(&list).to_vec());
    let requirements = Requirements { revocation: Revocation::Required, ..Requirements::STRICT };
    campaign.run(Target::new("revocation list, signed", Work::Sign, &lists).with(DER), |bytes| {
        let list = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().root);
        let evidence = Evidence { lists: vec![list], ..good.clone() };
        evidence.verify(&requirements, NOW).map(|_| 0)
    });
}

fn lists() -> [Vec<u8>; 3] {
    [&[][..], &[&[5][..]], &[&[5], &[1, 0, 1], &[0x7f; 20]]]
        .map(|serials| revocation_list(ROOT, &keys().root, [day(40), day(60)], serials))
}
