//! Counts over time as a line of characters, for terminals and mails.

use crate::answer::{Bar, Chart};

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// The title, a line for all, a line for the marked part, and when it begins and ends.
pub(super) fn lines(chart: &Chart, utf8: bool) -> Vec<String> {
    let most = chart.bars.iter().map(|bar| bar.all).max().unwrap_or(0);
    let (Some(first), Some(last)) = (chart.bars.first(), chart.bars.last()) else {
        return Vec::new();
    };
    let row = |height: fn(&Bar) -> u64| -> String {
        let level = |bar: &Bar| character(height(bar), most, utf8);
        chart.bars.iter().map(level).collect()
    };
    let mut lines = vec![format!("{} (at most {most})", chart.title)];
    lines.push(format!("  |{}| all", row(|bar| bar.all)));
    if let Some(marked) = chart.marked {
        lines.push(format!("  |{}| {marked}", row(|bar| bar.marked)));
    }
    let gap = chart
        .bars
        .len()
        .saturating_sub(first.label.len() + last.label.len());
    lines.push(format!(
        "   {}{}{}",
        first.label,
        " ".repeat(gap.max(1)),
        last.label
    ));
    lines
}

/// Nothing is blank, and the least is not nothing.
fn character(n: u64, most: u64, utf8: bool) -> char {
    let levels = if utf8 { BLOCKS } else { ASCII };
    let top = levels.len() as u64 - 1;
    let level = (n * top).div_ceil(most.max(1)).min(top);
    levels[usize::try_from(level).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_not_nothing_and_the_most_is_full() {
        let bar = |all, marked| Bar {
            label: "11-19 22:00".to_owned(),
            all,
            marked,
        };
        let chart = Chart {
            title: "Messages an hour".to_owned(),
            marked: Some("somebody else's"),
            bars: vec![bar(0, 0), bar(1, 0), bar(50, 25), bar(100, 100)],
        };
        let shown = lines(&chart, false);
        assert_eq!(shown[1], "  | .=@| all");
        assert_eq!(shown[2], "  |  :@| somebody else's");
        assert_eq!(lines(&chart, true)[1], "  | ▁▄█| all");
        assert!(lines(&Chart::default(), true).is_empty());
    }
}
