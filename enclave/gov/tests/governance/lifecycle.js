// A constitution with every fate of a proposal: the members who are left decide, by majority or by all.
const RULE = "majority";

const table = (name) => ccf.kv["public:ccf.gov." + name];
const bytes = (text) => ccf.strToBuf(text);

function activeMembers() {
  const active = [];
  table("members.info").forEach((info, id) => {
    if (ccf.bufToJsonCompatible(info).status === "Active") active.push(ccf.bufToStr(id));
  });
  return active;
}

const actions = {
  nothing: () => {},
  fail: () => {
    table("users.info").set(bytes("half done"), ccf.jsonCompatibleToBuf({}));
    throw new Error("on purpose");
  },
  remove: ({ member }) => {
    table("members.info").delete(bytes(member));
    table("members.certs").delete(bytes(member));
    if (activeMembers().length === 0) throw new Error("nobody is left");
  },
  rule: ({ constitution }, proposalId) => {
    table("constitution").set(new ArrayBuffer(8), ccf.jsonCompatibleToBuf(constitution));
    table("proposals_info").forEach((value, id, proposals) => {
      const info = ccf.bufToJsonCompatible(value);
      if (info.state === "Open" && ccf.bufToStr(id) !== proposalId) {
        proposals.set(id, ccf.jsonCompatibleToBuf({ ...info, state: "Dropped" }));
      }
    });
  },
};

export function validate(input) {
  return { valid: true };
}

export function resolve(proposal, proposerId, votes) {
  const active = activeMembers();
  const counted = votes.filter(({ member_id }) => active.includes(member_id));
  const ayes = counted.filter(({ vote }) => vote).length;
  const needed = RULE === "majority" ? Math.floor(active.length / 2) + 1 : active.length;
  if (ayes >= needed) return "Accepted";
  return active.length - (counted.length - ayes) < needed ? "Rejected" : "Open";
}

export function apply(proposal, proposalId) {
  for (const { name, args } of JSON.parse(proposal).actions) actions[name](args, proposalId);
}
