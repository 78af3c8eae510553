//! Errors of JSON-RPC: their codes are geth's, and so are their words where clients read them.

use std::borrow::Cow;

use coco_kv::Malformed;
use serde_json::{Value, json};

use crate::hex;

/// An answer that is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: Cow<'static, str>,
    pub(crate) data: Option<Value>,
}

impl RpcError {
    pub(crate) fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The message is no JSON.
    pub(crate) fn parse(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_700, message)
    }

    /// It is no request.
    pub(crate) fn request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_600, message)
    }

    /// There is no such method.
    pub(crate) fn method(name: &str) -> Self {
        Self::new(-32_601, format!("the method {} does not exist/is not available", name.escape_debug()))
    }

    /// Not what the method takes.
    pub(crate) fn params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_602, message)
    }

    /// It cannot be done.
    pub(crate) fn refused(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_000, message)
    }

    /// Whoever asks did not prove that they may (EIP-1193).
    pub(crate) fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(4100, message)
    }

    /// A contract undid the call, and this is what it says of it.
    pub(crate) fn reverted(data: &[u8]) -> Self {
        let message = match reason(data) {
            Some(reason) => format!("execution reverted: {reason}").into(),
            None => "execution reverted".into(),
        };
        Self { code: 3, message, data: Some(hex::data(data)) }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

impl From<Malformed> for RpcError {
    fn from(malformed: Malformed) -> Self {
        Self::new(-32_603, malformed.to_string())
    }
}

/// The text of `Error(string)`, or what `Panic(uint256)` stands for (Solidity, "Revert"; words as in geth).
fn reason(data: &[u8]) -> Option<Cow<'static, str>> {
    let (selector, rest) = data.split_first_chunk::<4>()?;
    match selector {
        [0x08, 0xc3, 0x79, 0xa0] => text(rest).map(Cow::Owned),
        [0x4e, 0x48, 0x7b, 0x71] => Some(panic(number(rest)?)),
        _ => None,
    }
}

fn text(data: &[u8]) -> Option<String> {
    let at = usize::try_from(number(data)?).ok()?;
    let rest = data.get(at..)?;
    let len = usize::try_from(number(rest)?).ok()?;
    let bytes = rest.get(32..)?.get(..len)?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// A word that is a small number.
fn number(data: &[u8]) -> Option<u64> {
    let (word, _) = data.split_first_chunk::<32>()?;
    let (zeros, low) = word.split_first_chunk::<24>()?;
    (*zeros == [0; 24]).then(|| low.try_into().map(u64::from_be_bytes).ok()).flatten()
}

fn panic(code: u64) -> Cow<'static, str> {
    let text = match code {
        0x00 => "generic panic",
        0x01 => "assert(false)",
        0x11 => "arithmetic underflow or overflow",
        0x12 => "division or modulo by zero",
        0x21 => "enum overflow",
        0x22 => "invalid encoded storage byte array accessed",
        0x31 => "out-of-bounds array access; popping on an empty array",
        0x32 => "out-of-bounds access of an array or bytesN",
        0x41 => "out of memory",
        0x51 => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}").into(),
    };
    text.into()
}
