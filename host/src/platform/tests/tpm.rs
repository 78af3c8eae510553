//! A TPM in software (swtpm), set up by tpm2-tools, and one that answers whatever it likes.

use std::{
    collections::VecDeque,
    fs, io,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread::sleep,
    time::Duration,
};

use coco_attest::tpm::{self, Key, PcrSet, Quoted, Requirements, Signature};
use coco_crypto::x509::UnixTime;

use crate::platform::tpm::{Channel, NotShown, Tpm};

/// Where the key lies, and a data area.
const KEY: u32 = 0x8101_0002;
const AREA: u32 = 0x0140_0001;
/// Twelve PCRs: more than a TPM tells at a time.
const PCRS: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14]);

/// A running TPM.
struct SoftwareTpm {
    process: Child,
    directory: tempfile::TempDir,
}

impl Drop for SoftwareTpm {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl SoftwareTpm {
    /// None where it is not installed.
    fn start() -> Option<Self> {
        let installed = ["swtpm", "tpm2_quote"].into_iter().all(|tool| {
            let found = std::process::Command::new(tool).arg("--version").output();
            found.is_ok_and(|found| found.status.success())
        });
        if !installed {
            eprintln!("SKIPPED: no software TPM is asked, as swtpm and tpm2-tools are not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("tpm").display().to_string();
        let process = std::process::Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", directory.path().display())])
            .args(["--server", &format!("type=unixio,path={socket}")])
            .args(["--ctrl", &format!("type=unixio,path={socket}.ctrl")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let tpm = Self { process, directory };
        for _ in 0..100 {
            if tpm.path("tpm").exists() && tpm.path("tpm.ctrl").exists() {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        Some(tpm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a tool in the directory, with the words of `line` as arguments.
    fn run(&self, line: &str) {
        let mut words = line.split(' ');
        let found = std::process::Command::new(words.next().expect("a tool"))
            .args(words)
            .current_dir(self.directory.path())
            .env("TPM2TOOLS_TCTI", format!("swtpm:path={}", self.path("tpm").display()))
            .output()
            .expect("it is installed");
        assert!(found.status.success(), "{line}: {}", String::from_utf8_lossy(&found.stderr));
    }

    /// Makes a key that attests, at its handle.
    fn make_key(&self, kind: &str) {
        for line in [
            "tpm2_createek -c ek -G rsa -u ek.pub",
            "tpm2_flushcontext -t",
            &format!("tpm2_createak -C ek -c ak {kind} -u made.pub -n ak.name"),
            "tpm2_flushcontext -t",
            &format!("tpm2_evictcontrol -c ak {KEY:#x}"),
            "tpm2_flushcontext -t",
        ] {
            self.run(line);
        }
    }

    fn channel(&self) -> Box<dyn Channel> {
        Box::new(Socket(self.path("tpm")))
    }
}

/// The commands of a TPM over a socket, a connection for each.
struct Socket(PathBuf);

impl Channel for Socket {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = connect(&self.0)?;
        stream.write_all(command)?;
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer)?;
        answer.truncate(length);
        Ok(answer)
    }
}

/// It serves one at a time, and needs a moment between two.
fn connect(path: &Path) -> io::Result<UnixStream> {
    for _ in 0..50 {
        match UnixStream::connect(path) {
            Err(_) => sleep(Duration::from_millis(10)),
            connected => return connected,
        }
    }
    UnixStream::connect(path)
}

#[test]
fn keys_of_a_software_tpm_quote() {
    for kind in ["-G ecc -g sha256 -s ecdsa", "-G rsa -g sha256 -s rsassa"] {
        let Some(software) = SoftwareTpm::start() else { return };
        software.make_key(kind);
        software
            .run("tpm2_pcrextend 12:sha256=0101010101010101010101010101010101010101010101010101010101010101");
        let tpm = Tpm::new(software.channel());
        let nonce = [7; 32];
        let shown = tpm.quote(KEY, PCRS, &nonce).expect("a quote");
        let name = fs::read(software.path("ak.name")).expect("the tool wrote it");
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
        assert!(refused.to_string().contains("attestation.tpm_key"), "{refused}");
    }
}

#[test]
fn areas_of_a_software_tpm_are_read() {
    let Some(software) = SoftwareTpm::start() else { return };
    let content: Vec<u8> = (0..1700_u32).map(|at| (at % 251) as u8).collect();
    fs::write(software.path("content"), &content).expect("the directory can be written");
    software.run(&format!("tpm2_nvdefine -C o -s {} -a ownerread|ownerwrite {AREA:#x}", content.len()));
    software.run(&format!("tpm2_nvwrite -C o -i content {AREA:#x}"));
    let tpm = Tpm::new(software.channel());
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
