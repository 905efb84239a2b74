//! How deep a policy may be nested.
//!
//! Cedar's parser calls itself for every level and has no limit of its own: a text of nothing but
//! brackets would end the process. So the text is measured before it is parsed.

/// The most brackets that may be open at once.
const MAX_OPEN: usize = 50;
/// The most `if`s of one policy; each may stand in the one before.
const MAX_IFS: usize = 50;
/// The most operators and dots of one policy; a chain of them nests as well.
const MAX_OPERATORS: usize = 1_000;

/// The place of a policy that is nested too deep, in bytes, and why.
pub(crate) fn too_deep(text: &str) -> Option<(usize, String)> {
    let mut scan = Scan::default();
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                while let Some((_, byte)) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'/' if bytes.next_if(|(_, next)| *next == b'/').is_some() => {
                while bytes.next_if(|(_, next)| *next != b'\n').is_some() {}
            }
            byte => scan.take(byte),
        }
        if let Some(why) = scan.excess() {
            return Some((at, why));
        }
    }
    None
}

#[derive(Default)]
struct Scan {
    open: usize,
    ifs: usize,
    operators: usize,
    /// The word that is being read.
    word: Vec<u8>,
}

impl Scan {
    fn take(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            self.word.push(byte);
            return;
        }
        if self.word == b"if" {
            self.ifs += 1;
        }
        self.word.clear();
        match byte {
            b'(' | b'[' | b'{' => self.open += 1,
            b')' | b']' | b'}' => self.open = self.open.saturating_sub(1),
            b'&' | b'|' | b'+' | b'-' | b'*' | b'<' | b'>' | b'=' | b'!' | b'.' => {
                self.operators += 1;
            }
            b';' => *self = Self::default(),
            _ => {}
        }
    }

    fn excess(&self) -> Option<String> {
        let too_many = |what: &str, most: usize| {
            Some(format!(
                "the policy has more than {most} {what}: split it into several"
            ))
        };
        if self.open > MAX_OPEN {
            too_many("brackets open at once", MAX_OPEN)
        } else if self.ifs > MAX_IFS {
            too_many("`if`s", MAX_IFS)
        } else if self.operators > MAX_OPERATORS {
            too_many("operators", MAX_OPERATORS)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_and_comments_do_not_count() {
        let many = "(".repeat(60);
        assert!(too_deep(&format!("// {many}\n\"{many}\\\"{many}\"")).is_none());
        assert_eq!(too_deep(&format!("// a\n{many}")).unwrap().0, 5 + 50);
    }

    #[test]
    fn each_policy_is_measured_by_itself() {
        let one = format!(
            "permit (a) when {{ {}true }};\n",
            "if a then b else ".repeat(30)
        );
        assert!(too_deep(&one.repeat(30)).is_none());
        assert!(too_deep(&one.replace(';', "").repeat(2)).is_some());
        assert!(too_deep(&"a && ".repeat(3_000)).is_some());
    }

    #[test]
    fn a_word_that_only_begins_with_if_is_none() {
        assert!(too_deep(&"iff gif _if ".repeat(60)).is_none());
    }
}
