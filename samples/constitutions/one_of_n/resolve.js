// Any active member decides alone, by proposing. Takes the place of `default/resolve.js`.
export function resolve(proposal, proposerId) {
  return activeMembers().includes(proposerId) ? "Accepted" : "Rejected";
}
