// What members may propose: the first part of the default constitution.
//
// A constitution is one ECMAScript module. This one is the text of `actions.js`, `validate.js`,
// `resolve.js` and `apply.js`, in this order. Names and arguments of actions are those of CCF's default
// constitution. An argument that an action does not know is refused: it may be a misspelt one.
//
// Constitution and service
//   set_constitution            constitution: text
//       Replaces this text and drops all other open proposals.
//   transition_service_to_open  next_service_identity: certificate, previous_service_identity?: certificate
//       Opens the service to users. A recovering service needs both identities.
//   set_recovery_threshold      recovery_threshold: 1 to 254
//       How many members it takes to recover the service. Issues new recovery shares.
//   set_service_configuration   reconfiguration_type?, recovery_threshold?, recent_cose_proposals_window_size?
//   trigger_recovery_shares_refresh, trigger_ledger_rekey, trigger_ledger_chunk, trigger_snapshot
//   assert_service_identity     service_identity: certificate
//       Does nothing, and is invalid for any other service.
//
// Members and users
//   set_member       cert: certificate, encryption_pub_key?: PEM, member_data?: object,
//                    recovery_role?: "NonParticipant", "Participant" or "Owner"
//       Adds a member, who becomes active by an acknowledgement, or replaces one.
//   remove_member    member_id
//       Refused if too few active members were left to recover the service.
//   set_member_data  member_id, member_data: object
//   set_user         cert: certificate, user_data?: object
//   remove_user      user_id
//   set_user_data    user_id, user_data?: object
//
// Nodes
//   transition_node_to_trusted  node_id, valid_from: time, validity_period_days?: 1 or more
//       Admits a node that asked to join, and certifies it from that time on. Without a number of days, for
//       as long as the service allows. Nothing happens to a node that is not pending.
//   set_node_certificate_validity       node_id, valid_from: time, validity_period_days?: 1 or more
//   set_all_nodes_certificate_validity  valid_from: time, validity_period_days?: 1 or more
//       Renews the certificates of trusted nodes, which show them once that is committed.
//   set_service_certificate_validity    valid_from: time, validity_period_days?: 1 or more
//       Renews the service's own certificate; its key stays.
//   remove_node                 node_id
//       Retires a node, or turns away one that asked to join. It may be stopped once it is listed by
//       /node/network/removable_nodes.
//   set_node_data               node_id, node_data
//   set_node_lease              seconds: 10 or more
//       How long evidence of a node counts. Nodes show new evidence before that, and when it changes what is trusted.
//       One that does not, or that is no longer trusted, is retired. A lease that is there is replaced.
//   remove_node_lease
//       Evidence counts for ever.
//   set_node_diversity          vendors: boolean, clouds: boolean
//       No majority of the nodes may run on hardware of one vendor, or in one cloud: the cloud of their node_data. Whatever
//       would break that is refused from then on.
//   remove_node_diversity
//
// A network of Ethereum, where that is the application
//   set_ethereum_genesis        genesis: as in geth's genesis.json
//       How the network begins. Once it has begun this cannot be changed.
//   set_ethereum_network        visibility?: "confidential" or "transparent", fees?: "free" or "charged",
//                               max_transaction_gas?, max_block_gas?, max_call_gas?, base_fee?: numbers,
//                               fee_recipient?: address, native_balance?: "own" or "network",
//                               send?, deploy?: "anyone" or "listed"
//       Its settings from the next block on, instead of what they were.
//   set_ethereum_account        address, send?, deploy?: booleans
//       Whether an account may send transactions, and create contracts, where not everybody may.
//   remove_ethereum_account     address
//
// What may run a node
//   add_node_code, remove_node_code                          code_id
//   add_snp_measurement, remove_snp_measurement              measurement
//   add_snp_host_data                                        host_data, security_policy: text or ""
//   remove_snp_host_data                                     host_data
//   add_snp_uvm_endorsement                                  did, feed, svn
//   remove_snp_uvm_endorsement                               did, feed
//   set_snp_minimum_tcb_version                              cpuid, tcb_version: object of numbers
//   set_snp_minimum_tcb_version_hex                          cpuid, tcb_version: 16 hexadecimal digits
//   remove_snp_minimum_tcb_version                           cpuid
//   add_snp_provider, remove_snp_provider                    provider
//       Whose keys may sign in place of those of chips.
//   add_snp_chip, remove_snp_chip                            chip_id: 128 hexadecimal digits
//   set_snp_demands         listed_chip?, no_smt?, single_socket?, hidden_ciphertext?, alias_check?: boolean,
//                           mitigations?: number
//       What else is demanded of guests and platforms, instead of what was: with listed_chip, one of those chips.
//   remove_snp_demands
//   add_virtual_measurement, remove_virtual_measurement      measurement
//   add_virtual_host_data, remove_virtual_host_data          host_data
//   set_intel_tcb            fmspc: 12 hexadecimal digits, minimum_evaluation: number, statuses?: beside UpToDate,
//                            advisories?: names, max_collateral_age_s?: seconds
//       What machines of a kind, with SGX or TDX, must be worth by Intel's documents. Those of other kinds join no more.
//   remove_intel_tcb         fmspc
//   add_tdx_measurement, remove_tdx_measurement              measurement: MRTD, 96 hexadecimal digits
//   add_tdx_host_data, remove_tdx_host_data                  host_data: MRCONFIGID, 96 hexadecimal digits
//   add_tdx_register, remove_tdx_register                    register: 0 to 3, value: 96 hexadecimal digits
//       What a register (RTMR) may be. Of 1 and 2 something must be said; others may be anything otherwise.
//   set_tdx_attributes       pks?, kl?, perfmon?, tpa?: booleans, xfam?: 16 hexadecimal digits
//       What domains may use; what is not said is not allowed, or of xfam what only keeps operands.
//   remove_tdx_attributes
//   add_sgx_measurement, remove_sgx_measurement              measurement: MRENCLAVE, 64 hexadecimal digits
//   add_sgx_signer           signer: MRSIGNER, 64 hexadecimal digits, product_id, minimum_svn: 0 to 65535
//   remove_sgx_signer        signer, product_id
//   add_sgx_host_data, remove_sgx_host_data                  host_data: CONFIGID, 128 hexadecimal digits
//   add_vbs_image            unique_id: 64 hexadecimal digits, role: "Enclave" or "Module"
//   remove_vbs_image         unique_id
//   add_vbs_signer           author_id: 64 hexadecimal digits, family_id, image_id: 32, role, minimum_svn: number
//   remove_vbs_signer        author_id, family_id, image_id
//       What may be loaded in enclaves of Windows, by its hash or by what its author calls it.
//   add_vbs_host_data, remove_vbs_host_data                  host_data: owner ID, 64 hexadecimal digits
//   add_vbs_attestation_key, remove_vbs_attestation_key      name: of a TPM's key, 68, 100 or 132 hexadecimal digits
//   add_vbs_attestation_root, remove_vbs_attestation_root    root: SHA-256 of a root key that certifies TPMs' keys
//   add_vbs_boot_authority, remove_vbs_boot_authority        certificate: SHA-256 of one that vouches for boot managers
//   set_vbs_minimums         secure_kernel_svn, platform_svn: numbers
//   remove_vbs_minimums
//   set_vbs_demands          boot_dma_protection?, no_hibernation?, no_dumps?, encrypted_dumps?, encrypted_page_file?:
//                            booleans
//   remove_vbs_demands
//   add_vbs_register, remove_vbs_register                    register: 0 to 23, value: 64, 96 or 128 hexadecimal digits
//   add_azure_register, remove_azure_register                register: 0 to 23, value: 64, 96 or 128 hexadecimal digits
//       What a PCR may be on a confidential machine of Azure; without one of 0 to 7 none joins.
//   set_azure_demands        secure_boot?, no_console?: booleans
//   remove_azure_demands
//   add_nitro_measurement, remove_nitro_measurement          measurement: PCR0, 96 hexadecimal digits
//   add_nitro_register, remove_nitro_register                register: 0 to 31, value: 96 hexadecimal digits
//   set_nitro_limits         max_age_s: seconds
//   remove_nitro_limits
//       What adds or sets drops all other open proposals: members may have voted for them on the strength of what
//       was trusted so far.
//
// Applications and others
//   set_js_app              bundle: { metadata: { endpoints }, modules: [{ name, module }] },
//                           disable_bytecode_cache?: boolean (there is no such cache)
//       Replaces the application. Fails if a module is not JavaScript.
//   remove_js_app
//   refresh_js_app_bytecode_cache
//       Has kept interpreters forgotten. Fails if a module is not JavaScript.
//   set_js_runtime_options  max_heap_bytes, max_stack_bytes, max_execution_time_ms,
//                           log_exception_details?, return_exception_details?, max_cached_interpreters?
//   set_ca_cert_bundle      name, cert_bundle: certificates
//   remove_ca_cert_bundle   name
//
// Issuers of JSON Web Tokens
//   set_jwt_issuer               issuer, auto_refresh?: boolean, ca_cert_bundle_name?, jwks?: { keys }
//       Trusts tokens of an issuer. Its keys are those of jwks or, if auto_refresh is true, those that the service
//       fetches again and again from issuer, which is an https URL then; its server shows a certificate of the bundle.
//   set_jwt_public_signing_keys  issuer, jwks: { keys }
//       Replaces the keys of an issuer. A key has kid, kty and either n and e, or x, y and crv, or x5c; its issuer, if
//       it has one, is what tokens must name as theirs.
//   remove_jwt_issuer            issuer

// ---- Checks of arguments: functions of a value and its path that throw

function expected(path, what) {
  throw new Error(`${path} must be ${what}`);
}

const text = (value, path) => typeof value === "string" || expected(path, "a string");
const flag = (value, path) => typeof value === "boolean" || expected(path, "a boolean");
const object = (value, path) =>
  (typeof value === "object" && value !== null && !Array.isArray(value)) || expected(path, "an object");
const anything = () => true;

const optional = (check) => (value, path) => value === undefined || value === null || check(value, path);
const oneOf = (...choices) => (value, path) =>
  choices.includes(value) || expected(path, `one of ${choices.join(", ")}`);
const integer = (low = 0, high = Number.MAX_SAFE_INTEGER) => (value, path) =>
  (Number.isInteger(value) && value >= low && value <= high) ||
  expected(path, `an integer from ${low} to ${high}`);
const hex = (digits) => (value, path) =>
  (typeof value === "string" && value.length === digits && /^[0-9a-f]*$/.test(value)) ||
  expected(path, `${digits} lower-case hexadecimal digits`);
const digest = hex(64);
const entityId = digest;

const listOf = (check) => (value, path) => {
  Array.isArray(value) || expected(path, "an array");
  value.forEach((item, i) => check(item, `${path}[${i}]`));
};
const mapOf = (check) => (value, path) => {
  object(value, path);
  Object.entries(value).forEach(([name, item]) => check(item, `${path}["${name}"]`));
};
const fields = (checks) => (value, path) => {
  object(value, path);
  Object.entries(checks).forEach(([name, check]) => check(value[name], `${path}.${name}`));
};

const certificates = (value, path) => {
  text(value, path);
  ccf.crypto.isValidX509CertBundle(value) || expected(path, "X.509 certificates in PEM");
};
const certificate = (value, path) => {
  certificates(value, path);
  value.split("-----BEGIN ").length === 2 || expected(path, "a single certificate");
};
const publicKey = (value, path) => {
  text(value, path);
  value.startsWith("-----BEGIN PUBLIC KEY-----") || expected(path, "a public key in PEM");
};

function checkArguments(checks, given) {
  const args = given ?? {};
  object(args, "args");
  for (const name of Object.keys(args)) {
    Object.hasOwn(checks, name) || expected(`args.${name}`, "left out: there is no such argument");
  }
  for (const [name, check] of Object.entries(checks)) {
    check(args[name], name);
  }
  return args;
}

// What is given of arguments that may be left out.
const givenOf = (args) => Object.fromEntries(Object.entries(args ?? {}).filter(([, value]) => value != null));

// ---- Tables of governance

const singleton = new ArrayBuffer(8);
// Tables that CCF does not have are named from "coco" on.
const table = (name) => ccf.kv[name.startsWith("coco.") ? `public:${name}` : `public:ccf.gov.${name}`];
const keyOf = (id) => (id === singleton ? id : ccf.strToBuf(id));

function find(name, id = singleton) {
  const value = table(name).get(keyOf(id));
  return value === undefined ? undefined : ccf.bufToJsonCompatible(value);
}

function get(name, id = singleton) {
  return find(name, id) ?? expected(`${name} ${id === singleton ? "" : id}`.trimEnd(), "in the ledger");
}

const put = (name, id, value) => table(name).set(keyOf(id), ccf.jsonCompatibleToBuf(value));
const putText = (name, id, value) => table(name).set(keyOf(id), ccf.strToBuf(value));
const remove = (name, id) => table(name).delete(keyOf(id));

function activeMembers() {
  const active = [];
  table("members.info").forEach((value, key) => {
    if (ccf.bufToJsonCompatible(value).status === "Active") {
      active.push(ccf.bufToStr(key));
    }
  });
  return active;
}

const canRecover = (member) => table("members.encryption_public_keys").has(keyOf(member));

function dropOtherProposals(proposalId) {
  table("proposals_info").forEach((value, key, proposals) => {
    const info = ccf.bufToJsonCompatible(value);
    if (info.state === "Open" && ccf.bufToStr(key) !== proposalId) {
      proposals.set(key, ccf.jsonCompatibleToBuf({ ...info, state: "Dropped" }));
    }
  });
}

function configure(changes) {
  const config = get("service.config");
  const { reconfiguration_type: type, recovery_threshold: threshold } = changes;
  if (type != null && type !== (config.reconfiguration_type ?? "OneTransaction") && type !== "TwoTransaction") {
    throw new Error(`cannot change reconfiguration type from ${config.reconfiguration_type} to ${type}`);
  }
  const reshare = threshold != null && threshold !== config.recovery_threshold;
  if (reshare) {
    const { status } = get("service.info");
    const members = activeMembers().filter(canRecover).length;
    if (status === "WaitingForRecoveryShares") {
      throw new Error("cannot set the recovery threshold while the service waits for recovery shares");
    }
    if (status === "Open" && threshold > members) {
      throw new Error(`recovery threshold ${threshold} exceeds the number of recovery members (${members})`);
    }
  }
  put("service.config", singleton, { ...config, ...givenOf(changes) });
  if (reshare) {
    ccf.node.triggerRecoverySharesRefresh();
  }
}

// ---- Actions

// `checks` of arguments by name; `apply(args, proposalId)`; `validate(args)` for what concerns several.
const actions = new Map();

function action(name, checks, apply, validate = anything) {
  actions.set(name, { validate: (args) => validate(checkArguments(checks, args)), apply });
}

action("set_constitution", { constitution: text }, ({ constitution }, proposalId) => {
  put("constitution", singleton, constitution);
  dropOtherProposals(proposalId);
}, ({ constitution }) => ccf.gov.validateConstitution(constitution));

action("transition_service_to_open", {
  next_service_identity: certificate,
  previous_service_identity: optional(certificate),
}, ({ next_service_identity: next, previous_service_identity: previous }) => {
  if (get("service.info").status === "Recovering" && previous == null) {
    throw new Error("a recovering service opens with both its previous and its next identity");
  }
  ccf.node.transitionServiceToOpen(previous == null ? undefined : ccf.strToBuf(previous), ccf.strToBuf(next));
});

action("set_recovery_threshold", { recovery_threshold: integer(1, 254) }, configure);
action("set_service_configuration", {
  reconfiguration_type: optional(oneOf("OneTransaction", "TwoTransaction")),
  recovery_threshold: optional(integer(1, 254)),
  recent_cose_proposals_window_size: optional(integer(1, 10000)),
}, configure);

action("trigger_recovery_shares_refresh", {}, () => ccf.node.triggerRecoverySharesRefresh());
action("trigger_ledger_rekey", {}, () => ccf.node.triggerLedgerRekey());
action("trigger_ledger_chunk", {}, () => ccf.node.triggerLedgerChunk());
action("trigger_snapshot", {}, () => ccf.node.triggerSnapshot());

action("assert_service_identity", { service_identity: certificate }, anything, ({ service_identity }) =>
  get("service.info").cert === service_identity || expected("service_identity", "that of this service"));

action("set_member", {
  cert: certificate,
  encryption_pub_key: optional(publicKey),
  member_data: optional(object),
  recovery_role: optional(oneOf("NonParticipant", "Participant", "Owner")),
}, ({ cert, encryption_pub_key, member_data, recovery_role }) => {
  const id = ccf.pemToId(cert);
  putText("members.certs", id, cert);
  if (encryption_pub_key == null) {
    remove("members.encryption_public_keys", id);
  } else {
    putText("members.encryption_public_keys", id, encryption_pub_key);
  }
  put("members.info", id, { member_data, recovery_role, status: "Accepted" });
  const signature = ccf.kv["public:ccf.internal.signatures"].get(singleton);
  if (signature !== undefined) {
    put("members.acks", id, { state_digest: ccf.bufToJsonCompatible(signature).root });
  }
}, ({ encryption_pub_key, recovery_role }) =>
  encryption_pub_key != null || recovery_role == null ||
  expected("recovery_role", "left out where there is no encryption_pub_key"));

action("remove_member", { member_id: entityId }, ({ member_id }) => {
  const active = activeMembers();
  const recovers = active.includes(member_id) && canRecover(member_id);
  const left = active.filter(canRecover).length - 1;
  const { recovery_threshold: threshold } = get("service.config");
  if (recovers && left < threshold) {
    throw new Error(`${left} recovery members would be left, fewer than the recovery threshold (${threshold})`);
  }
  for (const name of ["info", "encryption_public_keys", "certs", "acks"]) {
    remove(`members.${name}`, member_id);
  }
  remove("history", member_id);
  if (recovers) {
    // Who leaves must not be able to read what is written from now on.
    ccf.node.triggerLedgerRekey();
  }
});

action("set_member_data", { member_id: entityId, member_data: object }, ({ member_id, member_data }) =>
  put("members.info", member_id, { ...get("members.info", member_id), member_data }));

function setUserData({ user_id, user_data }) {
  if (user_data == null) {
    remove("users.info", user_id);
  } else {
    put("users.info", user_id, { user_data });
  }
}

action("set_user", { cert: certificate, user_data: optional(object) }, ({ cert, user_data }) => {
  const user_id = ccf.pemToId(cert);
  putText("users.certs", user_id, cert);
  setUserData({ user_id, user_data });
});

action("remove_user", { user_id: entityId }, ({ user_id }) => {
  remove("users.certs", user_id);
  remove("users.info", user_id);
});

action("set_user_data", { user_id: entityId, user_data: optional(object) }, setUserData);

// How long a certificate is to be valid: as asked, or as long as the service allows.
function validityDays(kind, asked) {
  const longest = get("service.config")[`maximum_${kind}_certificate_validity_days`] ?? 365;
  const days = asked ?? longest;
  if (days > longest) {
    throw new Error(`validity_period_days (${days}) exceeds what the service allows (${longest})`);
  }
  return days;
}

function endorse(id, { certificate_signing_request: request }, valid_from, days) {
  const endorsed = ccf.network.generateEndorsedCertificate(request, valid_from, days);
  putText("nodes.endorsed_certificates", id, endorsed);
}

const validity = { valid_from: text, validity_period_days: optional(integer(1)) };

action("transition_node_to_trusted", { node_id: entityId, ...validity }, (args) => {
  const { node_id, valid_from, validity_period_days } = args;
  const info = get("nodes.info", node_id);
  if (info.status !== "Pending") {
    return;
  }
  const days = validityDays("node", validity_period_days);
  const ledger_secret_seqno = ccf.network.getLatestLedgerSecretSeqno();
  put("nodes.info", node_id, { ...info, status: "Trusted", ledger_secret_seqno });
  if (info.certificate_signing_request !== undefined) {
    endorse(node_id, info, valid_from, days);
  }
});

// Nodes show their renewed certificates once they are committed.
function renew(id, info, valid_from, days) {
  if (info.certificate_signing_request === undefined) {
    throw new Error(`node ${id} asked for no certificate`);
  }
  endorse(id, info, valid_from, days);
}

action("set_node_certificate_validity", { node_id: entityId, ...validity },
  ({ node_id, valid_from, validity_period_days }) => {
    const info = get("nodes.info", node_id);
    if (info.status !== "Trusted") {
      throw new Error(`node ${node_id} is not trusted`);
    }
    renew(node_id, info, valid_from, validityDays("node", validity_period_days));
  });

action("set_all_nodes_certificate_validity", validity, ({ valid_from, validity_period_days }) => {
  const days = validityDays("node", validity_period_days);
  table("nodes.info").forEach((info, id) => {
    const node = ccf.bufToJsonCompatible(info);
    if (node.status === "Trusted") {
      renew(ccf.bufToStr(id), node, valid_from, days);
    }
  });
});

action("set_service_certificate_validity", validity, ({ valid_from, validity_period_days }) => {
  const days = validityDays("service", validity_period_days);
  const cert = ccf.network.generateNetworkCertificate(valid_from, days);
  put("service.info", singleton, { ...get("service.info", singleton), cert });
});

action("remove_node", { node_id: entityId }, ({ node_id }) => {
  const info = find("nodes.info", node_id);
  if (info?.status === "Pending") {
    remove("nodes.info", node_id);
    remove("coco.gov.nodes.appraisals", node_id);
  } else if (info !== undefined) {
    put("nodes.info", node_id, { ...info, status: "Retired" });
  }
});

action("set_node_data", { node_id: entityId, node_data: anything }, ({ node_id, node_data }) =>
  put("nodes.info", node_id, { ...get("nodes.info", node_id), node_data }));

action("set_node_lease", { seconds: integer(10) }, (lease) => put("coco.gov.nodes.lease", singleton, lease));
action("remove_node_lease", {}, () => remove("coco.gov.nodes.lease", singleton));

action("set_node_diversity", { vendors: flag, clouds: flag },
  (rule) => put("coco.gov.nodes.diversity", singleton, rule));
action("remove_node_diversity", {}, () => remove("coco.gov.nodes.diversity", singleton));

const ethereumAddress = (value, path) =>
  (typeof value === "string" && /^0x[0-9a-f]{40}$/.test(value)) ||
  expected(path, "0x and 40 lower-case hexadecimal digits");

action("set_ethereum_genesis", { genesis: object }, ({ genesis }) => {
  if (table("coco.gov.ethereum.chain").has(singleton)) {
    throw new Error("the network has begun");
  }
  put("coco.gov.ethereum.genesis", singleton, genesis);
});
action("set_ethereum_network", {
  visibility: optional(oneOf("confidential", "transparent")), fees: optional(oneOf("free", "charged")),
  max_transaction_gas: optional(integer(21000)), max_block_gas: optional(integer(21000)),
  max_call_gas: optional(integer(21000)), base_fee: optional(integer()), fee_recipient: optional(ethereumAddress),
  native_balance: optional(oneOf("own", "network")), send: optional(oneOf("anyone", "listed")),
  deploy: optional(oneOf("anyone", "listed")),
}, (network) => put("coco.gov.ethereum.network", singleton, network));
action("set_ethereum_account", { address: ethereumAddress, send: optional(flag), deploy: optional(flag) },
  ({ address, ...allowed }) => put("coco.gov.ethereum.accounts", address, allowed));
action("remove_ethereum_account", { address: ethereumAddress },
  ({ address }) => remove("coco.gov.ethereum.accounts", address));

// Actions that add to and remove from a list of what is trusted.
function trusted(kind, name, argument, entry, checks = {}, validate = anything) {
  action(`add_${kind}`, { [argument]: text, ...checks }, (args, proposalId) => {
    table(name).set(keyOf(args[argument]), entry(args));
    dropOtherProposals(proposalId);
  }, validate);
  action(`remove_${kind}`, { [argument]: text }, (args) => remove(name, args[argument]));
}

const allowed = () => ccf.jsonCompatibleToBuf("AllowedToJoin");
trusted("node_code", "nodes.code_ids", "code_id", allowed);
trusted("snp_measurement", "nodes.snp.measurements", "measurement", allowed);
trusted("virtual_measurement", "nodes.virtual.measurements", "measurement", allowed);
trusted("virtual_host_data", "nodes.virtual.host_data", "host_data", () => singleton, {},
  ({ host_data }) => digest(host_data, "host_data"));
trusted("snp_host_data", "nodes.snp.host_data", "host_data",
  ({ security_policy }) => ccf.jsonCompatibleToBuf(security_policy),
  { security_policy: text },
  ({ host_data, security_policy }) => {
    digest(host_data, "host_data");
    const found = new Uint8Array(ccf.crypto.digest("SHA-256", ccf.strToBuf(security_policy)));
    const digits = Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (security_policy !== "" && digits !== host_data) {
      expected("host_data", "the SHA-256 digest of security_policy");
    }
  });

trusted("snp_provider", "coco.gov.nodes.snp.providers", "provider", allowed);
trusted("snp_chip", "coco.gov.nodes.snp.chips", "chip_id", allowed, { chip_id: hex(128) });

action("set_snp_demands", {
  listed_chip: optional(flag),
  no_smt: optional(flag),
  single_socket: optional(flag),
  hidden_ciphertext: optional(flag),
  alias_check: optional(flag),
  mitigations: optional(integer()),
}, (demands) => {
  const said = Object.entries(demands).filter(([_, demand]) => demand !== null);
  put("coco.gov.nodes.snp.demands", singleton, Object.fromEntries(said));
});
action("remove_snp_demands", {}, () => remove("coco.gov.nodes.snp.demands", singleton));

action("add_snp_uvm_endorsement", { did: text, feed: text, svn: text }, ({ did, feed, svn }, proposalId) => {
  put("nodes.snp.uvm_endorsements", did, { ...find("nodes.snp.uvm_endorsements", did), [feed]: { svn } });
  dropOtherProposals(proposalId);
});

action("remove_snp_uvm_endorsement", { did: text, feed: text }, ({ did, feed }) => {
  const { [feed]: _, ...others } = find("nodes.snp.uvm_endorsements", did) ?? {};
  if (Object.keys(others).length === 0) {
    remove("nodes.snp.uvm_endorsements", did);
  } else {
    put("nodes.snp.uvm_endorsements", did, others);
  }
});

action("set_snp_minimum_tcb_version", {
  cpuid: hex(8),
  tcb_version: fields({ boot_loader: integer(), tee: integer(), snp: integer(), microcode: integer() }),
}, ({ cpuid, tcb_version }, proposalId) => {
  put("nodes.snp.tcb_versions", cpuid, tcb_version);
  dropOtherProposals(proposalId);
});

action("set_snp_minimum_tcb_version_hex", { cpuid: hex(8), tcb_version: hex(16) },
  ({ cpuid, tcb_version }, proposalId) => {
    put("nodes.snp.tcb_versions", cpuid, ccf.tcbHexToPolicy(cpuid, tcb_version));
    dropOtherProposals(proposalId);
  });

action("remove_snp_minimum_tcb_version", { cpuid: hex(8) }, ({ cpuid }) => {
  get("nodes.snp.tcb_versions", cpuid);
  remove("nodes.snp.tcb_versions", cpuid);
});

const isHex = (argument, digits) => (args) => hex(digits)(args[argument], argument);
trusted("tdx_measurement", "coco.gov.nodes.tdx.measurements", "measurement", allowed, {}, isHex("measurement", 96));
trusted("tdx_host_data", "coco.gov.nodes.tdx.host_data", "host_data", () => singleton, {}, isHex("host_data", 96));
trusted("sgx_measurement", "coco.gov.nodes.sgx.measurements", "measurement", allowed, {}, isHex("measurement", 64));
trusted("sgx_host_data", "coco.gov.nodes.sgx.host_data", "host_data", () => singleton, {}, isHex("host_data", 128));

action("set_intel_tcb", {
  fmspc: hex(12),
  minimum_evaluation: integer(0, 0xffffffff),
  statuses: optional(listOf(oneOf("SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
    "OutOfDate", "OutOfDateConfigurationNeeded", "TDRelaunchAdvised", "TDRelaunchAdvisedConfigurationNeeded"))),
  advisories: optional(listOf(text)),
  max_collateral_age_s: optional(integer()),
}, ({ fmspc, ...tcb }, proposalId) => {
  put("coco.gov.nodes.intel.tcb", fmspc, givenOf(tcb));
  dropOtherProposals(proposalId);
});

action("remove_intel_tcb", { fmspc: hex(12) }, ({ fmspc }) => {
  get("coco.gov.nodes.intel.tcb", fmspc);
  remove("coco.gov.nodes.intel.tcb", fmspc);
});

// Actions that let registers have values beside others, or no longer.
function registers(kind, name, last, value) {
  const checks = { register: integer(0, last), value };
  const otherThan = ({ register, value }) => (find(name, `${register}`) ?? []).filter((other) => other !== value);
  action(`add_${kind}_register`, checks, (args, proposalId) => {
    put(name, `${args.register}`, [...otherThan(args), args.value]);
    dropOtherProposals(proposalId);
  });
  action(`remove_${kind}_register`, checks, (args) => {
    const others = otherThan(args);
    if (others.length === 0) {
      remove(name, `${args.register}`);
    } else {
      put(name, `${args.register}`, others);
    }
  });
}

// Actions that write the only row of a table, or remove it.
function singletonOf(kind, name, checks) {
  action(`set_${kind}`, checks, (args, proposalId) => {
    put(name, singleton, givenOf(args));
    dropOtherProposals(proposalId);
  });
  action(`remove_${kind}`, {}, () => remove(name, singleton));
}

registers("tdx", "coco.gov.nodes.tdx.registers", 3, hex(96));

singletonOf("tdx_attributes", "coco.gov.nodes.tdx.attributes", {
  pks: optional(flag), kl: optional(flag), perfmon: optional(flag), tpa: optional(flag), xfam: optional(hex(16)),
});

const product = integer(0, 0xffff);

action("add_sgx_signer", { signer: hex(64), product_id: product, minimum_svn: product },
  ({ signer, product_id, minimum_svn }, proposalId) => {
    const products = find("coco.gov.nodes.sgx.signers", signer);
    put("coco.gov.nodes.sgx.signers", signer, { ...products, [product_id]: minimum_svn });
    dropOtherProposals(proposalId);
  });

action("remove_sgx_signer", { signer: hex(64), product_id: product }, ({ signer, product_id }) => {
  const { [product_id]: _, ...others } = find("coco.gov.nodes.sgx.signers", signer) ?? {};
  if (Object.keys(others).length === 0) {
    remove("coco.gov.nodes.sgx.signers", signer);
  } else {
    put("coco.gov.nodes.sgx.signers", signer, others);
  }
});

const u32 = integer(0, 0xffffffff);
const role = oneOf("Enclave", "Module");
const hexOfAny = (...counts) => (value, path) =>
  counts.some((count) => typeof value === "string" && value.length === count && /^[0-9a-f]*$/.test(value)) ||
  expected(path, `${counts.join(" or ")} lower-case hexadecimal digits`);
const pcr = hexOfAny(64, 96, 128);

action("add_vbs_image", { unique_id: digest, role }, ({ unique_id, role }, proposalId) => {
  put("coco.gov.nodes.vbs.images", unique_id, { role });
  dropOtherProposals(proposalId);
});

action("remove_vbs_image", { unique_id: digest }, ({ unique_id }) => remove("coco.gov.nodes.vbs.images", unique_id));

const signed = { author_id: digest, family_id: hex(32), image_id: hex(32) };
const signedName = ({ author_id, family_id, image_id }) => `${author_id}.${family_id}.${image_id}`;

action("add_vbs_signer", { ...signed, role, minimum_svn: u32 }, (args, proposalId) => {
  const { role, minimum_svn } = args;
  put("coco.gov.nodes.vbs.signers", signedName(args), { role, minimum_svn });
  dropOtherProposals(proposalId);
});

action("remove_vbs_signer", signed, (args) => remove("coco.gov.nodes.vbs.signers", signedName(args)));

trusted("vbs_host_data", "coco.gov.nodes.vbs.host_data", "host_data", () => singleton, {}, isHex("host_data", 64));
trusted("vbs_attestation_key", "coco.gov.nodes.vbs.attestation_keys", "name", () => singleton, {},
  ({ name }) => hexOfAny(68, 100, 132)(name, "name"));
trusted("vbs_attestation_root", "coco.gov.nodes.vbs.attestation_roots", "root", () => singleton, {},
  isHex("root", 64));
trusted("vbs_boot_authority", "coco.gov.nodes.vbs.boot_authorities", "certificate", () => singleton, {},
  isHex("certificate", 64));
singletonOf("vbs_minimums", "coco.gov.nodes.vbs.minimums", { secure_kernel_svn: u32, platform_svn: u32 });
singletonOf("vbs_demands", "coco.gov.nodes.vbs.demands", {
  boot_dma_protection: optional(flag),
  no_hibernation: optional(flag),
  no_dumps: optional(flag),
  encrypted_dumps: optional(flag),
  encrypted_page_file: optional(flag),
});
registers("vbs", "coco.gov.nodes.vbs.registers", 23, pcr);

registers("azure", "coco.gov.nodes.azure.registers", 23, pcr);
singletonOf("azure_demands", "coco.gov.nodes.azure.demands", {
  secure_boot: optional(flag), no_console: optional(flag),
});

trusted("nitro_measurement", "coco.gov.nodes.nitro.measurements", "measurement", allowed, {},
  isHex("measurement", 96));
registers("nitro", "coco.gov.nodes.nitro.registers", 31, hex(96));
singletonOf("nitro_limits", "coco.gov.nodes.nitro.limits", { max_age_s: u32 });

const endpoint = fields({
  js_module: text,
  js_function: text,
  mode: oneOf("readwrite", "readonly", "historical"),
  forwarding_required: oneOf("sometimes", "always", "never"),
  redirection_strategy: optional(oneOf("none", "to_primary", "to_backup")),
  openapi: optional(object),
  openapi_hidden: optional(flag),
  at_commit_ms: optional(integer(0, 60000)),
  authn_policies: listOf((policy, path) =>
    typeof policy === "string" || fields({ all_of: listOf(text) })(policy, path)),
});

function removeApp() {
  for (const name of ["modules", "modules_quickjs_bytecode", "modules_quickjs_version", "endpoints"]) {
    table(name).clear();
  }
}

// Fails if a module cannot be compiled; otherwise, interpreters with older ones are not used again.
function checkApp() {
  ccf.refreshAppBytecodeCache();
  put("interpreter.flush", singleton, true);
}

action("refresh_js_app_bytecode_cache", {}, checkApp);

action("set_js_app", {
  bundle: fields({
    metadata: fields({ endpoints: mapOf(mapOf(endpoint)) }),
    modules: listOf(fields({ name: text, module: text })),
  }),
  disable_bytecode_cache: optional(flag),
}, ({ bundle }) => {
  removeApp();
  for (const { name, module } of bundle.modules) {
    putText("modules", `/${name}`, module);
  }
  for (const [path, methods] of Object.entries(bundle.metadata.endpoints)) {
    for (const [method, properties] of Object.entries(methods)) {
      const stored = { ...properties, js_module: `/${properties.js_module}` };
      put("endpoints", `${method.toUpperCase()} ${path}`, stored);
    }
  }
  checkApp();
}, ({ bundle }) => {
  const names = bundle.modules.map(({ name }) => name);
  for (const [path, methods] of Object.entries(bundle.metadata.endpoints)) {
    for (const { js_module } of Object.values(methods)) {
      names.includes(js_module) || expected(`module ${js_module} of ${path}`, "in the bundle");
    }
  }
});

action("remove_js_app", {}, () => {
  removeApp();
  table("interpreter.flush").clear();
});

action("set_js_runtime_options", {
  max_heap_bytes: integer(),
  max_stack_bytes: integer(),
  max_execution_time_ms: integer(),
  log_exception_details: optional(flag),
  return_exception_details: optional(flag),
  max_cached_interpreters: optional(integer()),
}, (options) => put("js_runtime_options", singleton, options));

action("set_ca_cert_bundle", { name: text, cert_bundle: certificates }, ({ name, cert_bundle }) =>
  put("tls.ca_cert_bundles", name, cert_bundle));
action("remove_ca_cert_bundle", { name: text }, ({ name }) => remove("tls.ca_cert_bundles", name));

const signingKey = (value, path) => {
  fields({ kid: text, kty: text, issuer: optional(text) })(value, path);
  const { x5c, n, e, x, y, crv } = value;
  if (x5c != null) {
    listOf(text)(x5c, `${path}.x5c`);
    x5c.length > 0 || expected(`${path}.x5c`, "one or more certificates");
    const pem = (der) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`;
    x5c.forEach((der, i) => certificates(pem(der), `${path}.x5c[${i}]`));
  } else if (n != null && e != null) {
    fields({ n: text, e: text })(value, path);
  } else if (x != null && y != null && crv != null) {
    fields({ x: text, y: text, crv: text })(value, path);
  } else {
    expected(path, "a key with x5c, or with n and e, or with x, y and crv");
  }
};
const keySet = fields({ keys: listOf(signingKey) });

action("set_jwt_issuer", {
  issuer: text,
  auto_refresh: optional(flag),
  ca_cert_bundle_name: optional(text),
  jwks: optional(keySet),
  key_filter: optional(oneOf("all")), // What CCF's clients still say.
}, ({ jwks, ...given }) => {
  const metadata = Object.fromEntries(Object.entries(given).filter(([, value]) => value != null));
  const { issuer, auto_refresh, ca_cert_bundle_name: bundle } = metadata;
  if (auto_refresh && !table("tls.ca_cert_bundles").has(keyOf(bundle))) {
    throw new Error(`no bundle of certificates is named ${bundle}`);
  }
  if (jwks != null) {
    ccf.setJwtPublicSigningKeys(issuer, metadata, jwks);
  }
  put("jwt.issuers", issuer, metadata);
}, ({ issuer, auto_refresh, ca_cert_bundle_name: bundle }) => {
  if (auto_refresh) {
    bundle || expected("ca_cert_bundle_name", "given if auto_refresh is true");
    /^https:\/\/[^\s/?#]+[^\s?#]*$/.test(issuer) ||
      expected("issuer", "an https URL without query and fragment if auto_refresh is true");
  }
});

action("set_jwt_public_signing_keys", { issuer: text, jwks: keySet }, ({ issuer, jwks }) =>
  ccf.setJwtPublicSigningKeys(issuer, get("jwt.issuers", issuer), jwks));

action("remove_jwt_issuer", { issuer: text }, ({ issuer }) => {
  if (table("jwt.issuers").has(keyOf(issuer))) {
    remove("jwt.issuers", issuer);
    ccf.removeJwtPublicSigningKeys(issuer);
  }
});
