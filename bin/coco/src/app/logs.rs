//! `coco app logs`: what scripts of the application printed, as a node keeps it.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use coco_client::{Client, ClientError, StatusCode, governance::API_VERSION};
use serde::{Deserialize, Serialize};
use tokio::{runtime, time::sleep};

use super::error::AppError;
use crate::{
    config::duration,
    connection::{MemberArgs, Places, ServiceArgs},
    exit,
};

const EXAMPLES: &str = "\
Examples:
  coco app logs --dir service
  coco app logs --dir service --follow
  coco app logs --dir service --endpoint 'GET /records/{id}' --limit 20
  coco app logs --url https://127.0.0.1:8000 --service-cert service_cert.pem \\
    --member-cert member0_cert.pem --member-key member0_privk.pem --json

Active members may read it. Each node keeps what it executed itself, in memory, the last 256 lines of each endpoint: a
call that a node forwards is printed where it is executed. --url asks another node than the first one of a sandbox.
Exit status: 0 shown, 1 refused, 2 wrong arguments, unreadable files, or no connection.";

/// Longest list that is asked for at a time.
const MAX_LINES: u32 = 1024;
/// Looks in a row that may fail, as when a node starts again.
const MAX_FAILURES: u32 = 10;

/// Show what scripts of the application printed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LogsArgs {
    /// Only what this endpoint printed, as `METHOD /path` of app.json
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Go on with what is printed from now on, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Most lines of what was printed before
    #[arg(long, default_value = "256", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    limit: u32,
    /// With --follow, time between two looks
    #[arg(long, default_value = "500ms", value_name = "TIME", value_parser = duration)]
    interval: Duration,
    /// A line of JSON for each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    member: MemberArgs,
}

/// Some of what was printed.
#[derive(Debug, Deserialize)]
struct Page {
    value: Vec<Line>,
    /// How many lines the node does not keep any more.
    dropped: u64,
    /// Number of the last line that the node has seen.
    last: u64,
}

/// A line that was printed.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    number: u64,
    /// Milliseconds since 1970 by the clock of the host.
    time_ms: u64,
    endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_at: Option<String>,
    level: String,
    text: String,
}

impl LogsArgs {
    pub(super) fn run(&self) -> Result<(), AppError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.show())
    }

    async fn show(&self) -> Result<(), AppError> {
        let places = Places::new(self.service.dir.as_deref())?;
        let service = self.service.resolve(&places)?;
        let member = self.member.resolve(&places)?.identity()?;
        let mut client = Client::new(&service.url.address, &service.certificate, Some(&member))?;
        let mut page = ask(&mut client, &self.query(None)).await?;
        if page.dropped > 0 && !self.json {
            eprintln!("{} lines before are not kept any more.", page.dropped);
        }
        let (mut seen, mut failures) = (page.last, 0);
        loop {
            exit::print(|out| self.write(&page, out))?;
            if !self.follow {
                return Ok(());
            }
            sleep(self.interval).await;
            page = match ask(&mut client, &self.query(Some(seen))).await {
                Ok(page) => {
                    failures = 0;
                    page
                }
                Err(ClientError::Connect { .. } | ClientError::Broken { .. }) if failures < MAX_FAILURES => {
                    failures += 1;
                    Page { value: Vec::new(), dropped: 0, last: seen }
                }
                Err(error) => return Err(error.into()),
            };
            seen = page.seen(seen);
        }
    }

    fn query(&self, after: Option<u64>) -> String {
        let mut query = format!("api-version={API_VERSION}");
        if let Some(endpoint) = &self.endpoint {
            query.push_str(&format!("&endpoint={}", encoded(endpoint)));
        }
        match after {
            Some(number) => query.push_str(&format!("&after={number}&limit={MAX_LINES}")),
            None => query.push_str(&format!("&limit={}", self.limit)),
        }
        query
    }

    fn write(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        for line in &page.value {
            if self.json {
                writeln!(out, "{}", serde_json::to_string(line)?)?;
            } else {
                writeln!(out, "{}", line.shown())?;
            }
        }
        Ok(())
    }
}

impl Page {
    /// Up to where lines were seen, when this came of asking for those behind `before`.
    fn seen(&self, before: u64) -> u64 {
        match self.value.last() {
            // There may be more.
            Some(last) if self.value.len() >= MAX_LINES as usize => last.number,
            // The node was started again, and counts from the beginning.
            _ if self.last < before => 0,
            _ => self.last,
        }
    }
}

impl Line {
    /// For people. What a terminal would obey is spelled out.
    fn shown(&self) -> String {
        let (ms, seconds) = (self.time_ms % 1000, self.time_ms / 1000);
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        let time = format!("{hours:02}:{minutes:02}:{:02}.{ms:03}", seconds % 60);
        let mut text = String::new();
        for letter in self.text.trim_end().chars() {
            match letter {
                '\n' => text.push_str("\n    "),
                '\t' => text.push('\t'),
                letter if letter.is_control() => text.extend(letter.escape_default()),
                letter => text.push(letter),
            }
        }
        format!("{time} {:9} {}: {text}", self.level, self.endpoint)
    }
}

async fn ask(client: &mut Client, query: &str) -> Result<Page, ClientError> {
    let path = "/gov/coco/javascript-app/console";
    client.get(&format!("{path}?{query}")).await?.expect(StatusCode::OK, path)?.json()
}

/// A value of a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests;
