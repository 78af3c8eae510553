//! The actions of CCF's default constitution and ours, as data.

use super::action::{
    Action, Argument,
    Kind::{Application, Constitution, Flag, Id, Json, Number, Pem, Text, Time},
    Otherwise::{Now, ServiceCertificate},
    may, need,
};

const fn action(name: &'static str, about: &'static str, arguments: &'static [Argument]) -> Action {
    Action { name, about, arguments }
}

/// In the order in which help lists them. Whatever else a constitution knows is proposed as `NAME key=value`.
pub(super) static ACTIONS: &[Action] = &[
    // Members and users.
    action("set_user", "Add or replace a user", &[need("cert", Pem), may("user_data", Json).also("data")]),
    action("remove_user", "Remove a user", &[need("user_id", Id).also("id")]),
    action(
        "set_user_data",
        "Note something of a user",
        &[need("user_id", Id).also("id"), may("user_data", Json).also("data")],
    ),
    action(
        "set_member",
        "Add or replace a member",
        &[
            need("cert", Pem),
            may("encryption_pub_key", Pem).also("encryption-key"),
            may("member_data", Json).also("data"),
            may("recovery_role", Text).also("role"),
        ],
    ),
    action("remove_member", "Remove a member", &[need("member_id", Id).also("id")]),
    action(
        "set_member_data",
        "Note something of a member",
        &[need("member_id", Id).also("id"), need("member_data", Json).also("data")],
    ),
    // The service.
    action("set_constitution", "Replace the rules of governance", &[need("constitution", Constitution)]),
    action(
        "transition_service_to_open",
        "Open the service to users, or end its recovery",
        &[
            need("next_service_identity", Pem).also("next").or(ServiceCertificate),
            may("previous_service_identity", Pem).also("previous"),
        ],
    ),
    action(
        "set_recovery_threshold",
        "Set how many members it takes to recover",
        &[need("recovery_threshold", Number).also("threshold")],
    ),
    action(
        "set_service_configuration",
        "Set several of the service's parameters",
        &[
            may("reconfiguration_type", Text),
            may("recovery_threshold", Number),
            may("recent_cose_proposals_window_size", Number),
        ],
    ),
    action("trigger_ledger_rekey", "Set a new ledger secret", &[]),
    action("trigger_recovery_shares_refresh", "Issue new recovery shares", &[]),
    action("trigger_ledger_chunk", "End the present chunk of the ledger", &[]),
    action("trigger_snapshot", "Make a snapshot", &[]),
    action(
        "set_service_certificate_validity",
        "Renew the service's certificate",
        &[need("valid_from", Time).or(Now), may("validity_period_days", Number).also("days")],
    ),
    action(
        "assert_service_identity",
        "Be valid for this service only",
        &[need("service_identity", Pem).or(ServiceCertificate)],
    ),
    // Nodes.
    action(
        "transition_node_to_trusted",
        "Admit a node that asked to join",
        &[
            need("node_id", Text).also("id"),
            need("valid_from", Time).or(Now),
            may("validity_period_days", Number).also("days"),
        ],
    ),
    action("remove_node", "Retire a node, or turn one away", &[need("node_id", Text).also("id")]),
    action(
        "set_node_data",
        "Note something of a node",
        &[need("node_id", Text).also("id"), need("node_data", Json).also("data")],
    ),
    action(
        "set_node_certificate_validity",
        "Renew the certificate of a node",
        &[
            need("node_id", Text).also("id"),
            need("valid_from", Time).or(Now),
            may("validity_period_days", Number).also("days"),
        ],
    ),
    action(
        "set_all_nodes_certificate_validity",
        "Renew the certificates of all nodes",
        &[need("valid_from", Time).or(Now), may("validity_period_days", Number).also("days")],
    ),
    action("set_node_lease", "Have nodes show again and again what they run", &[need("seconds", Number)]),
    action("remove_node_lease", "Have them show it no longer", &[]),
    action(
        "set_node_diversity",
        "Have no majority of nodes depend on one vendor, or one cloud",
        &[need("vendors", Flag), need("clouds", Flag)],
    ),
    action("remove_node_diversity", "Let it depend on one", &[]),
    // A network of Ethereum.
    action(
        "set_ethereum_genesis",
        "Say how a network of Ethereum begins, as geth's genesis.json does",
        &[need("genesis", Json)],
    ),
    action(
        "set_ethereum_network",
        "Replace the settings of a network of Ethereum",
        &[
            may("visibility", Text),
            may("fees", Text),
            may("max_transaction_gas", Number),
            may("max_block_gas", Number),
            may("max_call_gas", Number),
            may("base_fee", Number),
            may("fee_recipient", Text),
            may("native_balance", Text),
            may("send", Text),
            may("deploy", Text),
        ],
    ),
    action(
        "set_ethereum_account",
        "Say what an account of Ethereum may do",
        &[need("address", Text), may("send", Flag), may("deploy", Flag)],
    ),
    action("remove_ethereum_account", "Forget what an account of Ethereum may do", &[need("address", Text)]),
    // What may run a node.
    action("add_node_code", "Let this code run a node", &[need("code_id", Text).also("id")]),
    action("remove_node_code", "Let it no longer", &[need("code_id", Text).also("id")]),
    action("add_snp_measurement", "Let this code run a node on SEV-SNP", &[need("measurement", Text)]),
    action("remove_snp_measurement", "Let it no longer", &[need("measurement", Text)]),
    action(
        "add_snp_host_data",
        "Let nodes run under this policy on SEV-SNP",
        &[need("host_data", Text), need("security_policy", Text).also("policy")],
    ),
    action("remove_snp_host_data", "Let them no longer", &[need("host_data", Text)]),
    action(
        "add_snp_uvm_endorsement",
        "Believe endorsements of utility VMs",
        &[need("did", Text), need("feed", Text), need("svn", Text)],
    ),
    action("remove_snp_uvm_endorsement", "Believe them no longer", &[need("did", Text), need("feed", Text)]),
    action("add_snp_provider", "Believe keys of a cloud provider", &[need("provider", Text)]),
    action("remove_snp_provider", "Believe them no longer", &[need("provider", Text)]),
    action("add_snp_chip", "List a chip", &[need("chip_id", Text)]),
    action("remove_snp_chip", "List it no longer", &[need("chip_id", Text)]),
    action(
        "set_snp_demands",
        "Demand more of guests and platforms",
        &[
            may("listed_chip", Flag),
            may("no_smt", Flag),
            may("single_socket", Flag),
            may("hidden_ciphertext", Flag),
            may("alias_check", Flag),
            may("mitigations", Number),
        ],
    ),
    action("remove_snp_demands", "Demand no more", &[]),
    action(
        "set_snp_minimum_tcb_version",
        "Set the oldest firmware of a processor",
        &[need("cpuid", Text), need("tcb_version", Json)],
    ),
    action(
        "set_snp_minimum_tcb_version_hex",
        "Set it in hexadecimal",
        &[need("cpuid", Text), need("tcb_version", Text)],
    ),
    action("remove_snp_minimum_tcb_version", "Have none for a processor", &[need("cpuid", Text)]),
    action(
        "add_virtual_measurement",
        "Let this code run a node without hardware",
        &[need("measurement", Text)],
    ),
    action("remove_virtual_measurement", "Let it no longer", &[need("measurement", Text)]),
    action("add_virtual_host_data", "Let nodes run with these host data", &[need("host_data", Text)]),
    action("remove_virtual_host_data", "Let them no longer", &[need("host_data", Text)]),
    action(
        "set_intel_tcb",
        "Let machines of Intel's of this kind run nodes",
        &[
            need("fmspc", Text),
            need("minimum_evaluation", Number),
            may("statuses", Json),
            may("advisories", Json),
            may("max_collateral_age_s", Number),
        ],
    ),
    action("remove_intel_tcb", "Let them no longer", &[need("fmspc", Text)]),
    action("add_tdx_measurement", "Let this code run a node on TDX", &[need("measurement", Text)]),
    action("remove_tdx_measurement", "Let it no longer", &[need("measurement", Text)]),
    action("add_tdx_host_data", "Let nodes run with this MRCONFIGID on TDX", &[need("host_data", Text)]),
    action("remove_tdx_host_data", "Let them no longer", &[need("host_data", Text)]),
    action(
        "add_tdx_register",
        "Let a register have this value, and no other that is not named",
        &[need("register", Number), need("value", Text)],
    ),
    action("remove_tdx_register", "Let it no longer", &[need("register", Number), need("value", Text)]),
    action(
        "set_tdx_attributes",
        "Set what domains may use",
        &[may("pks", Flag), may("kl", Flag), may("perfmon", Flag), may("tpa", Flag), may("xfam", Text)],
    ),
    action("remove_tdx_attributes", "Let them use only what is harmless", &[]),
    action("add_sgx_measurement", "Let this code run a node on SGX", &[need("measurement", Text)]),
    action("remove_sgx_measurement", "Let it no longer", &[need("measurement", Text)]),
    action(
        "add_sgx_signer",
        "Let whatever a signer signs as this product run a node on SGX",
        &[need("signer", Text), need("product_id", Number), need("minimum_svn", Number)],
    ),
    action("remove_sgx_signer", "Let it no longer", &[need("signer", Text), need("product_id", Number)]),
    action("add_sgx_host_data", "Let nodes run with this CONFIGID on SGX", &[need("host_data", Text)]),
    action("remove_sgx_host_data", "Let them no longer", &[need("host_data", Text)]),
    action(
        "add_vbs_image",
        "Let this image be loaded in enclaves of Windows that run nodes",
        &[need("unique_id", Text), need("role", Text)],
    ),
    action("remove_vbs_image", "Let it no longer", &[need("unique_id", Text)]),
    action(
        "add_vbs_signer",
        "Let whatever an author calls so be loaded there",
        &[
            need("author_id", Text),
            need("family_id", Text),
            need("image_id", Text),
            need("role", Text),
            need("minimum_svn", Number),
        ],
    ),
    action(
        "remove_vbs_signer",
        "Let it no longer",
        &[need("author_id", Text), need("family_id", Text), need("image_id", Text)],
    ),
    action("add_vbs_host_data", "Let enclaves have this owner ID", &[need("host_data", Text)]),
    action("remove_vbs_host_data", "Let them no longer", &[need("host_data", Text)]),
    action("add_vbs_attestation_key", "Believe this key of a TPM", &[need("name", Text)]),
    action("remove_vbs_attestation_key", "Believe it no longer", &[need("name", Text)]),
    action(
        "add_vbs_attestation_root",
        "Believe keys of TPMs that this root certifies",
        &[need("root", Text)],
    ),
    action("remove_vbs_attestation_root", "Believe them no longer", &[need("root", Text)]),
    action(
        "add_vbs_boot_authority",
        "Let it vouch for what firmware starts, by its certificate",
        &[need("certificate", Text)],
    ),
    action("remove_vbs_boot_authority", "Let it no longer", &[need("certificate", Text)]),
    action(
        "set_vbs_minimums",
        "Set how old Windows may be under enclaves",
        &[need("secure_kernel_svn", Number), need("platform_svn", Number)],
    ),
    action("remove_vbs_minimums", "Let no Windows run nodes", &[]),
    action(
        "set_vbs_demands",
        "Set how Windows must have been started",
        &[
            may("boot_dma_protection", Flag),
            may("no_hibernation", Flag),
            may("no_dumps", Flag),
            may("encrypted_dumps", Flag),
            may("encrypted_page_file", Flag),
        ],
    ),
    action("remove_vbs_demands", "Demand no more", &[]),
    action(
        "add_vbs_register",
        "Let a PCR have this value, and no other that is not named",
        &[need("register", Number), need("value", Text)],
    ),
    action("remove_vbs_register", "Let it no longer", &[need("register", Number), need("value", Text)]),
    action(
        "add_azure_register",
        "Let a PCR of a confidential machine of Azure have this value, and no other that is not named",
        &[need("register", Number), need("value", Text)],
    ),
    action("remove_azure_register", "Let it no longer", &[need("register", Number), need("value", Text)]),
    action(
        "set_azure_demands",
        "Set how these machines must have been started",
        &[may("secure_boot", Flag), may("no_console", Flag)],
    ),
    action("remove_azure_demands", "Demand no more", &[]),
    action(
        "add_nitro_measurement",
        "Let this image run a node in enclaves of AWS",
        &[need("measurement", Text)],
    ),
    action("remove_nitro_measurement", "Let it no longer", &[need("measurement", Text)]),
    action(
        "add_nitro_register",
        "Let a register have this value, and no other that is not named",
        &[need("register", Number), need("value", Text)],
    ),
    action("remove_nitro_register", "Let it no longer", &[need("register", Number), need("value", Text)]),
    action("set_nitro_limits", "Set how old documents of enclaves may be", &[need("max_age_s", Number)]),
    action("remove_nitro_limits", "Let them be 300 seconds old", &[]),
    // Applications.
    action(
        "set_js_app",
        "Install a JavaScript application",
        &[need("bundle", Application), may("disable_bytecode_cache", Flag)],
    ),
    action("remove_js_app", "Remove it", &[]),
    action("refresh_js_app_bytecode_cache", "Compile it again", &[]),
    action(
        "set_js_runtime_options",
        "Set the limits of scripts",
        &[
            need("max_heap_bytes", Number),
            need("max_stack_bytes", Number),
            need("max_execution_time_ms", Number),
            may("log_exception_details", Flag),
            may("return_exception_details", Flag),
            may("max_cached_interpreters", Number),
        ],
    ),
    // Tokens and the authorities behind them.
    action(
        "set_jwt_issuer",
        "Believe tokens of an issuer",
        &[
            need("issuer", Text),
            may("auto_refresh", Flag),
            may("ca_cert_bundle_name", Text).also("ca-bundle"),
            may("jwks", Json),
        ],
    ),
    action(
        "set_jwt_public_signing_keys",
        "Replace the keys of an issuer",
        &[need("issuer", Text), need("jwks", Json)],
    ),
    action("remove_jwt_issuer", "Believe its tokens no longer", &[need("issuer", Text)]),
    action(
        "set_ca_cert_bundle",
        "Name certificates of authorities",
        &[need("name", Text), need("cert_bundle", Pem).also("certs")],
    ),
    action("remove_ca_cert_bundle", "Forget them", &[need("name", Text)]),
];
