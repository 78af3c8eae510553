// Decides what becomes of a proposal after each ballot: the third part of the default constitution.
//
// More than half of the active members accept it. `votes` has one `{ member_id, vote }` a ballot; those of
// members who have left since do not count.
export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const accepting = votes.filter(({ member_id, vote }) => vote && active.includes(member_id));
  return accepting.length * 2 > active.length ? "Accepted" : "Open";
}
