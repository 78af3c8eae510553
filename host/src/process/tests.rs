use std::fs;

use super::*;

#[test]
fn a_pid_file_is_written_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.pid");
    write_pid_file(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), process::id().to_string());
    let error = write_pid_file(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("PID file {} already exists. Exiting.", path.display()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
    let error = write_pid_file(&directory.path().join("none/node.pid")).unwrap_err();
    assert!(matches!(error, PidFileError::Io { .. }), "{error}");
}

#[test]
fn outputs_replace_and_are_readable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("0.pem");
    for content in ["first", "second"] {
        write_output(&path, content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o400, 0o400);
    assert_eq!(mode & 0o111, 0, "{mode:o}");
}

#[test]
fn inputs_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.json");
    fs::write(&path, b"12345").unwrap();
    assert_eq!(read_input(&path, 5).unwrap(), b"12345");
    assert_eq!(read_input(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(read_input(&path.with_extension("no"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
}
