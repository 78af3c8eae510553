//! The load generator, as a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use coco_crypto::Certificate;
use coco_load::Report;

use crate::{Consortium, Node};

/// How often a load is sent again when something else used the machine.
const ATTEMPTS: usize = 5;
/// Rest before that.
const REST: Duration = Duration::from_secs(2);
/// Exit status of the generator when other processes used too much of the CPU.
const REFUSED: i32 = 3;
/// Status of writes that the service refuses while too many wait for commit.
const BUSY: u16 = 503;

/// Sends loads as the first user of a service.
pub struct Generator {
    program: PathBuf,
    service: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// A load that is being sent; ended when dropped.
pub struct Sending(Option<Child>);

impl Generator {
    /// Of this program; writes the certificates that it needs into the new directory `directory`.
    ///
    /// # Panics
    /// If the directory cannot be written.
    #[must_use]
    pub fn new(program: PathBuf, consortium: &Consortium, service: &Certificate, directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("a directory for certificates");
        let (certificate, key) = consortium.users[0].write(directory);
        let file = directory.join("service_cert.pem");
        fs::write(&file, service.to_pem()).expect("the directory can be written");
        Self { program, service: file, certificate, key }
    }

    /// Sends a load to a node and waits for its end. CPU time of the processes `known` is that of the service; the load is
    /// sent again if others used more than `foreign` percent of the machine. The service may refuse writes while it is busy:
    /// see [`busy`].
    ///
    /// # Panics
    /// If a request fails otherwise, or others do not leave the machine alone.
    #[must_use]
    pub fn send(&self, node: &Node, known: &[u32], foreign: u32, arguments: &[&str]) -> Report {
        for _ in 0..ATTEMPTS {
            let output = self.command(node, known, foreign, arguments).output().expect("the generator runs");
            if output.status.code() != Some(REFUSED) {
                return report(&output);
            }
            eprintln!("again: {}", String::from_utf8_lossy(&output.stderr).trim_end());
            sleep(REST);
        }
        panic!("other processes used too much of the CPU, {ATTEMPTS} times in a row");
    }

    /// Begins to send a load to a node.
    ///
    /// # Panics
    /// If the generator does not start.
    #[must_use]
    pub fn start(&self, node: &Node, arguments: &[&str]) -> Sending {
        let mut command = self.command(node, &[], 100, arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Sending(Some(child.expect("the generator runs")))
    }

    fn command(&self, node: &Node, known: &[u32], foreign: u32, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "--json", "--tolerate-failures", "--max-foreign", &foreign.to_string()]);
        command.args(["--url", &format!("https://{}", node.address)]);
        command.arg("--ca").arg(&self.service).arg("--cert").arg(&self.certificate);
        command.arg("--key").arg(&self.key).stdin(Stdio::null());
        for id in known {
            command.args(["--server-pid", &id.to_string()]);
        }
        command.args(arguments);
        command
    }
}

impl Sending {
    /// Number of the process.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.as_ref().expect("it is being sent").id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If a request fails, but for those that a busy service refuses.
    #[must_use]
    pub fn end(mut self) -> Report {
        let child = self.0.take().expect("it is being sent");
        report(&child.wait_with_output().expect("a child can be waited for"))
    }

    /// Whether it goes on.
    ///
    /// # Panics
    /// If the system does not say.
    #[must_use]
    pub fn goes_on(&mut self) -> bool {
        let child = self.0.as_mut().expect("it is being sent");
        child.try_wait().expect("a child can be waited for").is_none()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Requests of a load that the service refused because too many waited for commit.
#[must_use]
pub fn busy(report: &Report) -> u64 {
    report.failures.statuses.get(&BUSY).copied().unwrap_or(0)
}

fn report(output: &Output) -> Report {
    assert!(output.status.success(), "the load fails: {}", String::from_utf8_lossy(&output.stderr));
    let report: Report = serde_json::from_slice(&output.stdout).expect("the generator reports in JSON");
    let mut failures = report.failures.clone();
    failures.statuses.remove(&BUSY);
    assert!(failures.none(), "the load fails: {failures}");
    report
}
