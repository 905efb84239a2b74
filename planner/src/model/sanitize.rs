//! Foreign text before it is put into a prompt: no control, bidirectional, zero-width or tag characters,
//! and a bounded length.

use serde_json::Value;

/// One line of at most `limit` characters.
pub(super) fn line(text: &str, limit: usize) -> String {
    let spaced = |c: char| {
        if c.is_whitespace() || c.is_control() {
            ' '
        } else {
            c
        }
    };
    text.chars()
        .map(spaced)
        .filter(|c| !is_hidden(*c))
        .take(limit)
        .collect()
}

/// As [`line()`], with its line feeds.
pub(super) fn text(text: &str, limit: usize) -> String {
    let kept = |c: &char| *c == '\n' || (!c.is_control() && !is_hidden(*c));
    text.chars().filter(kept).take(limit).collect()
}

/// A JSON value with all its texts made [`line()`]s.
pub(super) fn value(json: &Value, limit: usize) -> Value {
    match json {
        Value::String(text) => Value::String(line(text, limit)),
        Value::Array(items) => Value::Array(items.iter().map(|item| value(item, limit)).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (line(name, limit), value(member, limit)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => json.clone(),
    }
}

/// Characters that a reader does not see, or that change how others are seen.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hidden_characters_vanish_and_lines_stay_lines() {
        let foreign = "pay\u{200b}ments\u{202e} is\r\ndown\u{e0041}\u{7}\u{0}";
        assert_eq!(line(foreign, 100), "payments is  down  ");
        assert_eq!(text(foreign, 100), "payments is\ndown");
        assert_eq!(line(foreign, 3), "pay");
        assert_eq!(
            value(&json!({"a\u{feff}": ["x\ny", 1]}), 9),
            json!({"a": ["x y", 1]})
        );
    }
}
