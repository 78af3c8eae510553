// So many active members accept, however many there are; too many against reject. Takes the place of
// `default/resolve.js`.
const NEEDED = 2;

export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const counted = votes.filter(({ member_id }) => active.includes(member_id));
  const ayes = counted.filter(({ vote }) => vote).length;
  if (ayes >= NEEDED) return "Accepted";
  return active.length - (counted.length - ayes) < NEEDED ? "Rejected" : "Open";
}
