//! Questions to the device of a guest.

use std::{
    io::{self, ErrorKind},
    sync::{Arc, Mutex},
};

use coco_boundary::Log;
use coco_imitated::snp::Machine;
use coco_wire::Digest;

use super::sev_snp::{believe, certificates, given, table};
use crate::platform::{
    EvidenceSource as _,
    report::{Report, Reports as _},
    sev_guest::{ANSWER_LEN, ATTEMPTS, Asked, Device, QUESTION_LEN, SevGuest},
    sev_snp::SnpPlatform,
};

const REPORT_DATA: [u8; 64] = [7; 64];
/// Room that is given first.
const ROOM: usize = 16 * 1024;
/// What kernels say before anybody was asked, older and newer ones.
const NOT_ASKED: [u64; 3] = [0xff, u32::MAX as u64, u64::MAX];
const BUSY: u64 = 2 << 32;
const TOO_SHORT: u64 = 1 << 32;

/// What the device does with a question.
type Act = Box<dyn FnMut(Option<&mut [u8]>, &mut [u8; ANSWER_LEN]) -> Asked + Send>;

/// A device that does one thing after the other, and the last one again and again.
#[derive(Clone)]
struct Imitated(Arc<Mutex<State>>);

struct State {
    acts: Vec<Act>,
    /// `report` or `extended`, the latter with the room, and `pause`.
    calls: Vec<String>,
    questions: Vec<[u8; QUESTION_LEN]>,
}

impl Imitated {
    fn new(acts: Vec<Act>) -> Self {
        Self(Arc::new(Mutex::new(State { acts, calls: Vec::new(), questions: Vec::new() })))
    }

    fn report(&self) -> Result<Report, String> {
        SevGuest::new(Box::new(self.clone())).report(&REPORT_DATA).map_err(|error| error.to_string())
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }
}

impl Device for Imitated {
    fn ask(
        &self,
        question: &[u8; QUESTION_LEN],
        table: Option<&mut [u8]>,
        answer: &mut [u8; ANSWER_LEN],
    ) -> Asked {
        let mut state = self.0.lock().unwrap();
        let room = table.as_ref().map(|table| table.len());
        state.calls.push(room.map_or("report".to_owned(), |room| format!("extended {room}")));
        state.questions.push(*question);
        if state.acts.len() > 1 {
            return state.acts.remove(0)(table, answer);
        }
        state.acts[0](table, answer)
    }

    fn pause(&self) {
        self.0.lock().unwrap().calls.push("pause".to_owned());
    }
}

/// `MSG_REPORT_RSP`
fn fill(answer: &mut [u8; ANSWER_LEN], status: u32, length: u32, report: &[u8]) {
    answer[..4].copy_from_slice(&status.to_le_bytes());
    answer[4..8].copy_from_slice(&length.to_le_bytes());
    answer[32..32 + report.len()].copy_from_slice(report);
}

fn asked(result: io::Result<()>, exit_info: u64, table_len: usize) -> Asked {
    Asked { result, exit_info, table_len }
}

/// A report, and this table.
fn gives(report: &[u8], table: &[u8]) -> Act {
    let (report, given) = (report.to_vec(), table.to_vec());
    Box::new(move |room, answer| {
        fill(answer, 0, u32::try_from(report.len()).unwrap(), &report);
        if let Some(room) = room {
            room[..given.len()].copy_from_slice(&given);
        }
        asked(Ok(()), 0, 0)
    })
}

/// An error of the system, with what firmware and host say.
fn fails(kind: ErrorKind, exit_info: u64, table_len: usize) -> Act {
    Box::new(move |_, _| asked(Err(kind.into()), exit_info, table_len))
}

/// An answer with this status, and this length of a report.
fn answers(status: u32, length: u32) -> Act {
    Box::new(move |_, answer| {
        fill(answer, status, length, &[3; 8]);
        asked(Ok(()), 0, 0)
    })
}

fn room(length: usize, content: &[u8]) -> Vec<u8> {
    let mut table = vec![0; length];
    table[..content.len()].copy_from_slice(content);
    table
}

fn given_report(table: Vec<u8>) -> Result<Report, String> {
    Ok(Report { provider: "sev_guest".to_owned(), quote: b"report".to_vec(), auxiliary: table })
}

#[test]
fn a_question_is_put_once() {
    let device = Imitated::new(vec![gives(b"report", b"table")]);
    assert_eq!(device.report(), given_report(room(ROOM, b"table")));
    assert_eq!(device.calls(), [format!("extended {ROOM}")]);
    let question = device.0.lock().unwrap().questions[0];
    // The highest privilege level, and nothing in what is reserved.
    assert_eq!((&question[..64], &question[64..]), (&REPORT_DATA[..], &[0; 32][..]));
}

#[test]
fn a_longer_table_gets_the_room_that_it_needs() {
    let long = 5 * 4096;
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        let device = Imitated::new(vec![fails(kind, TOO_SHORT, long), gives(b"report", b"table")]);
        assert_eq!(device.report(), given_report(room(long, b"table")));
        assert_eq!(device.calls(), [format!("extended {ROOM}"), format!("extended {long}")]);
    }
    // Lengths that no table has, or one that grows: then there is none.
    for told in [0, ROOM, ROOM + 1, (1 << 20) + 4096, usize::MAX] {
        let device = Imitated::new(vec![fails(ErrorKind::Other, TOO_SHORT, told), gives(b"report", b"")]);
        assert_eq!(device.report(), given_report(Vec::new()), "{told}");
        assert_eq!(device.calls(), [&format!("extended {ROOM}"), "report"]);
    }
    let growing = fails(ErrorKind::Other, TOO_SHORT, long);
    let device =
        Imitated::new(vec![growing, fails(ErrorKind::Other, TOO_SHORT, 2 * long), gives(b"report", b"")]);
    assert_eq!(device.report(), given_report(Vec::new()));
    assert_eq!(device.calls(), [&format!("extended {ROOM}"), &format!("extended {long}"), "report"]);
}

#[test]
fn who_is_busy_is_asked_again_for_a_while() {
    let passing = [
        (ErrorKind::WouldBlock, NOT_ASKED[0]),
        (ErrorKind::ResourceBusy, NOT_ASKED[1]),
        (ErrorKind::Interrupted, NOT_ASKED[2]),
        (ErrorKind::WouldBlock, BUSY),
        (ErrorKind::TimedOut, BUSY),
    ];
    for (kind, exit_info) in passing {
        let device = Imitated::new(vec![
            fails(kind, exit_info, 0),
            fails(kind, exit_info, 0),
            gives(b"report", b"table"),
        ]);
        assert_eq!(device.report(), given_report(room(ROOM, b"table")));
        let extended = format!("extended {ROOM}");
        assert_eq!(device.calls(), [&extended, "pause", &extended, "pause", &extended]);
    }
    let device = Imitated::new(vec![fails(ErrorKind::WouldBlock, BUSY, 0)]);
    assert_eq!(device.report(), Err("the host is busy, again and again".to_owned()));
    let calls = device.calls();
    let count = |call: &str| u32::try_from(calls.iter().filter(|other| other.starts_with(call)).count());
    assert_eq!([count("extended"), count("report")], [Ok(ATTEMPTS); 2]);
    assert_eq!(count("pause"), Ok(2 * (ATTEMPTS - 1)));
}

#[test]
fn refusals_are_told_in_words() {
    let denied = io::Error::from(ErrorKind::PermissionDenied).to_string();
    let cases = [
        (fails(ErrorKind::PermissionDenied, NOT_ASKED[1], 0), denied.as_str()),
        (fails(ErrorKind::PermissionDenied, 0, 0), denied.as_str()),
        (fails(ErrorKind::Other, 0x16, 0), "the firmware refuses the question: a parameter is wrong (0x16)"),
        (fails(ErrorKind::Other, 0x77, 0), "the firmware refuses the question: status (0x77)"),
        (fails(ErrorKind::Other, 9 << 32, 0), "the host refuses the question: 9"),
        (answers(0x27, 0), "the firmware gives no report: the signing key cannot be used (0x27)"),
        (answers(0, 0), "the answer of the firmware is malformed"),
        (answers(0, 3969), "the answer of the firmware is malformed"),
        (answers(0, u32::MAX), "the answer of the firmware is malformed"),
    ];
    for (act, expected) in cases {
        let device = Imitated::new(vec![act]);
        assert_eq!(device.report(), Err(expected.to_owned()));
        assert_eq!(device.calls(), [&format!("extended {ROOM}"), "report"]);
    }
    // The longest that an answer has room for.
    let longest = Imitated::new(vec![answers(0, 3968)]);
    assert_eq!(longest.report().unwrap().quote.len(), 3968);
}

#[test]
fn hosts_without_certificates_give_reports() {
    for refusal in [
        fails(ErrorKind::InvalidInput, NOT_ASKED[1], 0),
        fails(ErrorKind::Other, 9 << 32, 0),
        fails(ErrorKind::Other, 0x15, 0),
    ] {
        let device = Imitated::new(vec![refusal, gives(b"report", b"")]);
        assert_eq!(device.report(), given_report(Vec::new()));
        assert_eq!(device.calls(), [&format!("extended {ROOM}"), "report"]);
    }
}

#[test]
fn what_a_guest_shows_through_the_device_is_believed() {
    let machine = Machine::milan();
    let (text, roots) = certificates(&machine);
    let of_host = table(&text);
    let sign: Act = Box::new(move |room, answer| {
        let mut machine = machine.clone();
        machine.bind(&Digest([9; 32]));
        let report = machine.sign_report();
        fill(answer, 0, u32::try_from(report.len()).unwrap(), &report);
        room.expect("the host has certificates")[..of_host.len()].copy_from_slice(&of_host);
        asked(Ok(()), 0, 0)
    });
    let device = Imitated::new(vec![sign]);
    let reports = Box::new(SevGuest::new(Box::new(device.clone())));
    let platform = SnpPlatform::start(reports, given(None, None), &Log::discard()).unwrap();
    let report_data = Digest([9; 32]);
    believe(platform.quote(report_data).unwrap(), roots, report_data);
}

#[test]
fn a_kernel_without_the_device_says_so() {
    let root = tempfile::tempdir().unwrap();
    let absent = SevGuest::of_kernel(root.path());
    assert_eq!(absent.report(&REPORT_DATA).unwrap_err().kind(), ErrorKind::NotFound);
    // A file is no device.
    std::fs::create_dir(root.path().join("dev")).unwrap();
    std::fs::write(root.path().join("dev/sev-guest"), "").unwrap();
    let file = SevGuest::of_kernel(root.path()).report(&REPORT_DATA).unwrap_err();
    assert_eq!(file.raw_os_error(), Some(rustix::io::Errno::NOTTY.raw_os_error()));
}
