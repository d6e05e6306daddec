//! What servers send, made into what lettre reads.
//!
//! RFC 5321 section 4.2 asks for ASCII, CRLF and a space behind the code, and asks clients to take
//! less. lettre's reader gives up on a reply in another character set, waits for ever on a bare LF,
//! and takes no reply without a space. After the final dot each of these would turn a clear answer
//! into an unknown one.

/// Characters kept of a line: what lettre takes is 1,000 bytes, and texts are not kept anyway.
const LINE: usize = 900;

/// Passes bytes on, line by line. What comes out has only printable ASCII and CRLF.
#[derive(Debug, Default)]
pub(crate) struct ReplyFilter {
    column: usize,
}

impl ReplyFilter {
    /// Passes `input` on to the end of `out`. Cutting the input elsewhere changes nothing.
    pub(crate) fn pass(&mut self, input: &[u8], out: &mut Vec<u8>) {
        for &byte in input {
            match byte {
                b'\r' => {}
                b'\n' => {
                    if self.column == 3 {
                        out.push(b' ');
                    }
                    out.extend_from_slice(b"\r\n");
                    self.column = 0;
                }
                _ if self.column == LINE => {}
                _ => {
                    out.push(if matches!(byte, b' '..=b'~') {
                        byte
                    } else {
                        b'?'
                    });
                    self.column += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(input: &[u8]) -> String {
        let mut out = Vec::new();
        ReplyFilter::default().pass(input, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_real_servers_send_becomes_what_can_be_read() {
        for (sent, read) in [
            (&b"250 2.0.0 ok\r\n"[..], "250 2.0.0 ok\r\n"),
            (b"250\r\n", "250 \r\n"),
            (b"250 ok\n", "250 ok\r\n"),
            (b"250-a\r\n250\r\n", "250-a\r\n250 \r\n"),
            (
                b"550 Empf\xe4nger unbekannt\r\n",
                "550 Empf?nger unbekannt\r\n",
            ),
            (b"550 \0\x1b[31m\r\n", "550 ??[31m\r\n"),
        ] {
            assert_eq!(passed(sent), read);
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let long = [b"250 ".as_slice(), &vec![b'x'; 100_000], b"\r\n"].concat();
        assert_eq!(passed(&long).len(), LINE + 2);
    }

    #[test]
    fn it_does_not_matter_where_the_input_is_cut() {
        let sent = b"250-a\r\n250\r\n550 \xe4\n";
        for cut in 0..sent.len() {
            let (mut filter, mut out) = (ReplyFilter::default(), Vec::new());
            filter.pass(&sent[..cut], &mut out);
            filter.pass(&sent[cut..], &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), passed(sent), "{cut}");
        }
    }
}
