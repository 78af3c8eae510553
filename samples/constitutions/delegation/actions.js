// A member lets another one vote in its place until some time. Comes behind `default/actions.js`.
//
//   delegate_vote  to?: member, until?: Unix time in seconds
//       Of the member who proposes it, whom it concerns alone; without arguments it takes the delegation back.
action("delegate_vote", { to: optional(entityId), until: optional(integer()) }, ({ to, until }, proposalId) => {
  const { proposer_id } = get("proposals_info", proposalId);
  if (to == null) {
    remove("delegations", proposer_id);
  } else {
    put("delegations", proposer_id, { to, until });
  }
}, ({ to, until }) => (to == null) === (until == null) || expected("to and until", "given together"));
