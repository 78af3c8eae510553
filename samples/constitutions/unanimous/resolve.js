// All active members accept; one who votes against rejects. Takes the place of `default/resolve.js`.
export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const counted = votes.filter(({ member_id }) => active.includes(member_id));
  if (counted.some(({ vote }) => !vote)) return "Rejected";
  return active.length > 0 && counted.length === active.length ? "Accepted" : "Open";
}
