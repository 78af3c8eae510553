use std::sync::{Arc, Mutex};

use super::*;

struct Keep {
    from: Level,
    lines: Mutex<Vec<String>>,
}

impl LogSink for Keep {
    fn enabled(&self, level: Level) -> bool {
        level >= self.from
    }

    fn record(&self, record: &Record<'_>) {
        let line = format!("{}|{}|{}|{}", record.level.name(), record.tag, record.file, record.message);
        self.lines.lock().unwrap().push(line);
    }
}

#[test]
fn records_name_their_caller_and_pass_the_filter() {
    let keep = Arc::new(Keep { from: Level::Info, lines: Mutex::default() });
    let log = Log::new(Arc::clone(&keep) as Arc<dyn LogSink>);
    log.debug(format_args!("unseen"));
    log.tagged("app").fail(format_args!("entry {}", 3));
    let lines = keep.lines.lock().unwrap().clone();
    assert_eq!(lines, [format!("fail|app|{}|entry 3", file!())]);
}

#[test]
fn a_disabled_level_formats_nothing() {
    struct Loud;
    impl fmt::Display for Loud {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("formatted")
        }
    }
    for level in Level::ALL {
        assert!(!Log::discard().enabled(level));
        Log::discard().log(level, format_args!("{Loud}"));
    }
}
