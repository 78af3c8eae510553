//! Certificates from servers: they are found whatever some of the servers do, and the log says what they did.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use coco_attest::sev_snp::{
    check_endorsements,
    servers::{NoAnswer, Server, Service},
};
use coco_boundary::{Level, Log, LogSink, Record};
use coco_crypto::pem;
use coco_host::platform::sev_snp::{Endorser as _, Unendorsed};
use coco_imitated::snp::{Evidence, Line, Machine, chip_extension};
use serde_json::json;
use tokio::sync::watch;

use super::{
    super::servers::Servers,
    loopback::{Act, Loopback, nobody},
};

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<String>>>);

impl Kept {
    pub(super) fn log(&self) -> Log {
        Log::new(Arc::new(self.clone()))
    }

    /// What came of each try, and at which level it was logged.
    pub(super) fn tries(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let tries = lines.iter().filter_map(|line| {
            let (level, rest) = line.split_once(" Fetching endorsements for attestation report at ")?;
            let (_, outcome) = rest.split_once(": ")?;
            Some(format!("{level} {outcome}"))
        });
        tries.collect()
    }
}

impl LogSink for Kept {
    fn enabled(&self, level: Level) -> bool {
        matches!(level, Level::Info | Level::Fail | Level::Fatal)
    }

    fn record(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(format!("{:?} {}", record.level, record.message));
    }
}

/// What a good server answers, question by question.
pub(super) fn answers(service: Service, certificates: &[u8]) -> Vec<Act> {
    let text = std::str::from_utf8(certificates).unwrap();
    let der = pem::blocks(text).unwrap()[0].der.to_vec();
    let (end, above) = text.split_at(text.match_indices("-----BEGIN").nth(1).unwrap().0);
    match service {
        Service::Azure => vec![Act::good(certificates)],
        Service::Amd => vec![Act::good(&der), Act::good(above.as_bytes())],
        Service::Thim => {
            let json =
                json!({ "vcekCert": end, "certificateChain": above, "tcbm": "0", "cacheControl": "1" });
            vec![Act::good(json.to_string().as_bytes())]
        }
    }
}

/// Asks these servers about a machine.
fn ask(servers: Vec<Server>, evidence: &Evidence, log: &Log) -> Result<Vec<u8>, Unendorsed> {
    let (_stop, stopping) = watch::channel(false);
    Servers::new(servers, stopping, log).certificates(&evidence.report)
}

#[test]
fn each_kind_of_server_is_asked_in_its_own_way() {
    for line in [Line::Milan, Line::Genoa, Line::Turin] {
        let evidence = Machine::new(line, 3).sign();
        for service in [Service::Azure, Service::Amd, Service::Thim] {
            let server = Loopback::begin(service, 0, answers(service, &evidence.certificates));
            let found = ask(vec![server.server.clone()], &evidence, &Log::discard()).unwrap();
            check_endorsements(&found, &evidence.report).unwrap();
            assert_eq!(found, evidence.certificates, "{line:?} {service:?}");
            for request in server.requests() {
                assert!(request.contains(&format!("\r\nhost: {}\r\n", server.server.address)), "{request}");
                assert_eq!(request.contains("\r\nmetadata: true\r\n"), service == Service::Thim, "{request}");
            }
            let asked = server.asked();
            let (chip, name) = match line {
                Line::Milan => ("c1".repeat(64), "Milan"),
                Line::Genoa => ("c1".repeat(64), "Genoa"),
                Line::Turin => ("c1".repeat(8), "Turin"),
            };
            match service {
                Service::Azure => assert!(asked[0].starts_with("GET /SevSnpVM/certificates/c1c1")),
                Service::Thim => assert!(asked[0].starts_with("GET /metadata/THIM/amd/certification?")),
                Service::Amd => {
                    assert!(
                        asked[0].starts_with(&format!("GET /vcek/v1/{name}/{chip}?blSPL=4&")),
                        "{asked:?}"
                    );
                    assert_eq!(asked[1..], [format!("GET /vcek/v1/{name}/cert_chain")]);
                }
            }
        }
    }
}

#[test]
fn whatever_one_server_does_the_next_is_asked() {
    let evidence = Machine::milan().sign();
    let mut another = Machine::milan();
    another.end.extensions[1] = chip_extension(&[2; 64]);
    let another = another.sign().certificates;
    let elsewhere = Loopback::begin(Service::Thim, 0, vec![Act::good(b"")]);
    let location = format!("location: http://{}/\r\n", elsewhere.server.address);
    let thim = answers(Service::Thim, &evidence.certificates).remove(0);
    let Act::Answer(whole) = &thim else { panic!("a good server answers") };
    let cut_off = Act::Answer(whole[..whole.len() - 10].to_vec());
    let long = Act::good(&[b'x'; (1 << 16) + 1]);
    let mut endless = b"HTTP/1.0 200 OK\r\n\r\n".to_vec();
    endless.resize(1 << 18, b'x');
    let cases: [(Service, Act, &str); 11] = [
        (Service::Azure, Act::status("404 Not Found", "", b"no"), "it answered with status 404"),
        (Service::Amd, Act::status("500 Error", "", b""), "it answered with status 500"),
        (Service::Thim, Act::status("302 Found", &location, b""), "it answered with status 302"),
        (Service::Azure, Act::status("301 Moved", &location, b""), "it answered with status 301"),
        (Service::Thim, long, "the answer is too large"),
        (Service::Thim, Act::Answer(endless), "the answer is too large"),
        (Service::Thim, cut_off, "the connection failed: unexpected end of file"),
        (Service::Thim, Act::Answer(b"SSH-2.0-x\r\n\r\n".to_vec()), "the answer is not valid HTTP"),
        (Service::Amd, Act::Nothing, "no answer in time"),
        (
            Service::Azure,
            Act::good(&another),
            "its certificates do not go with the report: SEV-SNP: Chip ID in attestation does not match endorsed \
             chip ID",
        ),
        (
            Service::Thim,
            Act::good(&evidence.certificates),
            "it answered with something else than JSON with `vcekCert` and `certificateChain`",
        ),
    ];
    for (service, act, because) in cases {
        let bad = Loopback::begin(service, 0, vec![act]);
        let good = Loopback::begin(Service::Azure, 0, answers(Service::Azure, &evidence.certificates));
        let kept = Kept::default();
        let begun = Instant::now();
        let found = ask(vec![bad.server.clone(), good.server.clone()], &evidence, &kept.log());
        assert_eq!(found.unwrap(), evidence.certificates, "{because}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{because}: {:?}", begun.elapsed());
        let other = format!("Fail {because}; asking the next server");
        assert_eq!(kept.tries(), [other, "Info answered, and complete".to_owned()]);
        assert_eq!((bad.asked().len(), good.asked().len()), (1, 1), "{because}");
    }
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[test]
fn a_server_is_asked_as_often_as_configured() {
    let evidence = Machine::milan().sign();
    let busy = |status| Act::status(status, "Retry-After: 0\r\n", b"");
    // The second answer begins anew, the third succeeds.
    let acts =
        [busy("503 Busy"), busy("429 Too Many"), answers(Service::Thim, &evidence.certificates).remove(0)];
    let server = Loopback::begin(Service::Thim, 2, acts.to_vec());
    let kept = Kept::default();
    let found = ask(vec![server.server.clone()], &evidence, &kept.log());
    assert_eq!(found.unwrap(), evidence.certificates);
    let expected = [
        "Fail it answered with status 503; asking again in 0 s",
        "Fail it answered with status 429; asking again in 0 s",
        "Info answered, and complete",
    ];
    assert_eq!(kept.tries(), expected);

    let server = Loopback::begin(Service::Azure, 1, vec![busy("503 Busy"); 3]);
    let absent = nobody(Service::Amd);
    let kept = Kept::default();
    let Err(Unendorsed::NoAnswer(found)) =
        ask(vec![server.server.clone(), absent.clone()], &evidence, &kept.log())
    else {
        panic!("nobody has them");
    };
    let addresses = vec![server.server.address.clone(), absent.address];
    assert_eq!(found, NoAnswer::GaveUp { addresses, retries: 1 });
    assert_eq!(server.asked().len(), 2);
    let tries = kept.tries();
    assert_eq!(
        tries[..2],
        [
            "Fail it answered with status 503; asking again in 0 s",
            "Fail it answered with status 503; asking the next server"
        ]
    );
    assert!(tries.len() == 3 && tries[2].starts_with("Fail Connection refused"), "{tries:?}");
}

#[test]
fn nobody_is_asked_any_more_when_the_node_stops() {
    let evidence = Machine::milan().sign();
    let server =
        Loopback::begin(Service::Azure, 10, vec![Act::status("503 Busy", "Retry-After: 60\r\n", b"")]);
    let (stop, stopping) = watch::channel(false);
    let servers = Servers::new(vec![server.server.clone()], stopping, &Log::discard());
    let begun = Instant::now();
    let found = std::thread::scope(|scope| {
        let asking = scope.spawn(|| servers.certificates(&evidence.report));
        while server.asked().is_empty() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.send_replace(true);
        asking.join().unwrap()
    });
    assert!(matches!(found, Err(Unendorsed::Stopped)));
    assert!(begun.elapsed() < Duration::from_secs(50));
}
