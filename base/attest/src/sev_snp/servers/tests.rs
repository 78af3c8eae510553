//! What servers are asked, and what follows from their answers.

use std::fs;

use coco_crypto::pem;
use coco_imitated::snp::at;
use serde_json::json;

use super::*;
use crate::tests::{snp::Machine, vectors};

fn server(service: Service) -> Server {
    let address = format!("{}:{}", service.host(), service.port());
    Server { service, address, max_retries: 2, max_answer: 1000 }
}

/// `scheme://address/target` of each question in turn, as if each was answered.
fn questions(service: Service, report: &Report) -> Vec<String> {
    let product = line(report).unwrap();
    let head = format!("{}://{}:{}", service.scheme().name(), service.host(), service.port());
    service.parts(report, product).iter().map(|part| format!("{head}{}", part.target)).collect()
}

#[test]
fn questions_are_those_of_ccf_and_of_amd() {
    let id = format!("{}{}", "0a".repeat(8), "0b".repeat(56));
    let (full, short) = (id.as_str(), "0a".repeat(8));
    let cases = [
        (
            Product::Milan,
            [0x04, 0x01, 0, 0, 0, 0, 0x18, 0xdb],
            full,
            "db18000000000104",
            "Milan",
            full,
            "blSPL=4&snpSPL=24&teeSPL=1&ucodeSPL=219",
        ),
        // CCF writes a version without the zeros in front.
        (
            Product::Genoa,
            [0x0a, 0, 0, 0, 0, 0, 0x17, 0x04],
            full,
            "41700000000000a",
            "Genoa",
            full,
            "blSPL=10&snpSPL=23&teeSPL=0&ucodeSPL=4",
        ),
        (
            Product::Turin,
            [0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0x54],
            full,
            "5400000004030201",
            "Turin",
            short.as_str(),
            "blSPL=2&fmcSPL=1&snpSPL=4&teeSPL=3&ucodeSPL=84",
        ),
    ];
    for (product, tcb, id, packed, name, amd_id, version) in cases {
        let mut machine = Machine::new(product, 3);
        machine.put(at::CHIP_ID, &[0x0b; 64]);
        machine.put(at::CHIP_ID, &[0x0a; 8]);
        machine.put(at::TCB[1], &tcb);
        let report = Report::read(&machine.report).unwrap();
        let azure = "https://global.acccache.azure.net:443/SevSnpVM/certificates";
        assert_eq!(
            questions(Service::Azure, &report),
            [format!("{azure}/{id}/{packed}?api-version=2020-10-15-preview")]
        );
        let amd = format!("https://kdsintf.amd.com:443/vcek/v1/{name}");
        assert_eq!(
            questions(Service::Amd, &report),
            [format!("{amd}/{amd_id}?{version}"), format!("{amd}/cert_chain")]
        );
        let thim = "http://169.254.169.254:80/metadata/THIM/amd/certification";
        assert_eq!(
            questions(Service::Thim, &report),
            [format!("{thim}?platformId={id}&tcbVersion={packed}")]
        );
    }
    assert_eq!(Service::Thim.headers(), [("metadata", "true")]);
}

/// CCF `src/pal/test/snp_attestation_validation.cpp`, "Quote endorsements url generation".
#[test]
fn questions_about_genuine_reports() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    let read = |name: &str| Report::read(&fs::read(directory.join(name)).unwrap()).unwrap();
    let genoa = "b1e24a27bbc3a4d58090d8b89851dce3b8031544be249b9ac17132bb222b0276\
        22347ee4d0fe4f689efdfc47a68cefc686cbb448d01436506ee1e28010cab7c0";
    let report = read("snp/ccf-genoa/report.bin");
    let azure = format!("/SevSnpVM/certificates/{genoa}/541700000000000a?api-version=2020-10-15-preview");
    assert!(questions(Service::Azure, &report)[0].ends_with(&azure));
    let amd = format!("/vcek/v1/Genoa/{genoa}?blSPL=10&snpSPL=23&teeSPL=0&ucodeSPL=84");
    assert!(questions(Service::Amd, &report)[0].ends_with(&amd));
    let thim = format!("certification?platformId={genoa}&tcbVersion=541700000000000a");
    assert!(questions(Service::Thim, &report)[0].ends_with(&thim));
    let milan = "4ffb5cb4fd594f3fee6528fc3fb10370bb38abe89dcd5ba2cf0ab6a11df2ca28\
        2add516bef45a890a8c9f9732bdca68f9f3f16c42e846030a800295dbeb19ba5";
    let amd = format!("/vcek/v1/Milan/{milan}?blSPL=4&snpSPL=24&teeSPL=0&ucodeSPL=219");
    assert!(questions(Service::Amd, &read("snp/ccf-milan/report.bin"))[0].ends_with(&amd));
}

/// What a good server of a machine answers, question by question.
fn answers(service: Service, certificates: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(certificates).unwrap();
    let der = pem::blocks(text).unwrap()[0].der.to_vec();
    let (end, above) = text.split_at(text.match_indices("-----BEGIN").nth(1).unwrap().0);
    match service {
        Service::Azure => vec![certificates.to_vec()],
        Service::Amd => vec![der, above.as_bytes().to_vec()],
        // Where nothing separates one certificate from the next.
        Service::Thim => {
            let json = json!({ "vcekCert": end.trim(), "certificateChain": above, "cacheControl": "1" });
            vec![json.to_string().into_bytes()]
        }
    }
}

/// An inquiry about a machine, and what it should find.
fn inquire(servers: &[Server], machine: &Machine) -> (Inquiry, Vec<u8>) {
    let evidence = machine.sign();
    (Inquiry::new(servers, &evidence.report).unwrap(), evidence.certificates)
}

#[test]
fn good_answers_are_the_chain() {
    for product in Product::ALL {
        for service in [Service::Azure, Service::Amd, Service::Thim] {
            let (mut inquiry, certificates) = inquire(&[server(service)], &Machine::new(product, 3));
            let answers = answers(service, &certificates);
            let (last, first) = answers.split_last().unwrap();
            for answer in first {
                assert_eq!(inquiry.answered(200, None, answer), Next::Ask);
            }
            assert_eq!(inquiry.answered(200, Some("9"), last), Next::Found(certificates), "{service:?}");
        }
    }
}

#[test]
fn a_server_is_asked_again_as_often_as_it_may_be() {
    let servers = [server(Service::Amd), Server { max_retries: 0, ..server(Service::Thim) }];
    let (mut inquiry, certificates) = inquire(&servers, &Machine::milan());
    let [end, above] = answers(Service::Amd, &certificates).try_into().unwrap();
    let again = |after_s, status| Next::AskAgain { after_s, because: Failure::Status(status) };
    assert_eq!(inquiry.answered(404, None, &end), again(3, 404));
    assert_eq!(inquiry.answered(200, None, &end), Next::Ask);
    // All questions to a server share its tries.
    let silent = Failure::Unanswered("no answer in time".to_owned());
    let next = inquiry.unanswered("no answer in time".to_owned());
    assert_eq!(next, Next::AskAgain { after_s: 3, because: silent.clone() });
    assert!(inquiry.question().target.ends_with("/cert_chain"));
    assert_eq!(inquiry.answered(500, None, &above), Next::AskOther { because: Failure::Status(500) });
    assert_eq!(inquiry.question().address, "169.254.169.254:80");
    let all = NoAnswer::GaveUp {
        addresses: vec!["kdsintf.amd.com:443".to_owned(), "169.254.169.254:80".to_owned()],
        retries: 2,
    };
    let words = "Giving up retrying fetching attestation endorsements from \
        [kdsintf.amd.com:443, 169.254.169.254:80] after 2 attempts";
    assert_eq!(all.to_string(), words);
    let next = inquiry.unanswered("no answer in time".to_owned());
    assert_eq!(next, Next::GiveUp { because: silent, all });
}

#[test]
fn a_server_may_say_when_to_ask_again() {
    let cases = [
        (429, Some("7"), 7),
        (503, Some("7"), 7),
        (503, Some("0"), 0),
        (429, Some("86400"), 60),
        (429, None, 3),
        (429, Some("Tue, 01 Dec 2026 00:00:00 GMT"), 3),
        (429, Some("-1"), 3),
        (429, Some("18446744073709551616"), 3),
        (500, Some("7"), 3),
        (302, Some("7"), 3),
        (204, None, 3),
    ];
    for (status, retry_after, after_s) in cases {
        let (mut inquiry, _) = inquire(&[server(Service::Azure)], &Machine::milan());
        let next = inquiry.answered(status, retry_after, b"");
        assert_eq!(next, Next::AskAgain { after_s, because: Failure::Status(status) }, "{retry_after:?}");
    }
}

#[test]
fn what_does_not_go_with_the_report_is_not_asked_for_again() {
    let machine = Machine::milan();
    let good = machine.sign().certificates;
    let changed = |edit: &dyn Fn(&mut Machine)| {
        let mut machine = Machine::milan();
        edit(&mut machine);
        machine.sign().certificates
    };
    let another_chip =
        changed(&|machine| machine.end.extensions[1] = crate::tests::snp::chip_extension(&[2; 64]));
    let unsigned = changed(&|machine| machine.end.signed_by = &crate::tests::snp::keys().root);
    let two = String::from_utf8(good.clone()).unwrap();
    let two = &two.as_bytes()[..two.rfind("-----BEGIN").unwrap()];
    let cases: Vec<(Service, Vec<u8>, Failure)> = vec![
        (Service::Azure, another_chip, Refusal::ChipId.into()),
        (Service::Azure, unsigned, Refusal::ChainSignature(crate::sev_snp::Link::End).into()),
        (Service::Azure, Vec::new(), Refusal::Certificates(0).into()),
        (Service::Azure, two.to_vec(), Refusal::Certificates(2).into()),
        (Service::Azure, [&good[..], &good].concat(), Refusal::Certificates(6).into()),
        (Service::Azure, vec![b' '; 65 * 1024], Refusal::EndorsementsTooLarge.into()),
        (Service::Azure, b"\xff<html>".to_vec(), Refusal::Certificates(0).into()),
        (Service::Thim, good.clone(), Failure::Json),
        (Service::Thim, br#"{"vcekCert": 1, "certificateChain": ""}"#.to_vec(), Failure::Json),
        (
            Service::Thim,
            br#"{"vcekCert": "", "certificateChain": ""}"#.to_vec(),
            Refusal::Certificates(0).into(),
        ),
    ];
    for (service, answer, because) in cases {
        let servers = [server(service), server(Service::Azure)];
        let (mut inquiry, certificates) = inquire(&servers, &machine);
        assert_eq!(inquiry.answered(200, None, &answer), Next::AskOther { because: because.clone() });
        // Nothing of it is left over.
        let good = inquiry.answered(200, None, &certificates);
        assert_eq!(good, Next::Found(certificates), "{because}");
    }
    let servers = [server(Service::Amd), server(Service::Azure)];
    let (mut inquiry, certificates) = inquire(&servers, &machine);
    let no_certificate = inquiry.answered(200, None, &certificates);
    assert!(matches!(
        no_certificate,
        Next::AskOther { because: Failure::Certificates(Refusal::Certificate(_)) }
    ));
}

#[test]
fn servers_are_not_asked_in_vain() {
    let asked = |servers: &[Server], machine: &Machine| {
        Inquiry::new(servers, &machine.sign().report).map(drop).unwrap_err()
    };
    let azure = [server(Service::Azure)];
    assert_eq!(asked(&[], &Machine::milan()), NoAnswer::NoServers);
    assert_eq!(asked(&azure, &Machine::new(Product::Milan, 2)), Refusal::Version(2).into());
    assert_eq!(asked(&azure, &Machine::of_provider("CN=cloud")), Refusal::SigningKey(1).into());
    let mut masked = Machine::milan();
    masked.put(0x48, &[0b10]);
    assert_eq!(asked(&azure, &masked), Refusal::MaskedChip.into());
    let mut unknown = Machine::milan();
    unknown.put(at::PROCESSOR, &[0x17, 1]);
    let expected = crate::sev_snp::UnknownProduct { family: 0x17, model: 1 };
    assert_eq!(asked(&azure, &unknown), Refusal::UnknownProduct(expected).into());
    assert_eq!(Inquiry::new(&azure, &[]).map(drop), Err(Refusal::Size(0).into()));
}
