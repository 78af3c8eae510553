//! `coco node`: reads the configuration and runs one node.

use std::{env, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use coco_app::Adapter;
use coco_boundary::{Level, Log};
use coco_host::log::{LogFormat, StdoutLog};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::{
    adapters::UnknownApp,
    config::{InvalidDuration, NodeConfig, attestation::Attestation, command::CommandKind, duration},
    exit, measurement, run, version,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  --config node.json
  --config node.json --check                     read the configuration, say what is wrong, and exit
  --config node.json --config-timeout 30s        wait for the file to appear
  --measurement                                  what members have to admit for this build to run a node

Everything is logged to standard output, and nothing to standard error.
SIGTERM, SIGINT and SIGHUP stop the node.
Exit status: 0 stopped as asked, 1 fault, 2 wrong arguments, 105 invalid configuration.";

/// Arguments of a node; those of CCF.
#[derive(Args, Debug)]
pub(crate) struct NodeArgs {
    /// Path to the JSON configuration
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["version", "measurement"])]
    config: Option<PathBuf>,
    /// How long to wait for the configuration, such as 5s or 1min
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    config_timeout: Duration,
    /// Check the configuration and exit
    #[arg(long)]
    check: bool,
    /// Print what evidence of this build says on this machine, and how members admit it, as JSON; then exit
    #[arg(long)]
    measurement: bool,
    /// Print versions and exit
    #[arg(short, long)]
    pub(crate) version: bool,
    /// Least grave records that are logged: trace, debug, info, fail or fatal
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = parse_level)]
    log_level: Level,
    /// Process whose end ends the node, which it must be a child of
    #[arg(long, value_name = "PID", hide = true)]
    stop_with: Option<i32>,
}

fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    duration(text)
}

fn parse_level(text: &str) -> Result<Level, String> {
    let level = Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
    level.ok_or_else(|| "the levels are trace, debug, info, fail and fatal".to_owned())
}

impl NodeArgs {
    /// Runs a node with the application that `find` yields.
    pub(crate) fn execute(
        &self,
        find: impl FnOnce(&Log) -> Result<Arc<dyn Adapter>, UnknownApp>,
    ) -> ExitCode {
        let log = |format| Log::new(Arc::new(StdoutLog::new(self.log_level, format)));
        let log_text = log(LogFormat::Text);
        if let Some(parent) = self.stop_with
            && !stop_with(parent)
        {
            log_text.fatal(format_args!("The parent process is gone. Exiting."));
            return ExitCode::from(exit::REFUSED);
        }
        if self.measurement && self.config.is_none() {
            return measurement::execute(&Attestation::default());
        }
        let path = self.config.as_ref().expect("required by the argument parser");
        let environment = |name: &str| env::var(name).ok();
        let config = match NodeConfig::read(path, self.config_timeout, &environment) {
            Ok(config) => config,
            Err(error) => {
                log_text.fatal(format_args!("{error}. Exiting."));
                return ExitCode::from(exit::INVALID_CONFIG);
            }
        };
        if self.measurement {
            return measurement::execute(&config.attestation);
        }
        let log = log(config.logging.format);
        log.info(format_args!("CCF version: {}, Coco version: {}", version::CCF, version::COCO));
        if self.check {
            log.info(format_args!("Configuration file successfully verified"));
            return ExitCode::SUCCESS;
        }
        let app = match find(&log) {
            Ok(app) => app,
            Err(error) => {
                log.fatal(format_args!("{error}. Exiting."));
                return ExitCode::from(exit::UNUSABLE);
            }
        };
        start(&config, app, &log)
    }
}

fn start(config: &NodeConfig, app: Arc<dyn Adapter>, log: &Log) -> ExitCode {
    let kind = &config.command.kind;
    if let CommandKind::Recover(_) = kind {
        log.fatal(format_args!(
            "command.type: this version can Start or Join a service, but not yet {}. Exiting.",
            kind.name()
        ));
        return ExitCode::from(exit::INVALID_CONFIG);
    }
    match run::run(config, app, log) {
        Ok(status) => status,
        Err(error) => {
            log.fatal(format_args!("{error}"));
            ExitCode::from(exit::REFUSED)
        }
    }
}

/// Has this process asked to stop when the process `parent` ends; false if that is no longer its parent.
fn stop_with(parent: i32) -> bool {
    // First the request, then the check: a parent that ends in between is noticed by one of them.
    let requested = set_parent_process_death_signal(Some(Signal::TERM)).is_ok();
    requested && getppid().map(Pid::as_raw_nonzero).is_some_and(|pid| pid.get() == parent)
}

#[cfg(test)]
mod tests;
