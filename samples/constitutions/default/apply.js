// Carries out an accepted proposal: the last part of the default constitution. If any action throws, the
// proposal has failed and none of them has happened.
export function apply(proposal, proposalId) {
  for (const { name, args } of JSON.parse(proposal).actions) {
    actions.get(name).apply(args ?? {}, proposalId);
  }
}
