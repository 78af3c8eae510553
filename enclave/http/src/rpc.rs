//! The node's RPC interfaces together, as the host sees them.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use coco_boundary::{ByteStream, InterfaceName, Sessions};

use crate::{driver::Driver, gather::Gather, interface::Interface, serve::serve};

/// All RPC interfaces, and the node behind them.
pub struct Rpc {
    interfaces: BTreeMap<InterfaceName, Arc<Interface>>,
    driver: Driver,
}

impl Rpc {
    /// Serves `interfaces` with `driver`.
    #[must_use]
    pub fn new(interfaces: impl IntoIterator<Item = Arc<Interface>>, driver: Driver) -> Self {
        let named = interfaces.into_iter().map(|interface| (interface.settings.name.clone(), interface));
        Self { interfaces: named.collect(), driver }
    }
}

impl Sessions for Rpc {
    type Thread = Gather;

    fn thread(&self) -> Gather {
        Gather::new(self.driver.clone())
    }

    fn serve(
        &self,
        thread: &Gather,
        interface: &InterfaceName,
        _: SocketAddr,
        stream: impl ByteStream,
    ) -> impl Future<Output = ()> + Send + 'static {
        let interface = self.interfaces.get(interface).cloned();
        let gather = thread.clone();
        async move {
            if let Some(interface) = interface {
                serve(stream, &interface, &gather).await;
            }
        }
    }
}
