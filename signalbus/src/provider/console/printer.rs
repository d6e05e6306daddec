use std::io::{self, ErrorKind, Write};

/// Writes whole pages, and knows when one was cut off.
pub(super) struct Printer {
    output: Output,
    /// Whether the last page may have ended within a line.
    cut: bool,
}

enum Output {
    /// Locked for a whole page: the program prints to it too.
    Stdout,
    Writer(Box<dyn Write + Send>),
}

/// Why a page is not known to be printed.
#[derive(Debug)]
pub(super) enum PrintError {
    /// Not one byte was taken.
    Nothing(io::Error),
    /// The page was begun.
    Part(io::Error),
    /// The page was taken, and may be lost on the way.
    Unflushed(io::Error),
}

impl Printer {
    pub(super) fn stdout() -> Self {
        Self {
            output: Output::Stdout,
            cut: false,
        }
    }

    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self {
            output: Output::Writer(Box::new(writer)),
            cut: false,
        }
    }

    /// Writes a page that ends with a line break, and flushes it. After a page that was cut off
    /// it begins on a line of its own.
    pub(super) fn print(&mut self, page: &str) -> Result<(), PrintError> {
        match &mut self.output {
            Output::Stdout => print(&mut io::stdout().lock(), &mut self.cut, page),
            Output::Writer(writer) => print(writer, &mut self.cut, page),
        }
    }
}

fn print(writer: &mut dyn Write, cut: &mut bool, page: &str) -> Result<(), PrintError> {
    if *cut {
        writer.write_all(b"\n").map_err(PrintError::Nothing)?;
    }
    let mut left = page.as_bytes();
    while !left.is_empty() {
        let begun = left.len() < page.len();
        // Whatever becomes of this write, a panic included, the page is not whole yet.
        *cut = true;
        let error = match writer.write(left) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(count) => {
                left = left.get(count..).unwrap_or_default();
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        *cut = begun;
        return Err(if begun {
            PrintError::Part(error)
        } else {
            PrintError::Nothing(error)
        });
    }
    *cut = false;
    writer.flush().map_err(PrintError::Unflushed)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Sheet>>);

    #[derive(Default)]
    struct Sheet {
        text: String,
        /// What becomes of the next writes; then all are taken whole.
        writes: VecDeque<Result<usize, ErrorKind>>,
        cannot_flush: bool,
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut sheet = self.0.lock().unwrap();
            let count = sheet.writes.pop_front().unwrap_or(Ok(bytes.len()))?;
            sheet
                .text
                .push_str(str::from_utf8(&bytes[..count]).unwrap());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            if self.0.lock().unwrap().cannot_flush {
                return Err(ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }

    impl Paper {
        fn then(writes: impl IntoIterator<Item = Result<usize, ErrorKind>>) -> Self {
            let paper = Self::default();
            paper.0.lock().unwrap().writes.extend(writes);
            paper
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().text.clone()
        }
    }

    #[test]
    fn a_page_is_written_whole_though_the_writer_takes_it_in_parts() {
        let paper = Paper::then([Ok(1), Err(ErrorKind::Interrupted), Ok(2)]);
        Printer::new(paper.clone()).print("one two\n").unwrap();
        assert_eq!(paper.text(), "one two\n");
    }

    #[test]
    fn a_failure_says_how_much_was_written() {
        for (writes, is_part) in [
            (vec![Err(ErrorKind::BrokenPipe)], false),
            (vec![Ok(0)], false),
            (vec![Err(ErrorKind::Interrupted), Ok(0)], false),
            (vec![Ok(3), Err(ErrorKind::StorageFull)], true),
            (vec![Ok(3), Ok(0)], true),
        ] {
            let error = Printer::new(Paper::then(writes.clone())).print("one\n");
            match error.unwrap_err() {
                PrintError::Nothing(_) => assert!(!is_part, "{writes:?}"),
                PrintError::Part(_) => assert!(is_part, "{writes:?}"),
                PrintError::Unflushed(_) => panic!("{writes:?}: it was never flushed"),
            }
        }
    }

    #[test]
    fn a_page_that_cannot_be_flushed_is_told_apart() {
        let paper = Paper::default();
        paper.0.lock().unwrap().cannot_flush = true;
        let error = Printer::new(paper.clone()).print("one\n").unwrap_err();
        assert!(matches!(error, PrintError::Unflushed(_)), "{error:?}");
        assert_eq!(paper.text(), "one\n");
    }

    #[test]
    fn the_next_page_begins_on_a_line_of_its_own() {
        let full = Err(ErrorKind::StorageFull);
        for (writes, text) in [
            (vec![Ok(2), full], "on\ntwo\n"),
            (vec![full], "two\n"),
            (vec![Ok(2), full, full], "on\ntwo\n"),
        ] {
            let paper = Paper::then(writes);
            let mut printer = Printer::new(paper.clone());
            printer.print("one\n").unwrap_err();
            while printer.print("two\n").is_err() {}
            assert_eq!(paper.text(), text);
        }
    }
}
