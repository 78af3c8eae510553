//! `coco gov propose`: actions to be decided on.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use coco_client::{
    Client,
    governance::{self, Message},
};
use serde_json::{Value, json};

use super::{
    actions::ACTIONS,
    draft,
    error::GovError,
    local::{Objection, Rows},
    report::OutputArgs,
    speaker::{Said, SigningArgs},
    words::{self, Words},
};
use crate::{
    connection::{Places, ServiceArgs},
    exit,
    input::read_text,
};

const EXAMPLES: &str = "\
Examples:
  coco gov propose set_user --cert user.pem --data '{\"isAdmin\": true}'
  coco gov propose set_member --cert m.pem --encryption-key m_enc_pubk.pem trigger_ledger_rekey
  coco gov propose set_js_app --bundle my-app/            app.json and src/ of a folder, or a bundle as JSON
  coco gov propose set_constitution --constitution actions.js --constitution rest.js
  coco gov propose my_action text=hello number:=5 list:=@list.json script=@file.js
  coco gov propose --file proposal.json
  coco gov propose --dry-run transition_node_to_trusted --id NODE --days 90
  coco gov propose set_user --help                        what an action takes

Each word that is a name begins another action of the same proposal. --dry-run prints the proposal and has the
constitution, the service's or that of --constitution FILE, judge here whether it is valid. Options of the command may
stand behind actions; those that an action has too, in front of them.
Exit status: 0 proposed, or valid; 1 refused, or not valid; 2 wrong arguments, unreadable files, or no connection.";

/// Propose actions.
#[derive(Args)]
#[command(after_help = help())]
pub(crate) struct ProposeArgs {
    #[command(flatten)]
    options: Options,
    /// Actions: NAME --option VALUE key=text key:=JSON key=@FILE, and so on
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ACTION",
        conflicts_with = "file"
    )]
    words: Vec<String>,
}

#[derive(Args, Clone)]
struct Options {
    /// A whole proposal as JSON; - reads standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Send nothing: print the proposal, and have the constitution judge it here
    #[arg(long)]
    dry_run: bool,
    /// For --dry-run: a file of another constitution, or a folder of one; may be repeated
    #[arg(long, value_name = "FILE")]
    constitution: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

impl ProposeArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        let command = Options::augment_args_for_update(Command::new("coco gov propose").no_binary_name(true));
        let (drafts, options) = match words::split(&self.words, &command)? {
            Words::Help(action) => {
                let (about, usage) = (action.about, action.usage());
                exit::print(|out| writeln!(out, "{about}.\n\nUsage: coco gov propose {usage}"))?;
                return Ok(());
            }
            Words::Actions { drafts, own } => (drafts, self.options.and(command, &own)),
        };
        if !options.dry_run && !options.constitution.is_empty() {
            return Err(GovError::NotDry);
        }
        let places = Places::new(options.service.dir.as_deref())?;
        let proposal = match &options.file {
            Some(_) if !drafts.is_empty() => return Err(GovError::ProposedTwice),
            Some(file) => proposal_in(file)?,
            None if drafts.is_empty() => return Err(GovError::NothingProposed),
            None => draft::proposal(&drafts, &|| options.service.certificate(&places))?,
        };
        options.propose(&places, &proposal).await
    }
}

impl Options {
    /// Together with others that stood elsewhere.
    fn and(&self, command: Command, words: &[String]) -> Self {
        let mut options = self.clone();
        let matches = command.try_get_matches_from(words).unwrap_or_else(|error| error.exit());
        clap::FromArgMatches::update_from_arg_matches(&mut options, &matches)
            .unwrap_or_else(|error| error.exit());
        // A flag that is not among the words says that it is not set.
        options.dry_run |= self.dry_run;
        options.output.json |= self.output.json;
        options
    }

    async fn propose(&self, places: &Places<'_>, proposal: &Value) -> Result<(), GovError> {
        let connect = || -> Result<Client, GovError> { Ok(self.service.resolve(places)?.client()?) };
        if self.dry_run {
            return self.judge(connect, proposal).await;
        }
        let speaker = self.signing.speaker(places)?;
        let payload = proposal.to_string();
        match speaker.say(connect, Message::Proposal, payload.as_bytes()).await? {
            Said::Answered(answered) => self.output.tell(*answered, Message::Proposal).await,
            Said::Prepared => Ok(()),
        }
    }

    /// Prints the proposal, and what the constitution says of it.
    async fn judge(
        &self,
        connect: impl FnOnce() -> Result<Client, GovError>,
        proposal: &Value,
    ) -> Result<(), GovError> {
        let (constitution, rows) = if self.constitution.is_empty() {
            let mut client = connect()?;
            let rows = Rows::default()
                .service(&governance::service(&mut client).await?)
                .members(&governance::members(&mut client).await?);
            (governance::constitution(&mut client).await?, rows)
        } else {
            let parts = self.constitution.iter().map(|path| draft::constitution(path));
            (parts.collect::<Result<String, _>>()?, Rows::default())
        };
        let verdict = rows.validate(&constitution, &proposal.to_string());
        exit::print(|out| self.write(proposal, &verdict, out))?;
        if !self.output.json && verdict.is_ok() {
            eprintln!("VALID: the constitution takes this proposal. Nothing is sent.");
        }
        Ok(verdict?)
    }

    fn write(
        &self,
        proposal: &Value,
        verdict: &Result<(), Objection>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        if !self.output.json {
            return writeln!(out, "{proposal:#}");
        }
        let reason = verdict.as_ref().err().map(ToString::to_string);
        writeln!(out, "{:#}", json!({ "valid": verdict.is_ok(), "reason": reason, "proposal": proposal }))
    }
}

fn proposal_in(file: &Path) -> Result<Value, GovError> {
    serde_json::from_str(&read_text(file)?)
        .map_err(|error| GovError::NotJson { path: file.to_path_buf(), error })
}

/// Examples, and all actions that have options.
fn help() -> String {
    let width = ACTIONS.iter().map(|action| action.name.len()).max().unwrap_or_default();
    let lines = ACTIONS.iter().map(|action| format!("  {:width$}  {}", action.name, action.about));
    format!(
        "{EXAMPLES}\n\nActions with options (others: NAME key=value):\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}
