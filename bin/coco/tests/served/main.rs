//! Commands that talk to a service, each with a sandbox of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod gov;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const COCO: &str = env!("CARGO_BIN_EXE_coco");
const PATIENCE: Duration = Duration::from_secs(120);

/// A sandbox of one node and three members in `service`, and the folder that it is in.
struct Sandbox {
    process: Child,
    folder: PathBuf,
}

impl Sandbox {
    /// Starts it with an application.
    fn start(folder: &Path, app: &str) -> Self {
        let process = Command::new(COCO)
            .args(["sandbox", "--app", app, "--nodes", "1", "--dir", "service"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sandbox = Self { process, folder: folder.to_path_buf() };
        let deadline = Instant::now() + PATIENCE;
        while !sandbox.dir().join("sandbox.json").exists() {
            assert!(Instant::now() < deadline, "the sandbox took too long");
            sleep(Duration::from_millis(20));
        }
        sandbox
    }

    fn dir(&self) -> PathBuf {
        self.folder.join("service")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = kill_process(Pid::from_child(&self.process), Signal::INT);
        let _ = self.process.wait();
    }
}
