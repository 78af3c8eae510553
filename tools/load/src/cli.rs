//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use coco_load::Plan;
use coco_load::ceiling;
use coco_load::plan::{self, Follow, Protocol};

const EXAMPLES: &str = "\
Examples:
  # 64 connections, closed loop, against a running sandbox (its --exec sets COCO_URL and the files)
  coco-load run

  # The same, spelled out
  coco-load run --url https://127.0.0.1:8000 --ca service_cert.pem --cert user0_cert.pem --key user0_privk.pem

  # Latency at a fixed rate, counted from the intended start
  coco-load run --rate 20000 --duration 30s

  # 8 requests in flight on each connection; 16 HTTP/2 connections with 4 streams each
  coco-load run --pipeline 8
  coco-load run --http2 --connections 16 --streams 4

  # 16 messages in each request; throughput and CPU are then per message
  coco-load run --batch 16

  # Time to commit, answered by the service or asked for
  coco-load run --mode commit --connections 1 --rate 20
  coco-load run --mode commit --poll 1ms --connections 1

  # Handshakes a second
  coco-load run --mode handshake --connections 4

  # Everything, beside the ceiling and nginx
  coco-load suite --rounds 5 --out speed.json

Exit status: 0 done; 1 requests failed; 2 usage; 3 other processes used too much CPU; 4 a goal was missed.";

/// Load generator for any service with CCF's logging API.
#[derive(Parser)]
#[command(name = "coco-load", version, about, after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Send one kind of load and report
    #[command(after_help = EXAMPLES, args_override_self = true)]
    Run(RunArgs),
    /// Run all cases on the service and the ceiling in turns; print medians, ratios and goals
    Suite(SuiteArgs),
    /// Serve 20 fixed bytes over TLS: the fastest that a service on this machine could be
    Ceiling(CeilingArgs),
}

/// Where requests go and who sends them.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// The service, https://HOST:PORT
    #[arg(long, env = "COCO_URL")]
    pub(crate) url: Option<String>,
    /// The service's certificate, PEM
    #[arg(long, env = "COCO_SERVICE_CERT")]
    pub(crate) ca: Option<PathBuf>,
    /// The user's certificate, PEM
    #[arg(long, env = "COCO_USER_CERT", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The user's private key, PEM
    #[arg(long, env = "COCO_USER_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// Believe any server
    #[arg(long)]
    pub(crate) insecure: bool,
    /// The server's processes; without it, those that listen on the port
    #[arg(long)]
    pub(crate) server_pid: Vec<u32>,
}

/// One kind of load.
#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// What a request does
    #[arg(long, value_enum, default_value = "write")]
    mode: Mode,
    /// Connections
    #[arg(short, long, default_value_t = 64)]
    connections: usize,
    /// Requests in flight on an HTTP/1.1 connection
    #[arg(long, default_value_t = 1)]
    pipeline: usize,
    /// Use HTTP/2
    #[arg(long)]
    http2: bool,
    /// Requests in flight on an HTTP/2 connection
    #[arg(long, default_value_t = 4, requires = "http2")]
    streams: usize,
    /// Requests a second (open loop); without it each answer starts the next request (closed loop)
    #[arg(long)]
    rate: Option<f64>,
    /// Time under load before anything is counted
    #[arg(long, default_value = "2s", value_parser = duration)]
    warm_up: Duration,
    /// Time that is counted
    #[arg(long, default_value = "8s", value_parser = duration)]
    duration: Duration,
    /// Number of keys
    #[arg(long, default_value_t = 10_000)]
    keys: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    value: usize,
    /// Messages in a write, in write and commit mode; if more than 1, throughput and CPU are per message, not per request
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Table
    #[arg(long, value_enum, default_value = "private")]
    table: Table,
    /// Share of reads in mixed mode
    #[arg(long, default_value_t = 0.5)]
    reads: f64,
    /// In commit mode, seconds of `Prefer: wait`
    #[arg(long, default_value_t = 5)]
    wait: u32,
    /// In commit mode, ask for the status this often instead of waiting
    #[arg(long, value_parser = duration)]
    poll: Option<Duration>,
    /// Write every key before the run
    #[arg(long, value_enum, default_value = "auto")]
    preload: Preload,
    /// Threads of the generator
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seed of keys and messages
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Percent of the CPU that other processes may use
    #[arg(long, default_value_t = 5.0)]
    pub(crate) max_foreign: f64,
    /// Exit with 0 although requests failed
    #[arg(long)]
    pub(crate) tolerate_failures: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The whole suite.
#[derive(Args)]
pub(crate) struct SuiteArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// The service's name in the tables
    #[arg(long, default_value = "service")]
    pub(crate) name: String,
    /// Rounds of each case
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Time under load before each measurement
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub(crate) warm_up: Duration,
    /// Length of each measurement
    #[arg(long, default_value = "4s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Only these cases
    #[arg(long, value_delimiter = ',', value_parser = case_names())]
    pub(crate) only: Vec<String>,
    /// Threads of the generator
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Percent of the CPU that other processes may use
    #[arg(long, default_value_t = 5.0)]
    pub(crate) max_foreign: f64,
    /// Write JSON to this file too
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

/// The ceiling.
#[derive(Args)]
pub(crate) struct CeilingArgs {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// I/O threads; 0 for as many as a node has: one a core but one
    #[arg(long, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Client certificates
    #[arg(long, value_enum, default_value = "required")]
    pub(crate) client_auth: ClientAuth,
    /// Folder of certificates and keys; they are made if it has none
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Write,
    Read,
    Mixed,
    Commit,
    Handshake,
}

#[derive(Clone, Copy, ValueEnum)]
enum Table {
    Private,
    Public,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preload {
    Auto,
    Always,
    Never,
}

/// What the ceiling asks of a client.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ClientAuth {
    Required,
    Optional,
    None,
}

impl From<ClientAuth> for ceiling::ClientAuth {
    fn from(auth: ClientAuth) -> Self {
        match auth {
            ClientAuth::Required => Self::Required,
            ClientAuth::Optional => Self::Optional,
            ClientAuth::None => Self::None,
        }
    }
}

impl RunArgs {
    /// The plan that these arguments describe.
    pub(crate) fn plan(&self) -> Plan {
        let follow = self.poll.map_or(Follow::Wait { seconds: self.wait }, |every| Follow::Poll { every });
        Plan {
            mode: match self.mode {
                Mode::Write => plan::Mode::Write,
                Mode::Read => plan::Mode::Read,
                Mode::Mixed => plan::Mode::Mixed,
                Mode::Commit => plan::Mode::Commit(follow),
                Mode::Handshake => plan::Mode::Handshake,
            },
            protocol: if self.http2 {
                Protocol::Http2 { streams: self.streams }
            } else {
                Protocol::Http1 { depth: self.pipeline }
            },
            connections: self.connections,
            rate: self.rate,
            warm_up: self.warm_up,
            duration: self.duration,
            keys: self.keys,
            value: self.value,
            batch: self.batch,
            table: match self.table {
                Table::Private => plan::Table::Private,
                Table::Public => plan::Table::Public,
            },
            reads: self.reads,
            threads: self.threads,
            preload: match self.preload {
                Preload::Auto => plan::Preload::Auto,
                Preload::Always => plan::Preload::Always,
                Preload::Never => plan::Preload::Never,
            },
            seed: self.seed,
            max_foreign: self.max_foreign,
        }
    }
}

fn case_names() -> clap::builder::PossibleValuesParser {
    coco_load::suite::CASES.iter().map(|case| case.name).collect::<Vec<_>>().into()
}

/// A number with `us`, `ms`, `s` or `m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| format!("not a duration: {text}"))?;
    let seconds = match &text[digits.len()..] {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(format!("{text} wants a unit: us, ms, s or m")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
