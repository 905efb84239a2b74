//! Reads server-sent events, in whatever pieces they arrive.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its type; `message` unless named.
    pub(crate) event: String,
    /// Its data lines, joined.
    pub(crate) data: String,
    /// Its id, where it has one.
    pub(crate) id: Option<String>,
}

/// The longest event that is kept; more is given up as no event of ours.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Collects bytes until an event is whole.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    frame: Frame,
    started: bool,
    size: usize,
}

/// The event is longer than anything that we send.
#[derive(Debug, thiserror::Error)]
#[error("an event is longer than {MAX_BYTES} bytes")]
pub(crate) struct TooLong;

impl Parser {
    /// Takes further bytes and gives the events that are whole now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                self.size = self.size.saturating_add(1);
                if self.size > MAX_BYTES {
                    return Err(TooLong);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.is_empty() {
                frames.extend(self.end());
            } else {
                self.field(line);
            }
        }
        Ok(frames)
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.frame.event),
            "id" => self.frame.id = Some(value.to_owned()),
            "data" => {
                if self.started {
                    self.frame.data.push('\n');
                }
                self.started = true;
                self.frame.data.push_str(value);
            }
            // A comment, `retry`, or a field of the future.
            _ => {}
        }
    }

    fn end(&mut self) -> Option<Frame> {
        let mut frame = std::mem::take(&mut self.frame);
        let whole = std::mem::take(&mut self.started);
        self.size = 0;
        if frame.event.is_empty() {
            "message".clone_into(&mut frame.event);
        }
        whole.then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: 7\nevent: upsert\ndata: {\"a\":\ndata: 1}\n\nevent: ping\r\ndata: {}\r\n\r\n";

    #[test]
    fn events_are_the_same_at_any_chunk_size() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let mut frames = Vec::new();
            for chunk in STREAM.as_bytes().chunks(size) {
                frames.extend(parser.push(chunk).unwrap());
            }
            assert_eq!(frames.len(), 2, "{size}");
            assert_eq!(frames[0].id.as_deref(), Some("7"));
            assert_eq!(frames[0].data, "{\"a\":\n1}");
            assert_eq!(frames[1].event, "ping");
            assert_eq!(frames[1].id, None);
        }
    }

    #[test]
    fn endless_event_is_given_up() {
        let mut parser = Parser::default();
        let piece = vec![b'a'; 1024 * 1024];
        let pushed = (0..5).map(|_| parser.push(&piece)).find(Result::is_err);
        assert!(pushed.is_some());
    }
}
