// A vote counts for its member and for those who delegated theirs to it and do not vote themselves. More than half of
// the active members accept. Takes the place of `default/resolve.js`; needs `delegation/actions.js`.
//
// What time it is says the newest proposal, by the time that its author signed: the host's clock cannot revive what has
// expired. Delegations are not passed on.
function signedTime() {
  let latest = 0;
  table("cose_recent_proposals").forEach((_, key) => {
    latest = Math.max(latest, Number(ccf.bufToStr(key).split(":")[0]));
  });
  return latest;
}

function delegateOf(memberId, now) {
  const delegation = find("delegations", memberId);
  return delegation !== undefined && now <= delegation.until ? delegation.to : undefined;
}

export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const { actions: proposed } = JSON.parse(proposal);
  if (active.includes(proposerId) && proposed.length === 1 && proposed[0].name === "delegate_vote") {
    return "Accepted";
  }
  const now = signedTime();
  const cast = new Map(votes.filter((it) => active.includes(it.member_id)).map((it) => [it.member_id, it.vote]));
  const accepts = (member) => cast.get(member) ?? cast.get(delegateOf(member, now)) ?? false;
  return active.filter(accepts).length * 2 > active.length ? "Accepted" : "Open";
}
