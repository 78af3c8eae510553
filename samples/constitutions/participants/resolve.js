// Members with `member_data.participant: true` take part without a vote: they may propose, transact and run nodes, and
// do not count. More than half of the other active members accept. Takes the place of `default/resolve.js`.
export function resolve(proposal, proposerId, votes) {
  const voters = activeMembers().filter((id) => get("members.info", id).member_data?.participant !== true);
  const ayes = votes.filter(({ member_id, vote }) => vote && voters.includes(member_id));
  return ayes.length * 2 > voters.length ? "Accepted" : "Open";
}
