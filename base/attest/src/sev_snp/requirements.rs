//! What is required of a report beyond being genuine.

use super::{
    GuestPolicy, Processor, Product, Refusal, Report, Roots, Signer, Tcb, TcbVersion, endorsements::Endorsed,
    uvm,
};

/// What is required of a report. Debugging and migration are always refused.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Whose signatures count.
    pub roots: Roots,
    /// The oldest version of the format; the first two do not name the processor.
    pub oldest_version: u32,
    /// Who may have asked for the report.
    pub vmpl: Vmpl,
    /// Providers whose keys may sign, beside those of chips.
    pub providers: Providers<'a>,
    /// All of the report data, if it must be something.
    pub report_data: Option<[u8; 64]>,
    /// The reported trusted computing base, packed, if it must be exactly one.
    pub expected_tcb: Option<u64>,
    /// The least trusted computing base for each processor, if one is required; a processor without is refused.
    pub minimum_tcb: Option<&'a [(Processor, TcbVersion)]>,
    /// Whether revocation lists must be there.
    pub revocation: Revocation,
    /// What else must be so.
    pub demands: &'a [Demand],
    /// Who may endorse utility VMs, if there are such endorsements.
    pub uvm: uvm::Endorsers<'a>,
}

/// Providers of clouds whose keys may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Providers<'a> {
    /// Those of these names.
    Only(&'a [&'a str]),
    /// All that AMD certifies: for those who decide afterwards, by [`Signer`], whether they trust them.
    Anyone,
}

/// Privilege levels of a guest that may have asked for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vmpl {
    /// This one.
    Exactly(u32),
    /// All that a guest has: 0 to 3.
    Guest,
}

/// Whether revocation lists must be there. Those that are there are always heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// They may be missing.
    IfGiven,
    /// One of the root must be there.
    Required,
}

/// What else can be required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No two threads share a core.
    NoSmt,
    /// The guest runs on one socket.
    SingleSocket,
    /// The host does not see the ciphertext of memory.
    HiddenCiphertext,
    /// The firmware has found no two addresses for the same memory.
    AliasCheck,
    /// These mitigations were there at the launch and are there now, which reports say from version 5 on.
    Mitigations(u64),
}

impl Requirements<'_> {
    /// What is required of a node, but for what governance adds: the highest privilege level, and a chip's own key.
    pub const STRICT: Self = Self {
        roots: Roots::AMD,
        oldest_version: 3,
        vmpl: Vmpl::Exactly(0),
        providers: Providers::Only(&[]),
        report_data: None,
        expected_tcb: None,
        minimum_tcb: None,
        revocation: Revocation::IfGiven,
        demands: &[],
        uvm: uvm::Endorsers::Only(&[]),
    };

    /// Checks a genuine report.
    pub(super) fn check(&self, report: &Report, endorsed: &Endorsed) -> Result<(), Refusal> {
        match self.vmpl {
            Vmpl::Exactly(level) if report.vmpl == level => {}
            Vmpl::Guest if report.vmpl <= 3 => {}
            _ => return Err(Refusal::Vmpl(report.vmpl)),
        }
        if let Signer::Provider(name) = &endorsed.signer
            && !self.providers.include(name)
        {
            return Err(Refusal::Provider);
        }
        check_policy(report.policy)?;
        self.check_tcb(report, endorsed.product)?;
        if let Some(demand) = self.demands.iter().find(|demand| !demand.is_met(report)) {
            return Err(Refusal::Demand(*demand));
        }
        match self.report_data {
            Some(expected) if expected != report.report_data => Err(Refusal::ReportData),
            _ => Ok(()),
        }
    }

    fn check_tcb(&self, report: &Report, product: Product) -> Result<(), Refusal> {
        if let Some(expected) = self.expected_tcb
            && expected != report.reported_tcb
        {
            return Err(Refusal::ExpectedTcb { expected, reported: report.reported_tcb });
        }
        let Some(minimums) = self.minimum_tcb else { return Ok(()) };
        let minimum = minimums.iter().find(|(processor, _)| report.processor == Some(*processor));
        let (_, minimum) = minimum.ok_or(Refusal::NoMinimumTcb)?;
        let versions = [
            (Tcb::Reported, report.reported_tcb),
            (Tcb::Committed, report.committed_tcb),
            (Tcb::Launch, report.launch_tcb),
        ];
        for (tcb, packed) in versions {
            if !product.tcb_version(packed).is_at_least(minimum) {
                return Err(Refusal::MinimumTcb(tcb));
            }
        }
        Ok(())
    }
}

impl Providers<'_> {
    fn include(self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(&name),
            Self::Anyone => true,
        }
    }
}

fn check_policy(policy: GuestPolicy) -> Result<(), Refusal> {
    if policy.allows_debug() {
        return Err(Refusal::Debug);
    }
    if policy.allows_migration() {
        return Err(Refusal::Migration);
    }
    Ok(())
}

impl Demand {
    fn is_met(self, report: &Report) -> bool {
        match self {
            Self::NoSmt => !report.policy.allows_smt(),
            Self::SingleSocket => report.policy.demands_single_socket(),
            Self::HiddenCiphertext => report.policy.demands_hidden_ciphertext(),
            Self::AliasCheck => report.platform_info.alias_check_complete(),
            Self::Mitigations(bits) => report
                .mitigations
                .is_some_and(|mitigations| mitigations.launch & mitigations.current & bits == bits),
        }
    }
}
