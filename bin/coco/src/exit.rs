//! Exit statuses, and errors on their way to the terminal.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

/// What was to be shown is not so: a damaged ledger, an invalid receipt, a fault of the node.
pub(crate) const REFUSED: u8 = 1;
/// Wrong arguments, or something needed cannot be read or written.
pub(crate) const UNUSABLE: u8 = 2;
/// A ledger is verified, but an unsigned or torn tail follows.
pub(crate) const TAIL: u8 = 3;
/// A configuration is not valid; the number is CCF's.
pub(crate) const INVALID_CONFIG: u8 = 105;

/// The status of a command that could not do its work, which it tells on standard error.
pub(crate) fn failed(error: impl Display) -> ExitCode {
    eprintln!("coco: {error}");
    ExitCode::from(UNUSABLE)
}

/// Writes to standard output; a reader that went away has seen enough.
pub(crate) fn print<E: From<io::Error>>(
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut out = Output { inner: io::BufWriter::new(io::stdout().lock()), reader_gone: false };
    let result = write(&mut out).and_then(|()| Ok(out.flush()?));
    if out.reader_gone { Ok(()) } else { result }
}

struct Output<'a> {
    inner: io::BufWriter<io::StdoutLock<'a>>,
    reader_gone: bool,
}

impl Output<'_> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.reader_gone |= result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}
