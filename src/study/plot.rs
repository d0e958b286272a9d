//! The talk's three figures against the share of the photos, as one SVG.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::collect::{ArmSummary, Study};
use super::figure::{FIGURES, Figure, FigureKind, TALKED_OF};
use super::grid::Start;
use super::talk::TalkRow;

const SIZE: (u32, u32) = (1140, 400);
const FONT: &str = "sans-serif";
/// Okabe and Ito's blue and grey, as in [`crate::evaluation::plots`].
const TL: RGBColor = RGBColor(0, 114, 178);
const REF: RGBColor = RGBColor(90, 90, 90);

/// Draws the study: TL with its intervals, Ref as a band, the talk's figures as
/// hollow points (circles for TL, a square for Ref).
///
/// # Errors
/// A sentence where plotters could not draw.
pub fn draw(study: &Study) -> Result<String, String> {
    let failed = |reason: &dyn Display| format!("the study's plot cannot be drawn: {reason}");
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|e| failed(&e))?;
        let panels = area.split_evenly((1, TALKED_OF));
        for (kind, panel) in FIGURES[..TALKED_OF].iter().zip(&panels) {
            draw_panel(study, kind, panel).map_err(|e| failed(&e))?;
        }
        area.present().map_err(|e| failed(&e))?;
    }
    Ok(svg)
}

/// Share, mean and interval of a curve, from the smallest share up.
struct Point {
    percent: f64,
    mean: f64,
    low: f64,
    high: f64,
}

fn points(curve: &[&ArmSummary], name: &str) -> Vec<Point> {
    curve
        .iter()
        .filter_map(|arm| {
            let Figure { mean, interval, .. } = arm.figures.get(name)?;
            let mean = (*mean)?;
            Some(Point {
                percent: f64::from(arm.percent),
                mean,
                low: interval.map_or(mean, |i| i.low),
                high: interval.map_or(mean, |i| i.high),
            })
        })
        .collect()
}

fn talked(row: &TalkRow, name: &str) -> f64 {
    match name {
        "accuracy" => row.accuracy,
        "kappa_quadratic" => row.kappa_quadratic,
        _ => row.cross_entropy,
    }
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw_panel(
    study: &Study,
    kind: &FigureKind,
    area: &Panel,
) -> Result<(), Box<dyn std::error::Error>> {
    let reference = points(&study.curve(Start::Ref), kind.name);
    let transfer = points(&study.curve(Start::Tl), kind.name);
    let talk: Vec<(f64, f64, bool)> = study
        .talk
        .iter()
        .map(|row| (f64::from(row.percent), talked(row, kind.name), row.transfer))
        .collect();
    let values = reference
        .iter()
        .chain(&transfer)
        .flat_map(|p| [p.low, p.high])
        .chain(talk.iter().map(|t| t.1));
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let room = (high - low).max(0.02) * 0.06;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(kind.title, (FONT, 16))
        .x_label_area_size(44)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..105.0, low - room..high + room)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .y_labels(7)
        .x_desc("% of the training photos")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.2}"))
        .label_style((FONT, 12))
        .axis_desc_style((FONT, 13))
        .draw()?;

    let band: Vec<(f64, f64)> = reference
        .iter()
        .map(|p| (p.percent, p.low))
        .chain(reference.iter().rev().map(|p| (p.percent, p.high)))
        .collect();
    if reference.len() > 1 {
        chart.draw_series([Polygon::new(band, REF.mix(0.18).filled())])?;
    }
    for (name, color, curve) in [
        ("Ref: random weights", REF, &reference),
        ("TL: from ImageNet", TL, &transfer),
    ] {
        let line = curve.iter().map(|p| (p.percent, p.mean));
        chart
            .draw_series(LineSeries::new(line.clone(), color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(line.map(|at| Circle::new(at, 3, color.filled())))?;
    }
    let bars = transfer.iter().map(|p| {
        PathElement::new(
            [(p.percent, p.low), (p.percent, p.high)],
            TL.stroke_width(1),
        )
    });
    chart.draw_series(bars)?;
    chart
        .draw_series(
            talk.iter()
                .filter(|t| t.2)
                .map(|&(x, y, _)| Circle::new((x, y), 5, TL.stroke_width(1))),
        )?
        .label("the talk")
        .legend(|(x, y)| Circle::new((x + 8, y), 5, BLACK.stroke_width(1)));
    chart.draw_series(talk.iter().filter(|t| !t.2).map(|&(x, y, _)| {
        EmptyElement::at((x, y)) + Rectangle::new([(-5, -5), (5, 5)], REF.stroke_width(1))
    }))?;
    chart
        .configure_series_labels()
        .position(if kind.higher_is_better {
            SeriesLabelPosition::LowerRight
        } else {
            SeriesLabelPosition::UpperRight
        })
        .background_style(WHITE.mix(0.85))
        .border_style(REF.mix(0.4))
        .label_font((FONT, 12))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::collect::tests::{merged, plan, result};
    use super::*;

    #[test]
    fn every_run_and_the_talk_are_drawn() {
        let runs = [
            ("ref-100", 50),
            ("ref-010", 30),
            ("tl-100", 90),
            ("tl-010", 80),
        ];
        let results = runs.map(|(arm, right)| result(arm, 1, right));
        let svg = draw(&merged(&results, &plan(&[100, 10], 1, &[]))).unwrap();
        assert!(svg.starts_with("<svg"));
        // Three panels: four points, six rows of the talk for TL and its legend.
        assert_eq!(svg.matches("<circle").count(), 3 * (4 + 6 + 1));
        for words in [
            "Ref: random weights",
            "TL: from ImageNet",
            "Kappa, quadratic",
        ] {
            assert!(svg.contains(words), "{words}");
        }
    }
}
