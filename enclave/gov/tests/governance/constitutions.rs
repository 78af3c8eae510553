//! Constitutions that the tests run under.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Majority vote over a few actions, some of them mischievous.
pub(crate) const PLAIN: &str = r#"
const name = (proposal) => JSON.parse(proposal).actions.map((action) => action.name);
const setInfo = (table, key, value) =>
  ccf.kv["public:ccf.gov." + table].set(ccf.strToBuf(key), ccf.jsonCompatibleToBuf(value));

const actions = {
  noop: () => {},
  pass: () => {},
  throw: () => { setInfo("users.info", "half", {}); throw new Error("apply went wrong"); },
  throw_in_resolve: () => {},
  odd: () => {},
  endless: () => { while (true) {} },
  chunk: () => ccf.node.triggerLedgerChunk(),
  node: ({ id, row }) => {
    const nodes = ccf.kv["public:ccf.gov.nodes.info"];
    row === null ? nodes.delete(ccf.strToBuf(id)) : nodes.set(ccf.strToBuf(id), ccf.strToBuf(row));
  },
  rekey: () => ccf.node.triggerLedgerRekey(),
  refresh: () => ccf.node.triggerRecoverySharesRefresh(),
  open: ({ next }) => ccf.node.transitionServiceToOpen(undefined, ccf.strToBuf(next)),
  seqno: () => setInfo("users.info", "seqno", { user_data: ccf.network.getLatestLedgerSecretSeqno() }),
  endorse: ({ request }) => setInfo("users.info", "endorsed", {
    user_data: ccf.network.generateEndorsedCertificate(request, "20251028164048Z", 10),
  }),
  renew: () => setInfo("users.info", "renewed", {
    user_data: ccf.network.generateNetworkCertificate("20251028164048Z", 10),
  }),
};

export function validate(input) {
  const unknown = JSON.parse(input).actions.filter((action) => !(action.name in actions));
  return { valid: unknown.length === 0, description: unknown.map((action) => action.name).join() };
}

export function resolve(proposal, proposerId, votes, proposalId) {
  const names = name(proposal);
  if (names.includes("pass")) return "Accepted";
  if (names.includes("throw_in_resolve")) throw new Error("resolve went wrong " + proposalId.length);
  if (names.includes("odd")) return "Perhaps";
  let members = 0;
  ccf.kv["public:ccf.gov.members.info"].forEach((info) => {
    members += ccf.bufToJsonCompatible(info).status === "Active" ? 1 : 0;
  });
  const ayes = votes.filter((ballot) => ballot.vote).length;
  if (2 * ayes > members) return "Accepted";
  return 2 * (votes.length - ayes) >= members ? "Rejected" : "Open";
}

export function apply(proposal, proposalId) {
  for (const action of JSON.parse(proposal).actions) actions[action.name](action.args);
}
"#;

/// Coco's default constitution.
pub(crate) fn ours() -> String {
    directory(&our_samples().join("default"))
}

/// The folder of our sample constitutions.
pub(crate) fn our_samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/constitutions")
}

/// CCF's default constitution and its actions for the platform that is no hardware, if its sources are at hand.
pub(crate) fn of_ccf() -> Option<String> {
    let samples = ccf_samples()?;
    Some(directory(&samples.join("default")) + &join(&samples, ["virtual/virtual_attestation_actions.js"]))
}

/// The folder of CCF's sample constitutions.
pub(crate) fn ccf_samples() -> Option<PathBuf> {
    let Some(ccf) = env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set, CCF's constitutions are not tried");
        return None;
    };
    Some(Path::new(&ccf).join("samples/constitutions"))
}

fn directory(directory: &Path) -> String {
    join(directory, ["actions.js", "validate.js", "apply.js", "resolve.js"])
}

/// The text of these files below `directory`, one after the other.
pub(crate) fn join<'a>(directory: &Path, parts: impl IntoIterator<Item = &'a str>) -> String {
    let read =
        |part| fs::read_to_string(directory.join(part)).unwrap_or_else(|e| panic!("{directory:?}: {e}"));
    parts.into_iter().map(read).collect::<Vec<_>>().join("\n")
}
