//! Nodes on hardware that vouches for them.

use coco_attest::{
    Roots, azure_cvm, nitro as of_nitro,
    sev_snp::{self, Product, TcbVersion},
    tpm::Public,
    vbs::{self as of_vbs, Pin},
};
use coco_imitated::{
    azure::Azure,
    nitro::{self, Enclave},
    snp::{self, Machine},
    windows::{OWNER_ID, PART, UNIQUE, Windows, signer},
};
use coco_wire::text::{Base64, encode_hex};

use super::*;

/// Answers with evidence of a format: quote and endorsements.
fn answering(
    format: &'static str,
    show: impl Fn(&Digest) -> (Vec<u8>, Vec<u8>) + Send + Sync + 'static,
) -> Act {
    Box::new(move |question| {
        let (quote, endorsements) = show(&question.report_data());
        let (status, mut answer) = question.answer(&Digest::ZERO);
        answer["format"] = json!(format);
        answer["raw"] = json!(Base64(quote));
        answer["endorsements"] = json!(Base64(endorsements));
        (status, answer)
    })
}

/// What is required of this machine, with its own roots.
fn of_snp(machine: &Machine) -> (SevSnp, sev_snp::Roots) {
    let [milan, genoa, turin] = machine.sign().roots;
    let field = |at: usize, len: usize| machine.report[at..][..len].to_vec();
    let code = Code {
        measurements: these(encode_hex(&field(snp::at::MEASUREMENT, 48))),
        host_data: these(encode_hex(&field(snp::at::HOST_DATA, 32))),
    };
    let processor = sev_snp::Report::read(&machine.report).unwrap().processor.unwrap();
    let reported = u64::from_le_bytes(field(snp::at::TCB[1], 8).try_into().unwrap());
    let tcb = Product::Milan.tcb_version(reported);
    let required = SevSnp { code, endorsers: Vec::new(), minimum_tcb: Some(vec![(processor, tcb)]) };
    (required, sev_snp::Roots { milan, genoa, turin })
}

/// The same, but newer.
fn newer(required: &SevSnp) -> SevSnp {
    let newer = |tcb: TcbVersion| TcbVersion { microcode: tcb.microcode + 1, ..tcb };
    let tcb = required.minimum_tcb.iter().flatten().map(|(processor, tcb)| (*processor, newer(*tcb)));
    SevSnp { minimum_tcb: Some(tcb.collect()), ..required.clone() }
}

#[tokio::test]
async fn a_guest_of_sev_snp() {
    let service = Service::new();
    let act = answering("AMD_SEV_SNP_v1", |report_data| {
        let mut machine = Machine::milan();
        machine.bind(report_data);
        let shown = machine.sign();
        (shown.report, shown.certificates)
    });
    let node = service.node(act).await;
    let (required, roots) = of_snp(&Machine::milan());
    let trusting = |required: &SevSnp| Policy {
        roots: Roots { sev_snp: roots, ..Roots::MAKERS },
        sev_snp: Some(required.clone()),
        ..Policy::new(|| snp::NOW)
    };
    client(&node, &service, trusting(&required)).get("/node/state").await.unwrap();

    // Nobody may write this evidence but the hardware, and the hardware must be new enough.
    let makers = Policy { roots: Roots::MAKERS, ..trusting(&required) };
    assert!(matches!(refusal(&node, &service, makers).await, NotVerified::Evidence(_)));
    let reason = refusal(&node, &service, trusting(&newer(&required))).await;
    let old = matches!(reason, NotVerified::Evidence(Refusal::SevSnp(sev_snp::Refusal::MinimumTcb(_))));
    assert!(old, "{reason}");
    let code = Code { measurements: these("00".repeat(48)), ..required.code.clone() };
    let other = SevSnp { code, ..required };
    assert!(matches!(refusal(&node, &service, trusting(&other)).await, NotVerified::Measurement(_)));
}

fn of_azure(machine: Azure) -> Act {
    answering("Azure_CVM_SNP_v1", move |report_data| {
        let mut machine = machine.clone();
        machine.bind(report_data);
        let signed = machine.sign();
        (signed.tpm.form(&signed.report), signed.snp.certificates)
    })
}

#[tokio::test]
async fn a_machine_of_azure() {
    let service = Service::new();
    let node = service.node(of_azure(Azure::genuine())).await;
    let machine = Azure::genuine();
    let (hardware, roots) = of_snp(&machine.snp);
    let pcr = |number: u8| these(encode_hex(&machine.tpm.pcrs[usize::from(number)]));
    let required = AzureCvm {
        hardware,
        demands: vec![azure_cvm::Demand::SecureBoot, azure_cvm::Demand::NoConsole],
        registers: [0, 7].map(|number| (number, pcr(number))).into(),
    };
    let trusting = |required: AzureCvm| Policy {
        roots: Roots { sev_snp: roots, ..Roots::MAKERS },
        azure_cvm: Some(required),
        ..Policy::new(|| snp::NOW)
    };
    client(&node, &service, trusting(required.clone())).get("/node/state").await.unwrap();

    let with = |change: fn(&mut AzureCvm)| {
        let mut required = required.clone();
        change(&mut required);
        trusting(required)
    };
    let as_guest =
        Policy { azure_cvm: None, sev_snp: Some(required.hardware.clone()), ..trusting(required.clone()) };
    assert!(matches!(refusal(&node, &service, as_guest).await, NotVerified::Platform("AzureCVM")));
    let makers = Policy { roots: Roots::MAKERS, ..trusting(required.clone()) };
    assert!(matches!(refusal(&node, &service, makers).await, NotVerified::Evidence(Refusal::AzureCvm(_))));
    let reason = refusal(&node, &service, with(|it| it.hardware = newer(&it.hardware))).await;
    let NotVerified::Evidence(Refusal::AzureCvm(azure_cvm::Refusal::Snp(old))) = &reason else {
        panic!("{reason}")
    };
    assert!(matches!(old, sev_snp::Refusal::MinimumTcb(_)), "{old}");
    let paravisor = with(|it| it.hardware.code.measurements = these("00".repeat(48)));
    assert!(matches!(refusal(&node, &service, paravisor).await, NotVerified::Measurement(_)));
    let host = with(|it| it.hardware.code.host_data = these("00".repeat(32)));
    assert!(matches!(refusal(&node, &service, host).await, NotVerified::HostData(_)));
    let other = with(|it| drop(it.registers.insert(7, these("00".repeat(32)))));
    assert!(matches!(refusal(&node, &service, other).await, NotVerified::Register { number: 7, .. }));
    let unquoted = with(|it| drop(it.registers.insert(23, these("00".repeat(32)))));
    let reason = refusal(&node, &service, unquoted).await;
    assert!(matches!(reason, NotVerified::Register { number: 23, value } if value.is_empty()));
    // Nothing that firmware measured; somebody else decided what it may be.
    let none = with(|it| it.registers = [(11, Accepted::Any)].into());
    assert!(matches!(refusal(&node, &service, none).await, NotVerified::NoFirmware));
    let any = with(|it| it.registers = [(7, Accepted::Any)].into());
    client(&node, &service, any).get("/node/state").await.unwrap();

    let mut console = machine;
    console.runtime = console.runtime.replace(r#""console-enabled":false"#, r#""console-enabled":true"#);
    let node = service.node(of_azure(console)).await;
    let reason = refusal(&node, &service, trusting(required)).await;
    let demand = azure_cvm::Refusal::Demand(azure_cvm::Demand::NoConsole);
    assert!(
        matches!(&reason, NotVerified::Evidence(Refusal::AzureCvm(found)) if *found == demand),
        "{reason}"
    );
}

#[tokio::test]
async fn an_enclave_of_windows() {
    let service = Service::new();
    let act = answering("Windows_VBS_v1", |report_data| {
        let mut windows = Windows::genuine();
        windows.bind(report_data);
        let signed = windows.sign();
        (signed.tpm.form(&signed.report), signed.tpm.public)
    });
    let node = service.node(act).await;
    let machine = Windows::genuine();
    let key = Public::read(&machine.sign().tpm.public).unwrap().name;
    let booted = machine.booted();
    let required = Vbs {
        enclaves: vec![Pin::Exactly(UNIQUE)],
        modules: vec![Pin::Exactly(PART)],
        owners: these(encode_hex(&OWNER_ID)),
        secure_kernel_svn: 5,
        platform_svn: 2,
        attestation_keys: vec![key],
        attestation_roots: Vec::new(),
        boot_authorities: vec![signer()],
        demands: vec![of_vbs::Demand::NoHibernation],
        registers: [(4, these(encode_hex(&booted.pcrs[4])))].into(),
    };
    let trusting = |required: Vbs| Policy { vbs: Some(required), ..Policy::new(|| snp::NOW) };
    client(&node, &service, trusting(required.clone())).get("/node/state").await.unwrap();

    let with = |change: fn(&mut Vbs)| {
        let mut required = required.clone();
        change(&mut required);
        trusting(required)
    };
    let none = Policy { vbs: None, ..trusting(required.clone()) };
    assert!(matches!(refusal(&node, &service, none).await, NotVerified::Platform("VBS")));
    let refused: [(Policy, of_vbs::Refusal); 5] = [
        (with(|it| it.enclaves = vec![Pin::Exactly(PART)]), of_vbs::Refusal::Enclave),
        (with(|it| it.modules.clear()), of_vbs::Refusal::Module(1)),
        (with(|it| it.secure_kernel_svn = 6), of_vbs::Refusal::SecureKernelSvn(5)),
        (with(|it| it.platform_svn = 3), of_vbs::Refusal::PlatformSvn(2)),
        (
            with(|it| it.attestation_keys.clear()),
            of_vbs::Refusal::Tpm(coco_attest::tpm::Refusal::UnknownName),
        ),
    ];
    for (policy, expected) in refused {
        let reason = refusal(&node, &service, policy).await;
        assert!(
            matches!(&reason, NotVerified::Evidence(Refusal::Vbs(found)) if *found == expected),
            "{reason} instead of {expected}"
        );
    }
    for policy in [
        with(|it| it.boot_authorities.clear()),
        with(|it| it.demands.push(of_vbs::Demand::BootDmaProtection)),
    ] {
        let reason = refusal(&node, &service, policy).await;
        let boot = matches!(reason, NotVerified::Evidence(Refusal::Vbs(of_vbs::Refusal::Boot(_))));
        assert!(boot, "{reason}");
    }
    let owner = with(|it| it.owners = these("00".repeat(32)));
    assert!(matches!(refusal(&node, &service, owner).await, NotVerified::HostData(_)));
    let other = with(|it| drop(it.registers.insert(4, these("00".repeat(32)))));
    assert!(matches!(refusal(&node, &service, other).await, NotVerified::Register { number: 4, .. }));
}

#[tokio::test]
async fn a_nitro_enclave() {
    let service = Service::new();
    let act = answering("AWS_Nitro_v1", |report_data| {
        let mut enclave = Enclave::genuine();
        enclave.bind(report_data);
        (enclave.sign().message, Vec::new())
    });
    let node = service.node(act).await;
    let value = |number: u8| these(encode_hex(&nitro::value(number)));
    let required = Nitro { images: value(0), registers: [(3, value(3))].into() };
    let trusting = |required: Nitro| Policy {
        roots: Roots { nitro: Enclave::genuine().sign().root, ..Roots::MAKERS },
        nitro: Some(required),
        ..Policy::new(|| nitro::NOW)
    };
    client(&node, &service, trusting(required.clone())).get("/node/state").await.unwrap();

    let none = Policy { nitro: None, ..trusting(required.clone()) };
    assert!(matches!(refusal(&node, &service, none).await, NotVerified::Platform("Nitro")));
    let makers = Policy { roots: Roots::MAKERS, ..trusting(required.clone()) };
    assert!(matches!(refusal(&node, &service, makers).await, NotVerified::Evidence(Refusal::Nitro(_))));
    let late = Policy { now: || UnixTime(nitro::NOW.0 + 300), ..trusting(required.clone()) };
    let reason = refusal(&node, &service, late).await;
    assert!(matches!(reason, NotVerified::Evidence(Refusal::Nitro(of_nitro::Refusal::TooOld))), "{reason}");
    let images = trusting(Nitro { images: value(1), ..required.clone() });
    assert!(matches!(refusal(&node, &service, images).await, NotVerified::Measurement(_)));
    for number in [3, 200] {
        let registers = [(number, value(4))].into();
        let reason = refusal(&node, &service, trusting(Nitro { registers, ..required.clone() })).await;
        assert!(matches!(reason, NotVerified::Register { number: found, .. } if found == number), "{reason}");
    }
}

#[tokio::test]
async fn evidence_for_another_session_is_refused_whatever_signs_it() {
    let service = Service::new();
    let other = Digest([1; 32]);
    let shows: [(Act, Policy); 3] = [
        {
            let machine = Azure::genuine();
            let (hardware, sev_snp) = of_snp(&machine.snp);
            let required = AzureCvm { hardware, demands: Vec::new(), registers: [(0, Accepted::Any)].into() };
            let act = answering("Azure_CVM_SNP_v1", move |_| {
                let mut machine = machine.clone();
                machine.bind(&other);
                let signed = machine.sign();
                (signed.tpm.form(&signed.report), signed.snp.certificates)
            });
            let roots = Roots { sev_snp, ..Roots::MAKERS };
            (act, Policy { roots, azure_cvm: Some(required), ..Policy::new(|| snp::NOW) })
        },
        {
            let key = Public::read(&Windows::genuine().sign().tpm.public).unwrap().name;
            let required = Vbs {
                enclaves: vec![Pin::Exactly(UNIQUE)],
                modules: vec![Pin::Exactly(PART)],
                owners: Accepted::Any,
                secure_kernel_svn: 0,
                platform_svn: 0,
                attestation_keys: vec![key],
                attestation_roots: Vec::new(),
                boot_authorities: vec![signer()],
                demands: Vec::new(),
                registers: Registers::new(),
            };
            // Each half counts: the quote is for this session, the report is not.
            let act = answering("Windows_VBS_v1", move |report_data| {
                let mut windows = Windows::genuine();
                windows.bind(report_data);
                windows.report.bind(&other);
                let signed = windows.sign();
                (signed.tpm.form(&signed.report), signed.tpm.public)
            });
            (act, Policy { vbs: Some(required), ..Policy::new(|| snp::NOW) })
        },
        {
            let required = Nitro { images: Accepted::Any, registers: Registers::new() };
            let act = answering("AWS_Nitro_v1", move |_| {
                let mut enclave = Enclave::genuine();
                enclave.bind(&other);
                (enclave.sign().message, Vec::new())
            });
            let roots = Roots { nitro: Enclave::genuine().sign().root, ..Roots::MAKERS };
            (act, Policy { roots, nitro: Some(required), ..Policy::new(|| nitro::NOW) })
        },
    ];
    for (act, policy) in shows {
        let node = service.node(act).await;
        let reason = refusal(&node, &service, policy).await;
        assert!(matches!(reason, NotVerified::OtherSession), "{reason}");
    }
}
