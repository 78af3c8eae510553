//! A TPM in software (swtpm), set up by tpm2-tools, and one that answers whatever it likes.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use coco_attest::tpm::{self, Key, PcrSet, Quoted, Requirements, Signature};
use coco_crypto::x509::UnixTime;
use coco_imitated::software_tpm::{SoftwareTpm, kind, transmit};

use crate::platform::tpm::{Channel, NotShown, Tpm};

/// Where the key lies, and a data area.
const KEY: u32 = 0x8101_0002;
const AREA: u32 = 0x0140_0001;
/// Twelve PCRs: more than a TPM tells at a time.
const PCRS: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14]);

/// None where it is not installed.
fn software_tpm() -> Option<SoftwareTpm> {
    SoftwareTpm::start("no software TPM is asked")
}

/// The commands of a TPM over a socket.
pub(super) struct Socket(pub(super) PathBuf);

impl Channel for Socket {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        transmit(&self.0, command)
    }
}

#[test]
fn keys_of_a_software_tpm_quote() {
    for kind in [kind::ELLIPTIC, kind::RSA] {
        let Some(software) = software_tpm() else { return };
        software.make_key(kind, KEY);
        software
            .run("tpm2_pcrextend 12:sha256=0101010101010101010101010101010101010101010101010101010101010101");
        let tpm = Tpm::new(Box::new(Socket(software.socket())));
        let nonce = [7; 32];
        let shown = tpm.quote(KEY, PCRS, &nonce).expect("a quote");
        let name = software.read("ak.name");
        let quoted = Quoted {
            message: &shown.message,
            signature: Signature::Structure(&shown.signature),
            pcrs: &shown.pcrs,
        };
        let evidence = tpm::Evidence { quoted, key: Key::Named(&shown.public), log: None };
        let requirements = Requirements { nonce: &nonce, names: &[&name], ..Requirements::STRICT };
        let claims = tpm::verify(&evidence, &requirements, UnixTime(0)).expect("genuine");
        assert_ne!(claims.pcrs.value(12), Some(&[0; 32][..]));
        assert_eq!(claims.pcrs.value(7), Some(&[0; 32][..]));
        assert_eq!(claims.pcrs.value(8), None);
        // There is no such key.
        let refused = tpm.quote(KEY + 1, PCRS, &nonce).expect_err("no key");
        assert!(matches!(refused, NotShown::Refused { command: "TPM2_ReadPublic", .. }), "{refused}");
        assert!(refused.to_string().contains("no such key"), "{refused}");
    }
}

#[test]
fn areas_of_a_software_tpm_are_read() {
    let Some(software) = software_tpm() else { return };
    let content: Vec<u8> = (0..1700_u32).map(|at| (at % 251) as u8).collect();
    software.make_area(AREA, &content);
    let tpm = Tpm::new(Box::new(Socket(software.socket())));
    assert_eq!(tpm.read_area(AREA).expect("it is there"), content);
    let refused = tpm.read_area(AREA + 1).expect_err("no area");
    assert!(matches!(refused, NotShown::Refused { command: "TPM2_NV_ReadPublic", .. }), "{refused}");
}

/// A TPM that gives these answers, one after the other, and keeps what it was sent.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Vec<u8>>>>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Channel for Scripted {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.sent.lock().expect("one thread").push(command.to_vec());
        self.answers
            .lock()
            .expect("one thread")
            .pop_front()
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// An answer with this code and content.
fn answer(tag: u16, code: u32, rest: &[u8]) -> Vec<u8> {
    let size = u32::try_from(10 + rest.len()).expect("short");
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &code.to_be_bytes(), rest].concat()
}

fn asked(answers: &[Vec<u8>]) -> (Result<(), NotShown>, usize) {
    let scripted =
        Scripted { answers: Arc::new(Mutex::new(answers.iter().cloned().collect())), ..Scripted::default() };
    let found = Tpm::new(Box::new(scripted.clone())).quote(KEY, PCRS, b"nonce").map(drop);
    let sent = scripted.sent.lock().expect("one thread").len();
    (found, sent)
}

#[test]
fn a_tpm_that_is_busy_is_asked_again() {
    let busy = answer(0x8001, 0x922, &[]);
    let gone = answer(0x8001, 0x101, &[]);
    let (found, sent) = asked(&[busy.clone(), busy, gone]);
    assert!(matches!(found, Err(NotShown::Refused { command: "TPM2_ReadPublic", code: 0x101 })));
    assert_eq!(sent, 3);
}

#[test]
fn answers_that_are_none() {
    let public = answer(0x8001, 0, &[0, 2, 9, 9]);
    let cases = [
        vec![vec![]],
        vec![vec![0x80, 1]],
        // Another size than it says, another tag, an area that ends too early.
        vec![[answer(0x8001, 0, &[0, 0]), vec![0]].concat()],
        vec![answer(0x8002, 0, &[0, 0])],
        vec![answer(0x8001, 0, &[0, 9, 1])],
        // Of PCRs: nothing, other PCRs, too few values, values that are too short, something behind them.
        vec![public.clone(), answer(0x8001, 0, &[])],
        vec![public.clone(), answer(0x8001, 0, &[0, 0, 0, 1, 0, 0, 0, 1, 0, 11, 3, 1, 0, 0, 0, 0, 0, 0])],
        vec![public.clone(), answer(0x8001, 0, &[0, 0, 0, 1, 0, 0, 0, 1, 0, 11, 3, 0xff, 0, 0, 0, 0, 0, 0])],
        vec![
            public.clone(),
            answer(0x8001, 0, &[0, 0, 0, 1, 0, 0, 0, 1, 0, 11, 3, 0xff, 0, 0, 0, 0, 0, 8, 0, 1, 7]),
        ],
    ];
    for (at, answers) in cases.iter().enumerate() {
        let (found, _) = asked(answers);
        assert!(matches!(found, Err(NotShown::Answer(_))), "{at}: {found:?}");
    }
    let (found, _) = asked(&[public]);
    assert!(matches!(found, Err(NotShown::Device(_))));
}

#[test]
fn an_area_is_read_to_its_end_only() {
    let read = |answers: &[Vec<u8>]| {
        let scripted = Scripted {
            answers: Arc::new(Mutex::new(answers.iter().cloned().collect())),
            ..Scripted::default()
        };
        Tpm::new(Box::new(scripted)).read_area(AREA)
    };
    let public = |size: u16| {
        let area = [&AREA.to_be_bytes()[..], &[0, 11], &[0; 4], &[0, 0], &size.to_be_bytes()].concat();
        let length = u16::try_from(area.len()).expect("short").to_be_bytes();
        answer(0x8001, 0, &[&length[..], &area, &[0, 0]].concat())
    };
    let piece = |bytes: &[u8]| {
        let sized = [&u16::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
        let size = u32::try_from(sized.len()).expect("short").to_be_bytes();
        answer(0x8002, 0, &[&size[..], &sized, &[0; 5]].concat())
    };
    assert_eq!(read(&[public(3), piece(&[1, 2]), piece(&[3])]).expect("three bytes"), [1, 2, 3]);
    // More than there is does not count, nothing ends it, and neither is there an area without end.
    assert_eq!(read(&[public(3), piece(&[1, 2, 3, 4])]).expect("three bytes"), [1, 2, 3]);
    assert!(matches!(read(&[public(3), piece(&[])]), Err(NotShown::Answer("TPM2_NV_Read"))));
    assert!(matches!(read(&[public(0x4001)]), Err(NotShown::Answer("TPM2_NV_ReadPublic"))));
}
