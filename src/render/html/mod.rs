//! A document as one page of HTML: no request to anywhere, light and dark, printable, safe against log text.

mod chart;

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::printable::printable;
use crate::answer::{Block, Chart, Document, Table};
use crate::finding::Level;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Of `page.js`: the only script that the page's policy lets run (CSP level 2, script-src hashes).
const SCRIPT_SHA256: &str = "sKPKKXySlf1Ur5clMksRP6dpQE+K0+AZ5/0K5IPpHes=";

/// Writes the page. All text goes through `printable`, and maud escapes it.
pub fn html(document: &Document) -> String {
    let verdict = document.blocks.iter().find_map(|block| match block {
        Block::Verdict { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_SHA256}'; base-uri 'none'; form-action 'none'"
    );
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "mailsleuth: " (printable(verdict.unwrap_or("report"))) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (parts(&document.blocks)) }
                footer {
                    p {
                        "Made by mailsleuth. Countries and networks: ip-location-db, from Route Views, NRO and "
                        a href="https://db-ip.com" rel="noreferrer" { "IP Geolocation by DB-IP" }
                        " (CC BY 4.0)."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// A finding, from its claim to the next one or the next section, is an article of its own.
fn parts(blocks: &[Block]) -> Markup {
    let begins = |block: &Block| matches!(block, Block::Claim { .. } | Block::Section(_));
    let mut rest = blocks;
    let mut shown = Vec::new();
    while let Some(first) = rest.first() {
        let more = rest.iter().skip(1).position(begins);
        let (part, after) = rest.split_at(more.map_or(rest.len(), |more| more + 1));
        rest = after;
        shown.push(match first {
            Block::Claim { level, title } => article(*level, title, &part[1..]),
            _ => markup! { @for inner in part { (block(inner)) } },
        });
    }
    markup! { @for part in &shown { (part) } }
}

fn article(level: Level, title: &str, blocks: &[Block]) -> Markup {
    markup! {
        article class=(format!("{}-box", class_of(Some(level)))) {
            details open[level >= Level::Medium] {
                summary {
                    span.level.(class_of(Some(level))) { (level.as_str()) }
                    (printable(title))
                }
                @for inner in blocks { (block(inner)) }
            }
        }
    }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Section(text) => markup! { h2 { (printable(text)) } },
        Block::Heading(text) => markup! { h3 { (printable(text)) } },
        Block::Claim { level, title } => article(*level, title, &[]),
        Block::Paragraph(text) => markup! { p { (printable(text)) } },
        Block::Verdict { level, text } => markup! {
            h1.(class_of(*level)) { (printable(text)) }
        },
        Block::List(items) => markup! {
            ul { @for item in items { li { (printable(item)) } } }
        },
        Block::Table(rows) => table(rows),
        Block::Chart(chart) => figure(chart),
        Block::Quote(lines) => markup! {
            details {
                summary { (lines.len()) " lines of the log" }
                @for (place, line) in lines {
                    div.soft { (printable(place)) }
                    pre { (printable(line)) }
                }
            }
        },
        Block::Commands(commands) => markup! {
            @for (why, command) in commands {
                p { (printable(why)) }
                pre tabindex="0" { (printable(command)) }
            }
        },
    }
}

fn class_of(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Critical | Level::High) => "urgent",
        Some(Level::Medium) => "look",
        Some(Level::Low | Level::Info) => "soft",
        None => "calm",
    }
}

fn table(rows: &Table) -> Markup {
    let class = |column: usize| rows.numbers.contains(&column).then_some("number");
    markup! {
        div.scroll {
            table {
                thead {
                    tr {
                        @for (column, cell) in rows.head.iter().enumerate() {
                            th scope="col" class=[class(column)] { (cell) }
                        }
                    }
                }
                tbody {
                    @for row in &rows.rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                td class=[class(column)] { (printable(cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    let picture = chart::svg(chart);
    markup! {
        @if let Some(picture) = picture {
            figure role="img" aria-label=(chart.title) {
                figcaption {
                    (chart.title)
                    @if let Some(marked) = chart.marked { "; in red: " (marked) }
                }
                (PreEscaped(picture))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Bar;

    #[test]
    fn log_text_is_text_in_the_page() {
        let hostile = "<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}";
        let document = Document {
            blocks: vec![
                Block::Verdict {
                    level: Some(Level::High),
                    text: hostile.to_owned(),
                },
                Block::Claim {
                    level: Level::High,
                    title: hostile.to_owned(),
                },
                Block::Paragraph(hostile.to_owned()),
                Block::List(vec![hostile.to_owned()]),
                Block::Quote(vec![(hostile.to_owned(), hostile.to_owned())]),
                Block::Commands(vec![(hostile.to_owned(), hostile.to_owned())]),
                Block::Table(Table {
                    head: vec!["name"],
                    rows: vec![vec![hostile.to_owned()]],
                    numbers: vec![],
                }),
                Block::Section(hostile.to_owned()),
                Block::Heading(hostile.to_owned()),
            ],
        };
        let page = html(&document);
        assert_eq!(page.matches("<script>").count(), 1, "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 12, "{page}");
        assert!(!page.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn findings_are_articles_and_what_follows_them_is_not() {
        let claim = |title: &str| Block::Claim {
            level: Level::High,
            title: title.to_owned(),
        };
        let paragraph = |text: &str| Block::Paragraph(text.to_owned());
        let document = Document {
            blocks: vec![
                claim("first"),
                paragraph("inside"),
                claim("second"),
                Block::Section("Traffic".to_owned()),
                paragraph("outside"),
            ],
        };
        let page = html(&document);
        let order = [
            "<article",
            "first",
            "inside",
            "</article>",
            "<article",
            "second",
            "</article>",
            "<h2>Traffic",
            "outside",
        ];
        let mut rest = page.as_str();
        for part in order {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part}: {page}"));
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
    }

    #[test]
    fn bars_become_a_picture_without_a_font_or_a_request() {
        let bar = |all, marked| Bar {
            label: "11-19 22:00".to_owned(),
            all,
            marked,
        };
        let chart = Chart {
            title: "Messages an hour".to_owned(),
            marked: Some("somebody else's"),
            bars: vec![bar(3, 0), bar(50, 40)],
        };
        let picture = chart::svg(&chart).expect("a picture");
        assert!(picture.starts_with("<svg") && picture.contains("#B3261E"));
        assert!(!picture.contains("href"), "{picture}");
        assert_eq!(chart::svg(&Chart::default()), None);
    }

    /// The page's policy lets no other script run than this one.
    #[test]
    fn the_policy_names_the_script() {
        use base64::Engine as _;
        use sha2::Digest as _;
        let sum = sha2::Sha256::digest(SCRIPT);
        let sum = base64::engine::general_purpose::STANDARD.encode(sum);
        assert_eq!(sum, SCRIPT_SHA256);
    }
}
