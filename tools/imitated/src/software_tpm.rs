//! A TPM that is real but for its chip: swtpm, set up by tpm2-tools. Both are programs that a machine may lack.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use coco_crypto::hash::sha256;
use coco_wire::text::encode_hex;
use tempfile::TempDir;

use crate::windows::Measured;

/// Most bytes of an answer.
const MAX_LEN: usize = 4096;
/// How long the program may take to start, in steps of 20 milliseconds.
const START_STEPS: u32 = 100;

/// A running TPM.
pub struct SoftwareTpm {
    process: Child,
    directory: TempDir,
}

/// Kinds of keys that attest, as arguments of `tpm2_createak`.
pub mod kind {
    /// P-256.
    pub const ELLIPTIC: &str = "-G ecc -g sha256 -s ecdsa";
    /// RSA with 2,048 bits.
    pub const RSA: &str = "-G rsa -g sha256 -s rsassa";
}

impl Drop for SoftwareTpm {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl SoftwareTpm {
    /// One that was just made. None, and a line that says that `what` is not tried, where the programs are not installed.
    pub fn start(what: &str) -> Option<Self> {
        let installed = ["swtpm", "tpm2_quote"].into_iter().all(|tool| {
            Command::new(tool).arg("--version").output().is_ok_and(|found| found.status.success())
        });
        if !installed {
            eprintln!("SKIPPED: {what}, as swtpm and tpm2-tools are not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("tpm").display().to_string();
        let process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", directory.path().display())])
            .args(["--server", &format!("type=unixio,path={socket}")])
            .args(["--ctrl", &format!("type=unixio,path={socket}.ctrl")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let tpm = Self { process, directory };
        for _ in 0..START_STEPS {
            if tpm.path("tpm").exists() && tpm.path("tpm.ctrl").exists() {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        Some(tpm)
    }

    /// A file of its directory, where tools run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What a file of its directory has.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a tool wrote it")
    }

    /// Runs a tool in the directory, with the words of `line` as arguments.
    pub fn run(&self, line: &str) {
        let mut words = line.split(' ');
        let found = Command::new(words.next().expect("a tool"))
            .args(words)
            .current_dir(self.directory.path())
            .env("TPM2TOOLS_TCTI", format!("swtpm:path={}", self.path("tpm").display()))
            .output()
            .expect("it is installed");
        assert!(found.status.success(), "{line}: {}", String::from_utf8_lossy(&found.stderr));
    }

    /// Makes a key that attests, at a persistent handle; its name is in the file `ak.name`.
    pub fn make_key(&self, kind: &str, handle: u32) {
        for line in [
            "tpm2_createek -c ek -G rsa -u ek.pub",
            "tpm2_flushcontext -t",
            &format!("tpm2_createak -C ek -c ak {kind} -u made.pub -n ak.name"),
            "tpm2_flushcontext -t",
            &format!("tpm2_evictcontrol -c ak {handle:#x}"),
            "tpm2_flushcontext -t",
        ] {
            self.run(line);
        }
    }

    /// Makes a data area with this content.
    pub fn make_area(&self, index: u32, content: &[u8]) {
        fs::write(self.path("content"), content).expect("the directory can be written");
        self.run(&format!("tpm2_nvdefine -C o -s {} -a ownerread|ownerwrite {index:#x}", content.len()));
        self.run(&format!("tpm2_nvwrite -C o -i content {index:#x}"));
    }

    /// Measures a boot into the bank of SHA-256.
    pub fn extend(&self, events: &[Measured]) {
        let digests = events.iter().map(|(pcr, _, measured, _)| format!("{pcr}:sha256={}", sha256(measured)));
        let digests: Vec<String> = digests.collect();
        self.run(&format!("tpm2_pcrextend {}", digests.join(" ")));
    }

    /// The name of the key of [`Self::make_key`], in hexadecimal.
    pub fn key_name(&self) -> String {
        encode_hex(&self.read("ak.name"))
    }

    /// Where commands go: [`transmit`].
    pub fn socket(&self) -> PathBuf {
        self.path("tpm")
    }
}

/// Sends a command to the TPM behind a socket, over a connection of its own.
///
/// # Errors
/// Of the system.
pub fn transmit(socket: &Path, command: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(socket)?;
    stream.write_all(command)?;
    let mut answer = vec![0; MAX_LEN];
    let length = stream.read(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
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
