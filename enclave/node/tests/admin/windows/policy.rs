//! Enclaves that the policy of a service admits.

use coco_crypto::hash::sha256;
use coco_imitated::{
    tpm::keys,
    windows::{Windows, module, vouched},
};
use coco_kv::Tx;
use coco_tables::{
    Tables,
    nodes::QuoteFormat,
    value::{Present, Registers},
    windows::{Demands, Role},
};
use coco_wire::{Digest, text::encode_hex};

use super::{
    HOST_DATA, KEY, MEASUREMENT, Machine, NO_MINIMUMS, TPM, certified, image, machine, signed, start_on, with,
};
use crate::{
    applicant::Applicant,
    harness::Admin,
    join::{node, refusal},
};

#[test]
fn an_enclave_like_the_first_one_joins_and_is_given_the_secrets() {
    for machine in [machine(), certified()] {
        let mut admin = start_on(&machine);
        let applicant = Applicant::on(machine);
        applicant.told(&mut admin, "Trusted");
        let row = node(&admin, &applicant.id()).unwrap();
        let expected = (Some("11".repeat(32)), QuoteFormat::WindowsVbsV1);
        assert_eq!((row.code_digest, row.quote_info.format), expected);
        let asked = admin.view.state().latest.version();
        applicant.let_in(&mut admin);
        applicant.let_in(&mut admin);
        assert_eq!(admin.view.state().latest.version(), asked, "asking again writes nothing");
    }
}

/// What is changed, and what members write so that it is admitted.
type Addition = (&'static str, fn(&mut Windows), fn(&Tables, &mut Tx));

#[test]
fn what_members_add_is_admitted() {
    let additions: [Addition; 8] = [
        (
            "another enclave",
            |it| it.report.run([0x12; 32]),
            |tables, tx| {
                image(tables, tx, 0x12, Role::Enclave);
            },
        ),
        (
            "an enclave by its author",
            |it| it.report.run([0x12; 32]),
            |tables, tx| {
                signed(tables, tx, 3, Role::Enclave);
            },
        ),
        (
            "another module",
            |it| it.report.blocks.push(module([0x56; 32], [0; 32], "other.dll")),
            |tables, tx| image(tables, tx, 0x56, Role::Module),
        ),
        (
            "a module by its author",
            |it| it.report.blocks.push(module([0x56; 32], [0x22; 32], "other.dll")),
            |tables, tx| signed(tables, tx, 3, Role::Module),
        ),
        (
            "another owner",
            |it| it.report.owner_id = [0x98; 32],
            |tables, tx| {
                tables.windows.host_data.put(tx, &"98".repeat(32), &Present);
            },
        ),
        (
            "another authority",
            |it| it.firmware[1].push(vouched(b"another")),
            |tables, tx| tables.windows.boot_authorities.put(tx, &sha256(b"another"), &Present),
        ),
        (
            "older Windows",
            |it| it.report.secure_kernel_svn = 4,
            |tables, tx| {
                let older = coco_tables::windows::Minimums { secure_kernel_svn: 4, ..super::MINIMUMS };
                tables.windows.minimums.put(tx, &older);
            },
        ),
        (
            "hibernation",
            |it| it.state.iter_mut().for_each(|state| state.retain(|(tag, _)| *tag != 0x0005_0024)),
            |tables, tx| tables.windows.demands.put(tx, &Demands::default()),
        ),
    ];
    for (case, change, add) in additions {
        let mut admin = start_on(&machine());
        let changed = with(change);
        let applicant = Applicant::on(changed);
        let answer = applicant.ask(&mut admin, &applicant.body());
        assert_eq!(answer.0, 401, "{case} is not admitted before");
        admin.write(add);
        applicant.told(&mut admin, "Trusted");
    }
}

#[test]
fn a_register_may_have_any_of_its_values() {
    let mut admin = start_on(&machine());
    admin.write(|tables, tx| {
        let own = encode_hex(&Windows::genuine().booted().pcrs[4]);
        tables.windows.registers.put(tx, &"4".to_owned(), &Registers(vec!["00".repeat(32), own]));
    });
    Applicant::on(machine()).told(&mut admin, "Trusted");
}

#[test]
fn a_tpm_that_members_add_is_admitted() {
    let rsa = Machine { windows: certified().windows, ..machine() };
    for machine in [rsa, certified()] {
        let mut admin = start_on(&super::machine());
        let applicant = Applicant::on(machine.clone());
        let answer = applicant.ask(&mut admin, &applicant.body());
        assert_eq!(refusal(&answer), (401, "InvalidQuote", TPM));
        admin.write(|tables, tx| {
            let public = machine.windows.sign().tpm.public;
            let name = coco_attest::tpm::Public::read(&public).unwrap().name;
            match machine.beside {
                super::Beside::Key => {
                    tables.windows.attestation_keys.put(tx, &encode_hex(&name), &Present);
                }
                super::Beside::Certificates => {
                    tables.windows.attestation_roots.put(tx, &keys().root.public_key().id(), &Present);
                }
            }
        });
        applicant.told(&mut admin, "Trusted");
    }
}

/// What members take back, and what that answers to a node that had joined before.
type Removal = (fn(&mut Admin), &'static str);

#[test]
fn secrets_are_for_evidence_made_now_that_is_still_admitted() {
    let mut admin = start_on(&machine());
    let applicant = Applicant::on(machine());
    applicant.told(&mut admin, "Trusted");
    applicant.challenged(&mut admin);
    let answer = applicant.show(&mut admin, &Digest([1; 32]));
    assert_eq!(refusal(&answer), (401, "InvalidQuote", KEY));
    let removals: [Removal; 3] = [
        (|admin| admin.write(|it, tx| it.windows.images.remove(tx, &"11".repeat(32))), MEASUREMENT),
        (|admin| admin.write(|it, tx| it.windows.host_data.remove(tx, &"99".repeat(32))), HOST_DATA),
        (|admin| admin.write(|it, tx| it.windows.minimums.remove(tx)), NO_MINIMUMS),
    ];
    for (remove, expected) in removals {
        let mut admin = start_on(&machine());
        let applicant = Applicant::on(machine());
        applicant.told(&mut admin, "Trusted");
        let challenge = applicant.challenged(&mut admin);
        remove(&mut admin);
        let answer = applicant.show(&mut admin, &challenge);
        assert_eq!(refusal(&answer), (401, "InvalidQuote", expected));
    }
}
