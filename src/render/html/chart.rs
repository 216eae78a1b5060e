//! Bars over time as an inline SVG: numbers and times only, so that no log text gets into a picture.

use plotters::prelude::*;

use crate::answer::Chart;

/// Width and height of the drawing's own units; the page scales it.
const SIZE: (u32, u32) = (720, 200);
const ALL: RGBColor = RGBColor(0x8f, 0xa3, 0xb8);
const MARKED: RGBColor = RGBColor(0xb3, 0x26, 0x1e);

/// Draws the chart; `None` where there is nothing to draw.
pub(super) fn svg(chart: &Chart) -> Option<String> {
    let most = chart
        .bars
        .iter()
        .map(|bar| bar.all)
        .max()
        .filter(|most| *most > 0)?;
    let mut drawing = String::new();
    draw(chart, most, &mut drawing).ok()?;
    // Inside a page the picture needs no document type of its own.
    let start = drawing.find("<svg")?;
    drawing.get(start..).map(str::to_owned)
}

fn draw(
    chart: &Chart,
    most: u64,
    drawing: &mut String,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let area = SVGBackend::with_string(drawing, SIZE).into_drawing_area();
    let n_bars = i32::try_from(chart.bars.len()).unwrap_or(i32::MAX);
    let mut plot = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(44)
        .build_cartesian_2d(0..n_bars, 0..most)?;
    let label = |at: &i32| {
        let bar = usize::try_from(*at).ok().and_then(|at| chart.bars.get(at));
        bar.map(|bar| bar.label.clone()).unwrap_or_default()
    };
    plot.configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .y_labels(4)
        .x_label_formatter(&label)
        .draw()?;
    for (height, color) in [(Height::All, ALL), (Height::Marked, MARKED)] {
        let bars = chart.bars.iter().zip(0..).map(|(bar, at)| {
            let top = match height {
                Height::All => bar.all,
                Height::Marked => bar.marked,
            };
            let mut rectangle = Rectangle::new([(at, 0), (at + 1, top)], color.filled());
            rectangle.set_margin(0, 0, 1, 0);
            rectangle
        });
        plot.draw_series(bars)?;
    }
    area.present()
}

#[derive(Clone, Copy)]
enum Height {
    All,
    Marked,
}
