//! A request on its way to where it is answered, perhaps by another thread.

use alloy_primitives::{Address, Bytes};
use alloy_rlp::{Decodable as _, Encodable as _, RlpDecodable, RlpEncodable};
use coco_app::CallBody;

/// One request of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Ask {
    /// Whether it came in a batch.
    pub(crate) batched: bool,
    /// What its sender calls it, as JSON; nothing if it wants no answer.
    pub(crate) id: Bytes,
    /// The session that the message names, if any.
    pub(crate) session: Bytes,
    /// Who signed the transaction that it submits.
    pub(crate) sender: Address,
    /// Its parameters as JSON; of a submission the transaction; of what is answered already, the answer.
    pub(crate) content: Bytes,
}

impl Ask {
    pub(crate) fn read(body: &CallBody) -> Option<Self> {
        let CallBody::Bytes(bytes) = body else { return None };
        Self::decode(&mut bytes.as_slice()).ok()
    }

    pub(crate) fn body(&self) -> CallBody {
        let mut bytes = Vec::with_capacity(self.length());
        self.encode(&mut bytes);
        CallBody::Bytes(bytes)
    }
}
