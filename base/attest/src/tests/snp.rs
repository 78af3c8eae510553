//! A machine with SEV-SNP that was never built, as the verifier takes it.

use coco_crypto::x509::UnixTime;
use coco_imitated::snp::Line;
pub(crate) use coco_imitated::snp::{
    Evidence, INTERMEDIATE, Machine, NOW, ROOT, chip_extension, keys, tcb_extension, text_extension, to_pem,
};

use crate::sev_snp::{Claims, Endorsements, Product, Refusal, Requirements, Roots, verify};

impl From<Product> for Line {
    fn from(product: Product) -> Self {
        match product {
            Product::Milan => Self::Milan,
            Product::Genoa => Self::Genoa,
            Product::Turin => Self::Turin,
        }
    }
}

/// What is done with evidence.
pub(crate) trait Verify {
    /// The keys that it is to be believed by.
    fn trusted(&self) -> Roots;

    fn verify(&self, requirements: &Requirements<'_>, now: UnixTime) -> Result<Claims, Refusal>;
}

impl Verify for Evidence {
    fn trusted(&self) -> Roots {
        let [milan, genoa, turin] = self.roots;
        Roots { milan, genoa, turin }
    }

    fn verify(&self, requirements: &Requirements<'_>, now: UnixTime) -> Result<Claims, Refusal> {
        let lists: Vec<&[u8]> = self.lists.iter().map(Vec::as_slice).collect();
        let endorsements = Endorsements {
            certificates: &self.certificates,
            revocation_lists: &lists,
            uvm: self.uvm.as_deref(),
        };
        verify(&self.report, &endorsements, &Requirements { roots: self.trusted(), ..*requirements }, now)
    }
}
