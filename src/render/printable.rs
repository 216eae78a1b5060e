//! Makes log text safe to show: whatever an attacker wrote, a terminal or a page shows it as text.

use std::borrow::Cow;

/// True for characters that change how the text around them is shown, or that are not shown at all.
pub(super) fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Directions and isolates, which make a name read backwards.
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Line and paragraph separators, byte order mark, interlinear marks, tags.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line of text without control characters or bidi marks; these are shown as `\x1b` or `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_dangerous(c) && (c as u32) < 0x80 => {
                safe.push_str(&format!("\\x{:02x}", c as u32));
            }
            c if is_dangerous(c) => safe.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dangerous_is_left() {
        assert_eq!(
            printable("plain <b>text</b>, =1+1"),
            "plain <b>text</b>, =1+1"
        );
        assert_eq!(printable("a\x1b[2Jb\u{9b}31m"), "a\\x1b[2Jb\\u{9b}31m");
        assert_eq!(printable("moc.elpmaxe\u{202e}@a"), "moc.elpmaxe\\u{202e}@a");
        assert_eq!(printable("a\tb\r\nc\0"), "a\\tb\\r\\nc\\x00");
        let every: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        assert!(!printable(&every).chars().any(is_dangerous));
    }
}
