//! `coco app deploy`: an application is built and proposed and, in a sandbox, decided on.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use coco_client::{
    Client, Identity, StatusCode,
    governance::{self, AGREE, API_VERSION, Message, Proposal, ProposalState},
};
use serde_json::{Value, json};
use tokio::runtime;

use super::{build, error::AppError};
use crate::{
    bundle, columns,
    connection::{MemberError, Places, Service, ServiceArgs, party},
    exit,
    gov::{Answered, GovError, OutputArgs, Said, SigningArgs, Speaker},
};

const EXAMPLES: &str = "\
Examples:
  coco app deploy --dir service                           of this folder, into a sandbox: one command
  coco app deploy my-app --dir service --vote none        only proposes
  coco app deploy bundle.json --url https://ledger.example:443 --service-cert service_cert.pem \\
    --member-cert member0_cert.pem --member-key member0_privk.pem --vote own
  coco app deploy my-app --member-cert m.pem --prepare proposal.json

What is installed replaces the application before. Who votes: `all`, every member of the sandbox until the proposal is
accepted, which is the default where --dir or COCO_DIR names a sandbox, and --url nothing else; `own`, the member who
proposes; `none`, the default elsewhere: members vote by coco gov vote.
Exit status: 0 proposed or, of --vote all, installed; 1 the application has errors, or the service refuses; 2 wrong
arguments, unreadable files, or no connection.";

/// How long a transaction may take until it is committed.
const COMMIT: Duration = Duration::from_secs(30);

/// Propose an application to a service.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeployArgs {
    /// Folder of the application, or a bundle as JSON
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    application: PathBuf,
    /// Who votes for it
    #[arg(long, value_enum)]
    vote: Option<Voters>,
    #[command(flatten)]
    strictness: build::StrictnessArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Voters {
    /// All members of the sandbox
    All,
    /// The member who proposes
    Own,
    /// Nobody here
    None,
}

/// An endpoint of the service.
struct Installed {
    method: String,
    path: String,
    module: String,
    function: String,
}

impl DeployArgs {
    pub(super) fn run(&self) -> Result<(), AppError> {
        let bundle = if self.application.is_dir() {
            let built = build(&self.application, self.strictness.into())?;
            build::tell(&built.notes);
            built.bundle
        } else {
            bundle::read(&self.application)?
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.deploy(bundle))
    }

    async fn deploy(&self, bundle: Value) -> Result<(), AppError> {
        let places = Places::new(self.service.dir.as_deref())?;
        let sandbox = places.sandbox()?;
        let voters = match (self.vote, &sandbox) {
            (Some(Voters::Own), _) if !self.signing.is_complete() => return Err(AppError::VoteElsewhere),
            (Some(Voters::All), None) => return Err(AppError::NotASandbox),
            (Some(voters), _) => voters,
            (None, Some(_)) if self.signing.is_complete() && self.service.url.is_none() => Voters::All,
            (None, _) => Voters::None,
        };
        let speaker = self.signing.speaker(&places)?;
        let proposal = json!({ "actions": [{ "name": "set_js_app", "args": { "bundle": bundle } }] });
        let connect = || -> Result<Client, GovError> { Ok(self.service.resolve(&places)?.client()?) };
        let said = speaker.say(connect, Message::Proposal, proposal.to_string().as_bytes()).await?;
        let Said::Answered(answered) = said else { return Ok(()) };
        let Answered { client, answer, path } = *answered;
        let mut talk = Talk { client, proposal: Proposal::read(answer, &path)? };
        match voters {
            Voters::None => {}
            Voters::Own => talk = talk.own_vote(&speaker, connect).await?,
            Voters::All => {
                let members = sandbox.iter().flat_map(|sandbox| &sandbox.members);
                let members = members.map(party).collect::<Result<Vec<Identity>, MemberError>>()?;
                talk.votes_of(&members).await?;
            }
        }
        self.tell(talk, &self.service.resolve(&places)?).await
    }

    /// Tells of the proposal, once it is committed, and of what is installed.
    async fn tell(&self, mut talk: Talk, service: &Service) -> Result<(), AppError> {
        if let Some(id) = talk.proposal.transaction_id {
            talk.client.wait_for_commit(id, COMMIT).await?;
        }
        let state = talk.proposal.proposal_state;
        let installed = match state {
            ProposalState::Accepted => installed(&mut talk.client).await?,
            ProposalState::Open => Vec::new(),
            _ => {
                let reason = talk.proposal.failure.map(|failure| format!(": {}", failure.reason));
                let reason = reason.unwrap_or_default();
                return Err(AppError::NotAccepted { state: state.to_string(), reason });
            }
        };
        let (proposal, address) = (&talk.proposal, &service.url.address);
        exit::print(|out| {
            if self.output.json {
                return writeln!(out, "{:#}", described(proposal, &installed));
            }
            writeln!(out, "Proposal {} is {state}.", proposal.proposal_id)?;
            write(proposal, &installed, address, out)
        })?;
        Ok(())
    }
}

/// A proposal, and by whom the service is asked.
struct Talk {
    client: Client,
    proposal: Proposal,
}

impl Talk {
    /// Has the member who proposed agree.
    async fn own_vote(
        self,
        speaker: &Speaker,
        connect: impl FnOnce() -> Result<Client, GovError>,
    ) -> Result<Self, AppError> {
        if self.proposal.proposal_state != ProposalState::Open {
            return Ok(self);
        }
        let payload = json!({ "ballot": AGREE }).to_string();
        let message = Message::Ballot(&self.proposal.proposal_id);
        match speaker.say(connect, message, payload.as_bytes()).await? {
            Said::Answered(answered) => {
                let Answered { client, answer, path } = *answered;
                Ok(Self { client, proposal: Proposal::read(answer, &path)? })
            }
            Said::Prepared => Ok(self),
        }
    }

    /// Has members agree as long as the proposal is open.
    async fn votes_of(&mut self, members: &[Identity]) -> Result<(), AppError> {
        for member in members {
            if self.proposal.proposal_state != ProposalState::Open {
                break;
            }
            let id = self.proposal.proposal_id.clone();
            self.proposal = governance::vote(&mut self.client, member, &id, AGREE).await?;
        }
        Ok(())
    }
}

/// The endpoints that the service has now.
async fn installed(client: &mut Client) -> Result<Vec<Installed>, AppError> {
    let path = "/gov/service/javascript-app";
    let answer = client.get(&format!("{path}?api-version={API_VERSION}")).await?;
    let told: Value = answer.expect(StatusCode::OK, path)?.json()?;
    let mut installed = Vec::new();
    for (path, methods) in told["endpoints"].as_object().into_iter().flatten() {
        for (method, endpoint) in methods.as_object().into_iter().flatten() {
            let text = |name: &str| endpoint[name].as_str().unwrap_or_default().to_owned();
            installed.push(Installed {
                method: method.clone(),
                path: path.clone(),
                module: text("jsModule").trim_start_matches('/').to_owned(),
                function: text("jsFunction"),
            });
        }
    }
    Ok(installed)
}

fn described(proposal: &Proposal, installed: &[Installed]) -> Value {
    let endpoint = |Installed { method, path, module, function }: &Installed| json!({ "method": method, "path": path, "module": module, "function": function });
    let mut told = json!(proposal);
    told["endpoints"] = installed.iter().map(endpoint).collect();
    told
}

fn write(proposal: &Proposal, installed: &[Installed], address: &str, out: &mut dyn Write) -> io::Result<()> {
    if proposal.proposal_state == ProposalState::Open {
        let id = &proposal.proposal_id;
        writeln!(out, "To see it: coco gov show {id}")?;
        return writeln!(out, "To vote:   coco gov vote {id} --for");
    }
    let row = |it: &Installed| {
        let url = format!("https://{address}/app{}", it.path);
        [it.method.clone(), url, it.module.clone(), it.function.clone()]
    };
    columns::write(
        ["METHOD", "URL", "MODULE", "FUNCTION"],
        &installed.iter().map(row).collect::<Vec<_>>(),
        out,
    )
}
