//! Certificates that governance renewed: taken over once that is committed (CCF `src/node/node_state.h`).

use std::sync::Arc;

use coco_crypto::Certificate;
use coco_tables::Tables;

use crate::{keys::ServiceIdentity, view::Shared};

/// Whether a node has other certificates than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// Those that it had.
    Nothing,
    /// Another one of the node, or of the service.
    Certificates,
}

impl Shared {
    /// Takes over the certificates of the node and the service in the committed state that was published last. With the
    /// endorsed certificate the self-signed one is renewed, for the same time. What cannot be read, or is of other keys,
    /// is left alone. Some signatures' worth of work, if there is anything new; to be called by one thread at a time.
    pub fn renew(&self) -> Renewed {
        let Some(service) = self.keys.service() else { return Renewed::Nothing };
        let of_service = self.renew_service(service);
        if self.renew_node(service) || of_service { Renewed::Certificates } else { Renewed::Nothing }
    }

    fn renew_service(&self, service: &ServiceIdentity) -> bool {
        let info = Tables::default().service.info.get(&self.state.load().committed);
        let Some(certificate) = info.ok().flatten().and_then(|info| Certificate::from_pem(&info.cert).ok())
        else {
            return false;
        };
        let present = service.certificate.load();
        let same_key = certificate.public_key().spki_der() == present.public_key().spki_der();
        let renewed = same_key && certificate.der() != present.der();
        if renewed {
            service.certificate.store(Arc::new(certificate));
        }
        renewed
    }

    fn renew_node(&self, service: &ServiceIdentity) -> bool {
        let rows = Tables::default().nodes.endorsed_certificates;
        let row = rows.get(&self.state.load().committed, &self.keys.node_id);
        let Some(endorsed) = row.ok().flatten().and_then(|pem| Certificate::from_pem(&pem).ok()) else {
            return false;
        };
        if endorsed.der() == service.endorsed.load().der() {
            return false;
        }
        let own_key = endorsed.public_key().id() == self.keys.node_id;
        if !own_key || endorsed.verify_issued_by(&service.certificate.load()).is_err() {
            self.log.fail(format_args!("The ledger has a certificate of this node that is not one"));
            return false;
        }
        self.keys.renew_self_signed(endorsed.validity(), &*self.entropy);
        service.endorsed.store(Arc::new(endorsed));
        true
    }
}
