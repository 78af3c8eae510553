// A member adds up to this many nodes without a vote, if they run code that a trusted node runs already. A node says in
// its `node_data.operator` which member runs it. All else needs more than half of the active members. Takes the place
// of `default/resolve.js`.
const NODES_OF_A_MEMBER = 3;

function nodesOf(status) {
  const found = new Map();
  table("nodes.info").forEach((value, id) => {
    const info = ccf.bufToJsonCompatible(value);
    if (info.status === status) found.set(ccf.bufToStr(id), info);
  });
  return found;
}

function isWithinQuota(actions, memberId) {
  const [trusted, pending] = [nodesOf("Trusted"), nodesOf("Pending")];
  const code = new Set([...trusted.values()].map((info) => info.code_digest).filter((digest) => digest != null));
  const isOwn = (info) => info.node_data?.operator === memberId;
  const admitted = new Set(actions.map(({ args }) => args?.node_id));
  const suits = ({ name, args }) => {
    const info = pending.get(args?.node_id);
    return name === "transition_node_to_trusted" && info !== undefined && isOwn(info) && code.has(info.code_digest);
  };
  const own = [...trusted.values()].filter(isOwn).length;
  return actions.length > 0 && actions.every(suits) && own + admitted.size <= NODES_OF_A_MEMBER;
}

export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const ayes = votes.filter(({ member_id, vote }) => vote && active.includes(member_id));
  if (ayes.length * 2 > active.length) return "Accepted";
  const { actions: proposed } = JSON.parse(proposal);
  return active.includes(proposerId) && isWithinQuota(proposed, proposerId) ? "Accepted" : "Open";
}
