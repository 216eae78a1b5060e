//! A document as one page of HTML: no request to anywhere, light and dark, printable, safe against log text.

mod chart;

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::printable::printable;
use crate::answer::{Block, Chart, Document, Table};
use crate::finding::Level;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Of `page.js`: the only script that the page's policy lets run (CSP level 2, script-src hashes).
const SCRIPT_SHA256: &str = "1vuFtpLiNfEs+ZXGtgaAbrCIxpLGOuPxSwn0CKiTbxI=";

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
