// Who decides. Takes the place of `default/resolve.js`, from the samples `participants` and `node_quota`.
//
// More than half of the active banks accept, half of them against reject. An operator lets nodes in alone, up to
// MOST_NODES. What these run needs no look here: the banks vote on what code is trusted, and the service demands
// evidence of it when a node asks to join, and once more before it gets any secret.
const MOST_NODES = 5;

function trustedNodes() {
  let trusted = 0;
  table("nodes.info").forEach((value) => {
    trusted += ccf.bufToJsonCompatible(value).status === "Trusted" ? 1 : 0;
  });
  return trusted;
}

const admitsNodes = (proposed) =>
  proposed.length > 0 &&
  proposed.every(({ name }) => name === "transition_node_to_trusted") &&
  trustedNodes() + proposed.length <= MOST_NODES;

export function resolve(proposal, proposerId, votes) {
  const { actions: proposed } = JSON.parse(proposal);
  if (membersWith("operator").includes(proposerId) && admitsNodes(proposed)) return "Accepted";
  const banks = membersWith("bank");
  const cast = (wanted) => votes.filter(({ member_id, vote }) => vote === wanted && banks.includes(member_id)).length;
  if (cast(true) * 2 > banks.length) return "Accepted";
  return cast(false) * 2 >= banks.length ? "Rejected" : "Open";
}
