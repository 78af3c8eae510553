//! Questions to the kernel.

use std::{
    fs::{self, File},
    io::ErrorKind,
    process,
};

use super::kernel::Imitated;
use crate::platform::{
    report::{Report, Reports as _},
    tsm::{ATTEMPTS, Files as _, Kernel, MAX_LEN, NAMES},
};

const QUESTION: [u8; 64] = [7; 64];
/// What is asked for an answer, in order, in a folder.
const FILES: [&str; 6] = ["generation", "inblob", "provider", "outblob", "auxblob", "generation"];

/// A kernel that signs by adding one.
fn kernel() -> Imitated {
    Imitated::new(|question| question.iter().map(|byte| byte + 1).collect())
}

fn answer(auxiliary: &[u8]) -> Report {
    Report { provider: "sev_guest".to_owned(), quote: vec![8; 64], auxiliary: auxiliary.to_vec() }
}

fn folder(number: u32) -> String {
    format!("coco-{}-{number}", process::id())
}

fn calls(number: u32, attempts: u32) -> Vec<String> {
    let asked = (0..attempts).flat_map(|_| FILES).map(str::to_owned);
    let (create, remove) = (format!("create {}", folder(number)), format!("remove {}", folder(number)));
    [create].into_iter().chain(asked).chain([remove]).collect()
}

#[test]
fn each_question_has_a_folder_of_its_own() {
    let kernel = kernel();
    kernel.with(|state| state.auxiliary = Some(b"beside".to_vec()));
    let tsm = kernel.tsm();
    for number in 0..3 {
        assert_eq!(tsm.report(&QUESTION).unwrap(), answer(b"beside"));
        let done = kernel.with(|state| std::mem::take(&mut state.calls));
        assert_eq!(done, calls(number, 1));
    }
    kernel.with(|state| {
        assert!(state.questions.is_empty(), "no folder is left");
        // Providers without anything beside reports have no such file, or nothing in it.
        state.auxiliary = None;
    });
    assert_eq!(tsm.report(&QUESTION).unwrap(), answer(b""));
    kernel.with(|state| {
        state.auxiliary = Some(Vec::new());
        state.first_generation = u64::MAX;
    });
    assert_eq!(tsm.report(&QUESTION).unwrap(), answer(b""));
}

#[test]
fn a_question_is_put_again_if_somebody_else_writes_between() {
    for disturbances in 1..=ATTEMPTS {
        let kernel = kernel();
        kernel.with(|state| state.disturbances = disturbances);
        let report = kernel.tsm().report(&QUESTION);
        let believed = report.map_err(|error| error.to_string());
        let attempts = if disturbances < ATTEMPTS {
            assert_eq!(believed, Ok(answer(b"")), "{disturbances}");
            disturbances + 1
        } else {
            let text = "the questions of this process are not the only ones in its folder";
            assert_eq!(believed, Err(text.to_owned()));
            ATTEMPTS
        };
        kernel.with(|state| assert_eq!(state.calls, calls(0, attempts)));
    }
}

#[test]
fn a_call_that_fails_leaves_no_folder() {
    for (at, file) in FILES[..5].iter().enumerate() {
        for kind in [ErrorKind::TimedOut, ErrorKind::PermissionDenied, ErrorKind::ResourceBusy] {
            let kernel = kernel();
            kernel.with(|state| state.faults.push((*file, kind)));
            assert_eq!(kernel.tsm().report(&QUESTION).unwrap_err().kind(), kind, "{file}");
            kernel.with(|state| {
                assert!(state.questions.is_empty(), "{file}");
                assert_eq!(state.calls.len(), at + 3, "nothing is asked after {file}");
            });
        }
    }
    let fails = |faults: &[(&'static str, ErrorKind)]| {
        let kernel = kernel();
        kernel.with(|state| state.faults = faults.to_vec());
        (kernel.tsm().report(&QUESTION).unwrap_err().kind(), kernel.with(|state| state.calls.len()))
    };
    assert_eq!(fails(&[("create", ErrorKind::NotFound)]), (ErrorKind::NotFound, 1));
    assert_eq!(fails(&[("remove", ErrorKind::TimedOut)]), (ErrorKind::TimedOut, 8));
    // Of two reasons the first is told.
    let both = [("outblob", ErrorKind::InvalidInput), ("remove", ErrorKind::TimedOut)];
    assert_eq!(fails(&both), (ErrorKind::InvalidInput, 6));
}

#[test]
fn answers_that_make_no_sense() {
    for generation in ["", "x", "-1", "18446744073709551616", "\u{fffd}"] {
        let kernel = kernel();
        kernel.with(|state| state.generation = Some(generation.as_bytes().to_vec()));
        assert_eq!(
            kernel.tsm().report(&QUESTION).unwrap_err().kind(),
            ErrorKind::InvalidData,
            "{generation}"
        );
        kernel.with(|state| assert!(state.questions.is_empty()));
    }
    // A question of which a part is taken, and one that is not counted.
    for (taken, kind) in [((63, true), ErrorKind::WriteZero), ((64, false), ErrorKind::Other)] {
        let kernel = kernel();
        kernel.with(|state| state.taken = taken);
        assert_eq!(kernel.tsm().report(&QUESTION).unwrap_err().kind(), kind);
        kernel.with(|state| assert!(state.questions.is_empty()));
    }
}

#[test]
fn folders_of_a_process_that_was_ended_are_in_nobodys_way() {
    for left in [1, NAMES - 1, NAMES] {
        let kernel = kernel();
        let names = (0..left).map(|number| format!("/sys/kernel/config/tsm/report/{}", folder(number)));
        kernel.with(|state| state.questions = names.map(|name| (name.into(), (Vec::new(), 0))).collect());
        let tsm = kernel.tsm();
        let report = tsm.report(&QUESTION).map_err(|error| error.kind());
        if left < NAMES {
            assert_eq!(report, Ok(answer(b"")));
        } else {
            assert_eq!(report, Err(ErrorKind::AlreadyExists));
            // The next question begins behind them.
            assert_eq!(tsm.report(&QUESTION).unwrap(), answer(b""));
        }
        kernel.with(|state| assert_eq!(state.questions.len(), left as usize));
    }
}

#[test]
fn the_files_are_those_of_the_system() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("question");
    Kernel.create_directory(&folder).unwrap();
    assert_eq!(Kernel.create_directory(&folder).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let file = folder.join("inblob");
    assert_eq!(Kernel.write(&file, b"abc").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(Kernel.read(&file).unwrap_err().kind(), ErrorKind::NotFound);
    File::create(&file).unwrap();
    assert_eq!(Kernel.write(&file, b"abc").unwrap(), 3);
    assert_eq!(Kernel.read(&file).unwrap(), b"abc");
    File::options().write(true).open(&file).unwrap().set_len(MAX_LEN).unwrap();
    assert_eq!(Kernel.read(&file).unwrap().len() as u64, MAX_LEN);
    File::options().write(true).open(&file).unwrap().set_len(MAX_LEN + 1).unwrap();
    assert_eq!(Kernel.read(&file).unwrap_err().kind(), ErrorKind::FileTooLarge);
    fs::remove_file(&file).unwrap();
    Kernel.remove_directory(&folder).unwrap();
    assert_eq!(Kernel.remove_directory(&folder).unwrap_err().kind(), ErrorKind::NotFound);
}
