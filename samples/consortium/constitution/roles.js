// Who takes part as what, by `member_data.role`. Comes behind `default/actions.js`.
//
//   bank       votes, and holds a share of what recovers the ledger
//   regulator  reads, audits and proposes; has no vote
//   operator   runs nodes and lets in those that run trusted code; has no vote
const ROLES = ["bank", "regulator", "operator"];

const roleOf = (memberId) => find("members.info", memberId)?.member_data?.role;
const membersWith = (role) => activeMembers().filter((id) => roleOf(id) === role);

// An action of the default constitution, valid only if `check` of its arguments does not throw either.
function restrict(name, check) {
  const { validate, apply } = actions.get(name);
  const both = (args) => {
    validate(args);
    return check(args);
  };
  actions.set(name, { validate: both, apply });
}

const hasRole = ({ member_data }) => oneOf(...ROLES)(member_data?.role, "member_data.role");

restrict("set_member_data", hasRole);
restrict("set_member", (args) => {
  hasRole(args);
  const isBank = args.member_data.role === "bank";
  const hasKey = args.encryption_pub_key != null;
  return isBank === hasKey || expected("encryption_pub_key", "given for banks, and for nobody else");
});
