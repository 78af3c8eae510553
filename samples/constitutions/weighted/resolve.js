// Each active member has the weight in its `member_data.weight`, or 1; more than half of all weight accepts, and half
// against rejects. `set_member_data` changes weights, by vote. Takes the place of `default/resolve.js`.
function weightOf(memberId) {
  const weight = get("members.info", memberId).member_data?.weight ?? 1;
  return Number.isInteger(weight) && weight >= 0 ? weight : 0;
}

export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const sum = (members) => members.map(weightOf).reduce((total, weight) => total + weight, 0);
  const cast = (wanted) =>
    votes.filter(({ member_id, vote }) => vote === wanted && active.includes(member_id)).map((it) => it.member_id);
  const all = sum(active);
  if (sum(cast(true)) * 2 > all) return "Accepted";
  return sum(cast(false)) * 2 >= all ? "Rejected" : "Open";
}
