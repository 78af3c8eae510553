//! Load generator for any service with CCF's logging API: command line.

mod cli;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use clap::Parser;
use coco_load::identity::IdentityFiles;
use coco_load::nginx::Nginx;
use coco_load::suite::{Contender, Kind, Options, suite};
use coco_load::target::Credentials;
use coco_load::{Error, Processes, Target, ceiling, run};

use cli::{CeilingArgs, Cli, Command as Verb, RunArgs, SuiteArgs, TargetArgs};

/// Some requests failed.
const FAILED: u8 = 1;
/// A must of the suite was missed.
const MISSED: u8 = 4;
/// Too much foreign CPU: the figures must not be used.
const REFUSED: u8 = 3;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Verb::Run(args) => run_once(&args),
        Verb::Suite(args) => run_suite(&args),
        Verb::Ceiling(args) => serve(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("coco-load: {error}");
        let code = if matches!(error, Error::Foreign { .. }) { REFUSED } else { FAILED };
        ExitCode::from(code)
    })
}

fn run_once(args: &RunArgs) -> Result<ExitCode, Error> {
    let target = target(&args.target)?;
    let servers = processes(&args.target, &target);
    let report = run(&target, &args.plan(), &servers)?;
    if args.json {
        println!("{}", json(&report));
    } else {
        println!("{report}");
    }
    if report.refused {
        eprintln!(
            "coco-load: refused: other processes used {:.1} % of the CPU, at most {} % is allowed",
            report.foreign_cpu_percent, args.max_foreign
        );
        return Ok(ExitCode::from(REFUSED));
    }
    if !report.failures.none() && !args.tolerate_failures {
        eprintln!("coco-load: failures: {}", report.failures);
        return Ok(ExitCode::from(FAILED));
    }
    Ok(ExitCode::SUCCESS)
}

fn run_suite(args: &SuiteArgs) -> Result<ExitCode, Error> {
    let folder = tempfile::tempdir().map_err(io("temporary folder"))?;
    let yardsticks = Yardsticks::start(folder.path())?;
    let mut contenders = yardsticks.contenders()?;
    if args.target.url.is_some() {
        let target = target(&args.target)?;
        let servers = processes(&args.target, &target);
        contenders.push(Contender { name: args.name.clone(), target, servers, kind: Kind::Service });
    }
    let options = Options {
        rounds: args.rounds,
        warm_up: args.warm_up,
        duration: args.duration,
        only: args.only.clone(),
        max_foreign: args.max_foreign,
        threads: args.threads,
    };
    let summary = suite(&contenders, &options, &mut |case, contender, report| {
        eprintln!(
            "{:16} {:10} {:>8.0}/s  p50 {:>8.1} µs  foreign {:.1} %",
            case.name, contender.name, report.per_second, report.latency_us.p50, report.foreign_cpu_percent
        );
    })?;
    if let Some(file) = &args.out {
        std::fs::write(file, json(&summary)).map_err(io(&file.display().to_string()))?;
    }
    if args.json {
        println!("{}", json(&summary));
    } else {
        println!("{summary}");
    }
    Ok(if summary.met() { ExitCode::SUCCESS } else { ExitCode::from(MISSED) })
}

fn serve(args: &CeilingArgs) -> Result<ExitCode, Error> {
    let files = IdentityFiles::open(&args.dir)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if args.threads == 0 { (cores - 1).max(1) } else { args.threads };
    let address = ceiling::start(args.listen, threads, args.client_auth.into(), &files)?;
    println!("https://{address}");
    loop {
        std::thread::park();
    }
}

/// The servers that a service is compared with, stopped when dropped.
struct Yardsticks {
    ceiling: Child,
    ceiling_url: String,
    nginx: Option<Nginx>,
    files: IdentityFiles,
}

impl Yardsticks {
    /// The ceiling gets a process of its own, so that its CPU time is told from the generator's.
    fn start(folder: &Path) -> Result<Self, Error> {
        let files = IdentityFiles::open(folder)?;
        let program = std::env::current_exe().map_err(io("this program"))?;
        let mut ceiling = Command::new(program)
            .args(["ceiling", "--dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io("ceiling"))?;
        let output = ceiling.stdout.take().expect("the output is a pipe");
        let mut yardsticks = Self { ceiling, ceiling_url: String::new(), nginx: None, files };
        BufReader::new(output).read_line(&mut yardsticks.ceiling_url).map_err(io("ceiling"))?;
        yardsticks.nginx = Nginx::start(folder, &yardsticks.files)?;
        Ok(yardsticks)
    }

    fn contenders(&self) -> Result<Vec<Contender>, Error> {
        let user = (self.files.user.0.as_path(), self.files.user.1.as_path());
        let credentials = Credentials { service: Some(&self.files.service), client: Some(user) };
        let yardstick = |name: &str, url: &str, servers: Processes| -> Result<Contender, Error> {
            let target = Target::new(url, credentials)?;
            Ok(Contender { name: name.to_owned(), target, servers, kind: Kind::Yardstick })
        };
        let own = Processes::new(vec![self.ceiling.id()]);
        let mut contenders = vec![yardstick("ceiling", self.ceiling_url.trim(), own)?];
        if let Some(nginx) = &self.nginx {
            let url = format!("https://{}", nginx.address);
            contenders.push(yardstick("nginx", &url, Processes::listening(nginx.address))?);
        }
        Ok(contenders)
    }
}

impl Drop for Yardsticks {
    fn drop(&mut self) {
        let _killed = self.ceiling.kill();
        let _waited = self.ceiling.wait();
    }
}

fn target(args: &TargetArgs) -> Result<Target, Error> {
    let url = args.url.as_deref().ok_or(Error::Plan("--url or COCO_URL must name the service"))?;
    let client = args.cert.as_deref().zip(args.key.as_deref());
    let service = args.ca.as_deref();
    if service.is_none() && !args.insecure {
        return Err(Error::Plan("--ca must name the service's certificate, or --insecure believe any"));
    }
    Target::new(url, Credentials { service, client })
}

/// The given processes, else those that listen on the service's port of this machine.
fn processes(args: &TargetArgs, target: &Target) -> Processes {
    let servers = match args.server_pid.as_slice() {
        [] => Processes::listening(target.address),
        given => Processes::new(given.to_vec()),
    };
    if servers.is_empty() {
        eprintln!("coco-load: no local process listens on {}: its CPU time is unknown", target.address);
    }
    servers
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("reports are plain data")
}

fn io(what: &str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { what: what.to_owned(), source }
}
